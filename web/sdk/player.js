/**
 * The loudspeaker: plays the frames of replies, holds and clears them, and knows how far they were truly heard; plays the other
 * callers beside them; or plays the stream of a WebRTC connection, which has all of it in one.
 *
 * @typedef {import('./protocol.js').AudioFrame} AudioFrame
 * @typedef {import('./playback-buffer.js').Moment} Moment
 * @typedef {import('./playback-buffer.js').Report} Report
 * @typedef {{do: 'play', frame: AudioFrame} | {do: 'voices', samples: Int16Array} | {do: 'hold' | 'resume' | 'clear', reply: number}
 *   | {do: 'reset' | 'close'}} Order  what the audio thread is told
 *
 * @typedef {object} PlayerEvents
 * @property {Report} playhead  `offset` samples of the reply have left the loudspeaker
 * @property {boolean} running  false: the browser stopped the sound (a phone call, another program)
 */

import { closeContext, startContext } from './audio-context.js';
import { Emitter } from './emitter.js';
import { HubbubError } from './errors.js';
import { PlaybackBuffer } from './playback-buffer.js';
import { StreamPlayer } from './stream-player.js';

const CHIME_HZ = [659, 988];
const CHIME_S = 0.18;

/**
 * Turns "played into the output" into "heard": sound spends `latencyMs` between the two.
 *
 * @extends {Emitter<PlayerEvents>}
 */
class Loudspeaker extends Emitter {
  constructor() {
    super();
    this.playhead = { reply: 0, offset: 0 };
    this.rateHz = 0;
    /** The device that it plays through; empty: the one that the system prefers. */
    this.speaker = '';
    /** @type {number | null} when the sound was last stopped, in ms of `performance.now()` */
    this.stoppedAt = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.draining = undefined;
  }

  get latencyMs() {
    return 0;
  }

  /** @param {Report} report */
  receive(report) {
    const still = report.moment !== 'start' && report.moment !== 'progress';
    const now = performance.now();
    if (!still) this.stoppedAt = null;
    else this.stoppedAt ??= now;
    clearTimeout(this.draining);
    const onItsWayMs = Math.max(0, this.latencyMs - (still ? now - /** @type {number} */ (this.stoppedAt) : 0));
    this.#tell(report, Math.floor(report.offset - (onItsWayMs * this.rateHz) / 1000));
    if (still && report.moment !== 'clear' && onItsWayMs > 0) {
      this.draining = setTimeout(() => this.#tell(report, report.offset), onItsWayMs);
    }
  }

  /** @param {Report} report @param {number} heard */
  #tell(report, heard) {
    const before = this.playhead.reply === report.reply ? this.playhead.offset : 0;
    this.playhead = { reply: report.reply, offset: Math.max(before, heard, 0) };
    this.emit('playhead', { moment: report.moment, ...this.playhead });
  }

  /** The playhead as a clock knows it, where the sound is a stream. @param {number} reply @param {number} offset */
  follow(reply, offset) {
    if (reply === this.playhead.reply && offset === this.playhead.offset) return;
    this.playhead = { reply, offset };
    this.emit('playhead', { moment: 'progress', reply, offset });
  }

  forget() {
    clearTimeout(this.draining);
    this.playhead = { reply: 0, offset: 0 };
    this.stoppedAt = null;
  }
}

/** Plays through an AudioWorklet. Make one with `Player.open`, from a click: browsers allow sound only then. */
export class Player extends Loudspeaker {
  /**
   * @param {number} rateHz  the rate of the frames; the context runs at it, and the browser converts
   * @returns {Promise<Player>}
   * @throws {HubbubError} `worklet-missing`, or `sound-blocked` where the browser does not let the sound begin
   */
  static async open(rateHz) {
    if (!('AudioContext' in globalThis) || !('AudioWorkletNode' in globalThis)) {
      throw new HubbubError('worklet-missing', 'this browser has no AudioWorklet, or the page is not on a secure origin');
    }
    const context = new AudioContext({ sampleRate: rateHz, latencyHint: 'interactive' });
    try {
      await context.audioWorklet.addModule(new URL('./worklets/playback.js', import.meta.url));
      await startContext(context);
    } catch (error) {
      await closeContext(context);
      if (error instanceof HubbubError) throw error;
      throw new HubbubError('worklet-missing', `the audio module did not load: ${error}`, { cause: error });
    }
    return new Player(context);
  }

  /** @param {AudioContext} context  with the playback module loaded */
  constructor(context) {
    super();
    this.context = context;
    this.rateHz = context.sampleRate;
    this.node = new AudioWorkletNode(context, 'hubbub-playback', { numberOfInputs: 0, outputChannelCount: [1] });
    this.gain = new GainNode(context);
    this.analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.node.connect(this.analyser).connect(this.gain).connect(context.destination);
    this.node.port.onmessage = (message) => message.data.forEach((/** @type {Report} */ report) => this.receive(report));
    this.window = new Float32Array(this.analyser.fftSize);
    this.loudness = 1;
    /** @type {StreamPlayer | null} */
    this.remote = null;
    context.onstatechange = () => this.emit('running', context.state === 'running');
  }

  get latencyMs() {
    return 1000 * (this.context.baseLatency + (this.context.outputLatency || 0));
  }

  /** @param {AudioFrame} frame */
  play(frame) {
    this.#order({ do: 'play', frame }, [frame.samples.buffer]);
  }

  /** What the other callers say, at once. @param {Int16Array} samples */
  voices(samples) {
    this.#order({ do: 'voices', samples }, [samples.buffer]);
  }

  /** Plays a stream beside what comes in frames, or none. @param {MediaStream | null} stream */
  listen(stream) {
    this.remote?.close();
    this.remote = stream && new StreamPlayer(stream, this.context, () => this.emit('running', false));
    if (this.remote) {
      this.remote.volume = this.loudness;
      void this.remote.choose(this.speaker);
    }
  }

  /**
   * Plays through another loudspeaker from now on.
   *
   * @param {string} id  of the device; empty: the one that the system prefers
   * @throws {HubbubError} `unsupported` where the browser does not let a page choose, `no-speaker` where there is no such device
   */
  async choose(id) {
    const context = /** @type {AudioContext & {setSinkId?: (id: string) => Promise<void>}} */ (this.context);
    if (!context.setSinkId) throw new HubbubError('unsupported', 'this browser does not let a page choose the loudspeaker');
    try {
      await context.setSinkId(id);
    } catch (cause) {
      throw new HubbubError('no-speaker', cause instanceof Error ? cause.message : String(cause), { cause });
    }
    this.speaker = id;
    await this.remote?.choose(id);
  }

  /** Silence at once; nothing is lost. @param {number} reply */
  hold(reply) {
    this.#order({ do: 'hold', reply });
  }

  /** @param {number} reply */
  resume(reply) {
    this.#order({ do: 'resume', reply });
  }

  /** Silence at once, for good. @param {number} reply */
  clear(reply) {
    this.#order({ do: 'clear', reply });
  }

  /** A new session begins. */
  reset() {
    this.forget();
    this.#order({ do: 'reset' });
  }

  /** A short sound, to try the loudspeaker by: two notes, one after the other. */
  chime() {
    const { context } = this;
    for (const [place, hz] of CHIME_HZ.entries()) {
      const from = context.currentTime + place * CHIME_S;
      const loudness = new GainNode(context, { gain: 0 });
      loudness.gain.setTargetAtTime(0.25, from, 0.01);
      loudness.gain.setTargetAtTime(0, from + CHIME_S / 2, 0.05);
      const note = new OscillatorNode(context, { frequency: hz });
      note.connect(loudness).connect(this.analyser);
      note.start(from);
      note.stop(from + 3 * CHIME_S);
    }
  }

  /** How loud it is now: RMS from 0 to 1, whatever the volume. */
  level() {
    this.analyser.getFloatTimeDomainData(this.window);
    const own = Math.sqrt(this.window.reduce((sum, sample) => sum + sample * sample, 0) / this.window.length);
    return Math.max(own, this.remote?.level() ?? 0);
  }

  get volume() {
    return this.gain.gain.value;
  }

  /** From 0 to 1. A silenced player still plays, so that captions keep their time. */
  set volume(volume) {
    this.loudness = volume;
    this.gain.gain.setTargetAtTime(volume, this.context.currentTime, 0.01);
    if (this.remote) this.remote.volume = volume;
  }

  /** Asks the browser once more to let sound out; call it from a click. */
  async wake() {
    await this.context.resume();
    await this.remote?.play();
    this.emit('running', this.context.state === 'running');
  }

  async close() {
    this.forget();
    this.listen(null);
    this.#order({ do: 'close' });
    this.context.onstatechange = null;
    await closeContext(this.context);
  }

  /** @param {Order} order @param {Transferable[]} [transfer] */
  #order(order, transfer = []) {
    this.node.port.postMessage(order, transfer);
  }
}

/**
 * Plays nothing but keeps time: for a page without sound, whose captions still light up word by word.
 */
export class SilentPlayer extends Loudspeaker {
  /** @param {number} rateHz */
  constructor(rateHz) {
    super();
    this.rateHz = rateHz;
    this.volume = 0;
    this.buffer = new PlaybackBuffer(rateHz);
    this.then = performance.now();
    this.timer = setInterval(() => this.#advance(), 20);
  }

  /** @param {AudioFrame} frame */
  play(frame) {
    this.buffer.push(frame);
  }

  voices() {}

  listen() {}

  async choose() {}

  /** @param {number} reply */
  hold(reply) {
    this.#advance();
    this.buffer.hold(reply);
    this.#report();
  }

  /** @param {number} reply */
  resume(reply) {
    this.buffer.resume(reply);
  }

  /** @param {number} reply */
  clear(reply) {
    this.#advance();
    this.buffer.clear(reply);
    this.#report();
  }

  reset() {
    this.forget();
    this.buffer.reset();
  }

  level() {
    return 0;
  }

  async wake() {}

  async close() {
    clearInterval(this.timer);
    this.forget();
  }

  #advance() {
    const now = performance.now();
    const samples = Math.min(this.rateHz, Math.round(((now - this.then) * this.rateHz) / 1000));
    this.then = now;
    this.buffer.pull(new Float32Array(samples));
    this.#report();
  }

  #report() {
    for (const report of this.buffer.takeReports()) this.receive(report);
  }
}
