/**
 * A caller with ear and mouth: a client, a microphone and a loudspeaker that belong together.
 *
 *     const voice = await connect({ url: location.origin, room: 'default', name: 'Ann' });   // from a click
 *     voice.on('reply', ({ agent, text, final }) => final && console.log(`${agent}: ${text}`));
 *     voice.mute(true);
 *     voice.leave();
 *
 * Events are those of the client, and a few of its own (`VoiceEvents`).
 *
 * @typedef {import('./hubbub.js').ClientEvents} ClientEvents
 * @typedef {import('./talk.js').AnyPlayer} AnyPlayer
 *
 * @typedef {object} VoiceEvents
 * @property {{reply: number, offset: number}} playhead  so far a reply was heard, in samples at the output rate
 * @property {number} level  of the microphone, RMS from 0 to 1, every 20 ms
 * @property {boolean} muted  the microphone was muted or opened
 * @property {{microphone: Microphone | null, error: HubbubError | null}} microphone  another one is used, or it went away
 * @property {{speaker: string, error: HubbubError | null}} speaker  another one is used, or the chosen one went away: then the system's
 *   choice is used until it is back
 * @property {boolean} running  false: the browser holds the sound back; `wake()` from a click lets it out
 *
 * @typedef {object} MoreOptions
 * @property {boolean | string} [microphone]  which one: true (as it is without this) the system's choice, or a device's id;
 *   false: none, to type and read
 * @property {MediaTrackConstraints} [constraints]  for the microphone, beyond echo cancelling and the like
 * @property {boolean | string} [speaker]  likewise; false: no sound (and in Node there is none)
 * @property {boolean} [keep]  keep the seat over a reload of the page, in the tab's storage
 * @property {(step: 'microphone' | 'joining') => void} [onStep]  told what is waited for
 * @typedef {import('./hubbub.js').Options & MoreOptions} ConnectOptions
 */

import { listDevices, watchDevices } from './devices.js';
import { Emitter } from './emitter.js';
import { HubbubError } from './errors.js';
import { HubbubClient } from './hubbub.js';
import { Microphone } from './microphone.js';
import { Player, SilentPlayer } from './player.js';
import { keepSeat, recallSeat, tabStorage } from './seat.js';
import { connectMicrophone, connectPlayer } from './talk.js';

/** A key let go takes effect when the last syllable has left: over WebRTC sound is slower than words. */
const TAIL_MS = 150;

/** @type {readonly string[]} */
const OWN_EVENTS = ['playhead', 'level', 'muted', 'microphone', 'speaker', 'running'];

/**
 * Joins a room with microphone and loudspeaker. Call it from a click: browsers let sound in and out only then.
 *
 * @param {ConnectOptions} options
 * @returns {Promise<Voice>}
 * @throws {HubbubError} of the microphone (`permission-refused`, `no-microphone`, …: join with `microphone: false` instead), or
 *   of the server (`unreachable`, `refused`, `protocol`)
 */
export async function connect(options) {
  const { microphone = true, speaker = true, constraints, onStep = () => {} } = options;
  const audible = speaker !== false && typeof document !== 'undefined';
  const opening = openPlayer(audible, options.audio?.output_rate_hz ?? 24000); // at once: later the click is forgotten
  let mic = null;
  try {
    if (microphone !== false && typeof navigator !== 'undefined' && typeof document !== 'undefined') {
      onStep('microphone');
      mic = await openMicrophone(microphone === true ? '' : microphone, constraints);
    }
    onStep('joining');
    const { player, error } = await opening;
    const voice = await seated(options, player, mic, error);
    if (typeof speaker === 'string') await voice.useSpeaker(speaker).catch(() => {}); // `speakerError` says so
    return voice;
  } catch (error) {
    await mic?.close();
    await (await opening).player.close();
    throw error;
  }
}

/**
 * The microphone that was asked for, and where that one is gone the system's choice: a device that was remembered may be unplugged.
 *
 * @param {string} device @param {MediaTrackConstraints} [constraints]
 */
async function openMicrophone(device, constraints) {
  try {
    return await Microphone.open({ device, constraints });
  } catch (error) {
    if (!device || !(error instanceof HubbubError) || error.code !== 'no-microphone') throw error;
    return Microphone.open({ constraints });
  }
}

/**
 * @param {ConnectOptions} options @param {AnyPlayer} player @param {Microphone | null} mic @param {HubbubError | null} soundError
 */
async function seated(options, player, mic, soundError) {
  const storage = options.keep ? tabStorage() : null;
  const client = new HubbubClient({ transport: 'auto', ...options });
  const { root } = client.endpoints;
  const seat = recallSeat(storage, root, client.room);
  if (seat && !client.resume && seat.name === client.name) {
    client.resume = seat.token;
    client.seen = seat.after;
  }
  if (options.keep) keepOver(client, storage);
  const voice = new Voice(client, player, soundError, options.constraints);
  if (mic) voice.takeMicrophone(mic); // before it joins, so that an offer has its track
  try {
    await client.join();
  } catch (error) {
    await voice.close();
    throw error;
  }
  voice.begin();
  return voice;
}

/** Keeps the seat's token in the tab, and with it, when the page goes, what was the last event. @param {HubbubClient} client @param {Storage | null} storage */
function keepOver(client, storage) {
  const { root } = client.endpoints;
  const keep = () => {
    const { joined, name, seen: after } = client;
    if (joined) keepSeat(storage, root, client.room, { token: joined.resume_token, session: joined.session, name, after });
  };
  client.on('joined', keep);
  globalThis.addEventListener?.('pagehide', keep);
  client.on('state', ({ state }) => {
    if (state !== 'closed') return;
    globalThis.removeEventListener?.('pagehide', keep);
    keepSeat(storage, root, client.room, null);
  });
}

/** The loudspeaker; where the browser has none, one that only keeps time, and the reason. @param {boolean} audible @param {number} rateHz */
export async function openPlayer(audible, rateHz) {
  if (!audible) return { player: new SilentPlayer(rateHz), error: null };
  try {
    return { player: await Player.open(rateHz), error: null };
  } catch (cause) {
    const error = cause instanceof HubbubError ? cause : new HubbubError('worklet-missing', String(cause), { cause });
    return { player: new SilentPlayer(rateHz), error };
  }
}

/** @extends {Emitter<ClientEvents & VoiceEvents>} */
export class Voice extends Emitter {
  /**
   * @param {HubbubClient} client
   * @param {AnyPlayer} player
   * @param {HubbubError | null} soundError  why there is no sound, where there is none
   * @param {MediaTrackConstraints} [constraints]
   */
  constructor(client, player, soundError = null, constraints = undefined) {
    super();
    this.client = client;
    this.player = player;
    this.soundError = soundError;
    this.constraints = constraints;
    /** @type {Microphone | null} */
    this.microphone = null;
    this.micLevel = 0;
    /** @type {(() => void)[]} */
    this.micUndo = [];
    /** @type {(() => void)[]} */
    this.playerUndo = [];
    /** The loudspeaker that was chosen; empty: the system's choice. */
    this.speaker = '';
    /** @type {HubbubError | null} why another loudspeaker is used than the one that was chosen */
    this.speakerError = null;
    this.unwatch = () => {};
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.tail = undefined;
    client.on('state', ({ state }) => state === 'closed' && void this.close());
  }

  /**
   * @template {keyof (ClientEvents & VoiceEvents) & string} K
   * @param {K} type
   * @param {(detail: (ClientEvents & VoiceEvents)[K]) => void} listener
   * @returns {() => void}
   */
  on(type, listener) {
    if (OWN_EVENTS.includes(type)) return super.on(type, listener);
    return this.client.on(/** @type {keyof ClientEvents & string} */ (type), /** @type {(detail: any) => void} */ (listener));
  }

  /** What the server said of the session. */
  get joined() {
    return this.client.joined;
  }

  get state() {
    return this.client.state;
  }

  get muted() {
    return this.client.muted;
  }

  /** How loud it is now, RMS from 0 to 1. */
  levels() {
    return { microphone: this.micLevel, room: this.player.level() };
  }

  /** The player may play: the client has a link. */
  begin() {
    this.playerUndo = [
      connectPlayer(this.client, this.player),
      this.player.on('playhead', ({ reply, offset }) => this.emit('playhead', { reply, offset })),
      this.player.on('running', (running) => this.emit('running', running)),
    ];
  }

  /** @param {string} text @throws {HubbubError} `not-connected` */
  sendText(text) {
    this.client.sendText(text);
  }

  /** Stops the agent that thinks or speaks. */
  interrupt() {
    this.client.interrupt();
  }

  /** The caller's turn is over now. */
  commit() {
    this.client.commit();
  }

  /** @param {string} digits */
  dtmf(digits) {
    this.client.dtmf(digits);
  }

  /** @param {boolean} muted */
  mute(muted) {
    clearTimeout(this.tail);
    this.client.mute(muted);
    this.microphone?.mute(muted);
    if (muted) this.#level(0);
    this.emit('muted', muted);
  }

  /** Push-to-talk: the key goes down, the microphone opens; it comes up, the turn is over. @param {boolean} down */
  press(down) {
    if (down) return this.mute(false);
    this.tail = setTimeout(() => {
      this.client.commit();
      this.mute(true);
    }, this.client.wire === 'webrtc' ? TAIL_MS : 0);
  }

  /**
   * Talks through another microphone from now on; the conversation goes on. Call it from a click.
   *
   * @param {string} [device]  empty: the system's choice
   * @throws {HubbubError} the one before stays in use then
   */
  async useMicrophone(device = '') {
    const fresh = await Microphone.open({ device, constraints: this.constraints });
    const before = this.microphone;
    this.takeMicrophone(fresh);
    await before?.close();
  }

  /** No microphone any more: typing and reading. */
  async dropMicrophone() {
    const { microphone } = this;
    this.#forgetMicrophone();
    this.emit('microphone', { microphone: null, error: null });
    await microphone?.close();
  }

  /**
   * Hears through another loudspeaker from now on. One that goes away is used again when it is back.
   *
   * @param {string} device  empty: the system's choice
   * @throws {HubbubError} `no-speaker` or `unsupported`; the one before stays in use then
   */
  async useSpeaker(device) {
    this.speaker = device;
    this.unwatch();
    let looked = Promise.resolve(); // one look after the other: a device may come and go while one goes on
    this.unwatch = device ? watchDevices(() => (looked = looked.then(() => this.#lookForSpeaker()))) : () => {};
    try {
      await this.player.choose(device);
      this.#speakerIs(null);
    } catch (cause) {
      const error = /** @type {HubbubError} */ (cause);
      this.#speakerIs(error);
      throw error;
    }
  }

  /** A device came or went: is the chosen loudspeaker still there, or again? */
  async #lookForSpeaker() {
    const { speaker } = this;
    const { speakers } = await listDevices();
    const there = speakers.some(({ id }) => id === speaker);
    if (there === !this.speakerError || speaker !== this.speaker) return;
    const error = there ? null : new HubbubError('no-speaker', 'the loudspeaker went away');
    await this.player.choose(there ? speaker : '').catch(() => {}); // it came and went again: the next change tells
    this.#speakerIs(error);
  }

  /** @param {HubbubError | null} error */
  #speakerIs(error) {
    this.speakerError = error;
    this.emit('speaker', { speaker: this.player.speaker, error });
  }

  /** From 0 to 1. @param {number} volume */
  set volume(volume) {
    this.player.volume = volume;
  }

  /** Lets the sound out again that the browser held back; call it from a click. */
  async wake() {
    await this.microphone?.wake();
    if ('context' in this.player) return this.player.wake();
    const { player, error } = await openPlayer(true, this.client.audio.output_rate_hz);
    this.soundError = error;
    if (error) {
      await player.close();
      throw error;
    }
    const before = this.player;
    this.playerUndo.forEach((off) => off());
    this.player = player;
    this.begin();
    if (this.speaker) await this.useSpeaker(this.speaker).catch(() => {}); // `speakerError` says so
    await before.close();
    this.emit('running', true);
  }

  /** Gives the seat up, and lets microphone and loudspeaker go. */
  leave() {
    this.client.leave();
  }

  /** Lets microphone and loudspeaker go. */
  async close() {
    clearTimeout(this.tail);
    this.unwatch();
    this.playerUndo.forEach((off) => off());
    this.playerUndo = [];
    const { microphone, player } = this;
    this.#forgetMicrophone();
    await microphone?.close();
    await player.close();
  }

  /** Talks through an open microphone. @param {Microphone} microphone */
  takeMicrophone(microphone) {
    this.micUndo.forEach((off) => off());
    this.microphone = microphone;
    microphone.mute(this.client.muted);
    this.micUndo = [
      connectMicrophone(this.client, microphone),
      microphone.on('sound', ({ level }) => this.#level(level)),
      microphone.on('lost', (error) => void this.#lost(error)),
    ];
    this.emit('microphone', { microphone, error: null });
  }

  /** @param {HubbubError} error */
  async #lost(error) {
    this.client.commit(); // no more sound will come to end an open turn
    const { microphone } = this;
    this.#forgetMicrophone();
    this.emit('microphone', { microphone: null, error });
    await microphone?.close();
  }

  #forgetMicrophone() {
    this.micUndo.forEach((off) => off());
    this.micUndo = [];
    this.microphone = null;
    this.#level(0);
  }

  /** @param {number} rms */
  #level(rms) {
    this.micLevel = rms;
    this.emit('level', rms);
  }
}
