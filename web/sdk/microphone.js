/**
 * The microphone: asks for it, and gives its sound as 16-bit mono at the wire's rate.
 *
 * @typedef {object} MicrophoneEvents
 * @property {Sound} sound
 * @property {HubbubError} lost  the device went away (pulled out, or its permission withdrawn)
 *
 * @typedef {{pcm: Int16Array, level: number}} Sound  level: RMS from 0 to 1
 */

import { closeContext, startContext } from './audio-context.js';
import { Emitter } from './emitter.js';
import { HubbubError, microphoneError } from './errors.js';

/** The browser's own echo cancellation is what keeps an agent from hearing itself. */
const PROCESSING = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** @extends {Emitter<MicrophoneEvents>} */
export class Microphone extends Emitter {
  /**
   * Asks the person for the microphone and opens it. Call it from a click.
   *
   * @param {{rateHz?: number, messageMs?: number, device?: string, constraints?: MediaTrackConstraints}} [options]
   *   `device`: the id of a microphone of `listDevices()`; without one the system's choice
   * @returns {Promise<Microphone>}
   * @throws {HubbubError} `insecure-origin`, `unsupported`, `worklet-missing`, `permission-refused`, `permission-system`,
   *   `no-microphone`, `microphone-busy` or `microphone-failed`
   */
  static async open({ rateHz = 16000, messageMs = 20, device = '', constraints = {} } = {}) {
    checkBrowser();
    const chosen = device ? { deviceId: { exact: device } } : {};
    const stream = await askFor({ channelCount: 1, ...PROCESSING, ...chosen, ...constraints });
    const context = new AudioContext({ latencyHint: 'interactive' });
    try {
      await context.audioWorklet.addModule(new URL('./worklets/capture.js', import.meta.url));
      await startContext(context);
    } catch (error) {
      stream.getTracks().forEach((track) => track.stop());
      await closeContext(context);
      if (error instanceof HubbubError) throw new HubbubError('microphone-failed', error.message, { cause: error });
      throw new HubbubError('worklet-missing', `the audio module did not load: ${error}`, { cause: error });
    }
    return new Microphone(stream, context, { rateHz, messageMs });
  }

  /**
   * @param {MediaStream} stream
   * @param {AudioContext} context  with the capture module loaded
   * @param {{rateHz: number, messageMs: number}} format
   */
  constructor(stream, context, format) {
    super();
    this.stream = stream;
    this.context = context;
    this.muted = false;
    this.source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    this.node = new AudioWorkletNode(context, 'hubbub-capture', { numberOfOutputs: 0, processorOptions: format });
    this.source.connect(this.node);
    this.node.port.onmessage = (message) => {
      if (!this.muted) this.emit('sound', message.data);
    };
    for (const track of stream.getAudioTracks()) {
      track.onended = () => this.emit('lost', new HubbubError('microphone-lost', `"${track.label}" went away`));
    }
  }

  /** @returns {MediaStreamTrack | null} */
  get track() {
    return this.stream.getAudioTracks()[0] ?? null;
  }

  /** What the device is called. */
  get label() {
    return this.track?.label ?? '';
  }

  /** The device's id. */
  get device() {
    return this.track?.getSettings().deviceId ?? '';
  }

  /** A muted microphone gives no sound at all. @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    for (const track of this.stream.getAudioTracks()) track.enabled = !muted;
  }

  /** Goes on after the browser stopped it (a phone call); call it from a click. */
  async wake() {
    await this.context.resume();
  }

  async close() {
    this.node.port.postMessage('close');
    for (const track of this.stream.getAudioTracks()) {
      track.onended = null;
      track.stop();
    }
    await closeContext(this.context);
  }
}

function checkBrowser() {
  if (!navigator.mediaDevices?.getUserMedia) {
    if (!globalThis.isSecureContext) {
      throw new HubbubError('insecure-origin', `browsers give no microphone to ${location.origin}: it is not a secure origin`);
    }
    throw new HubbubError('unsupported', 'this browser has no getUserMedia');
  }
  if (!('AudioWorkletNode' in globalThis)) throw new HubbubError('worklet-missing', 'this browser has no AudioWorklet');
}

/** @param {MediaTrackConstraints} audio */
async function askFor(audio) {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw microphoneError(error);
  }
}
