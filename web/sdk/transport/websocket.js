/**
 * The native protocol over one WebSocket: JSON both ways, sound in binary messages.
 *
 * @typedef {import('./link.js').LinkEvents} LinkEvents
 * @typedef {import('./link.js').Seat} Seat
 */

import { Emitter } from '../emitter.js';
import { withParameters } from '../endpoints.js';
import { CloseCode, PROTOCOL_VERSION, unpackBinary } from '../protocol.js';

/** Sound that waits in the socket beyond one second at 16 kHz is too old to be worth sending. */
const MAX_UNSENT_BYTES = 32_000;

const ASK_MS = 2000;
const UPGRADE_REQUIRED = 426;
/** Browsers let a page close with 1000, or from here on, and throw at anything else. */
const FIRST_OPEN_CODE = 3000;

/** @extends {Emitter<LinkEvents>} */
export class WebSocketLink extends Emitter {
  /**
   * @param {Seat} seat @param {typeof WebSocket} Socket @param {typeof fetch} [ask]
   * @param {{waits?: boolean}} [how]  `waits`: it only stands, until `enter` is called
   */
  constructor(seat, Socket, ask, { waits = false } = {}) {
    super();
    this.kind = /** @type {const} */ ('websocket');
    /** @type {MediaStream | null} */
    this.stream = null;
    this.newestReply = 0;
    this.opened = false;
    this.seat = seat;
    this.ask = ask;
    /** It stands by for another wire, and asks for no seat yet. */
    this.waits = waits;
    const socket = new Socket(withParameters(seat.endpoints.voice, { token: seat.token, resume: seat.resume }));
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.onopen = () => {
      this.opened = true;
      if (this.waits) this.emit('ready', undefined);
      else this.enter(seat);
    };
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = ({ code, reason }) => this.#over(code, reason);
  }

  /** Asks for a seat. @param {Seat} seat */
  enter(seat) {
    this.waits = false;
    this.send(joinMessage(seat));
  }

  /** A socket that is being closed takes nothing more, and says so in the browser's console for every frame. */
  get #takes() {
    return this.socket.readyState === undefined || this.socket.readyState === 1;
  }

  /** @param {object} message */
  send(message) {
    if (this.#takes) this.socket.send(JSON.stringify(message));
  }

  /** @param {Int16Array} pcm */
  sendAudio(pcm) {
    if (!this.#takes || this.socket.bufferedAmount > MAX_UNSENT_BYTES) return false;
    this.socket.send(/** @type {ArrayBuffer} */ (pcm.buffer).slice(pcm.byteOffset, pcm.byteOffset + pcm.byteLength));
    return true;
  }

  playedRtp() {
    return null;
  }

  setTrack() {} // the microphone's sound comes by sendAudio

  /** @param {number} code @param {string} reason */
  close(code, reason) {
    const { socket } = this;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (code === CloseCode.NORMAL || code >= FIRST_OPEN_CODE) socket.close(code, reason);
    else socket.close();
  }

  /** @param {number} code @param {string} reason */
  #over(code, reason) {
    const { socket } = this;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (this.opened) this.emit('close', { code, reason });
    else void this.#refused().then((refused) => this.emit('close', refused ?? { code, reason }));
  }

  /**
   * A socket that never opened was refused, or there is nobody: the same address tells a plain request what browsers hide.
   *
   * @returns {Promise<import('./link.js').Closing | null>}
   */
  async #refused() {
    const { endpoints, token } = this.seat;
    const address = new URL(endpoints.voice);
    address.protocol = address.protocol.replace('ws', 'http');
    const headers = token ? { authorization: `Bearer ${token}` } : undefined;
    try {
      const answer = await this.ask?.(address, { headers, signal: AbortSignal.timeout(ASK_MS) });
      const { code, message } = (await answer?.json())?.error ?? {};
      if (!code || answer?.status === UPGRADE_REQUIRED) return null;
      this.emit('event', { type: 'error', at_ms: 0, code, message, fatal: true });
      return { code: CloseCode.REFUSED, reason: message };
    } catch {
      return null; // nobody is there
    }
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    if (typeof data !== 'string') {
      const heard = unpackBinary(data, this.newestReply);
      if (heard?.kind === 'reply') this.emit('audio', heard.frame);
      else if (heard?.kind === 'voices') this.emit('voices', heard.samples);
      return;
    }
    const event = parseEvent(data);
    if (!event) {
      this.close(CloseCode.BAD_MESSAGE, 'not JSON');
      this.emit('close', { code: CloseCode.BAD_MESSAGE, reason: 'the server sent something that is not JSON' });
      return;
    }
    if (event.type === 'reply') this.newestReply = Math.max(this.newestReply, event.reply);
    this.emit('event', event);
  }
}

/** @param {Seat} seat */
function joinMessage({ room, name, role, audio, resume, news }) {
  return { type: 'join', protocol: PROTOCOL_VERSION, room, name, audio, resume, ...news, ...(role ? { role } : {}) };
}

/** An event of the server; null where it is no JSON object with a type. @param {string} data */
export function parseEvent(data) {
  try {
    const event = JSON.parse(data);
    return typeof event?.type === 'string' ? /** @type {import('../protocol.js').ServerEvent} */ (event) : null;
  } catch {
    return null;
  }
}
