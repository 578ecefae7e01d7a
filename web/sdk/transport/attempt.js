/**
 * One try to get a seat: over one wire, or over the faster of two.
 *
 * Theory of operation. "auto" begins with WebRTC. Where its way is not open `HEAD_START_MS` after the server's answer, a WebSocket
 * is opened beside it, which asks for nothing yet. Then one of two things comes first: WebRTC's way opens, and the WebSocket is let
 * go; or the WebSocket stands, WebRTC is given up, and the WebSocket takes over *the seat that WebRTC was given*, by its resume
 * token. So there is never more than one seat, and a token that is good for one seat is good for both wires. WebRTC that fails
 * outright (no such door, nothing to send from) is followed by the WebSocket at once; its seat is taken over in the same way.
 *
 * Until a link has its seat nothing of it is told but errors; from then on all of it is, and of no other.
 *
 * @typedef {import('../protocol.js').ServerEvent} ServerEvent
 * @typedef {import('../protocol.js').Joined} Joined
 * @typedef {import('./link.js').Closing} Closing
 * @typedef {import('./link.js').Link} Link
 * @typedef {import('./link.js').Seat} Seat
 *
 * @typedef {object} Wires  what may be tried, and with what
 * @property {'auto' | 'webrtc' | 'websocket'} transport  auto: both
 * @property {MediaStreamTrack | null} track
 * @property {RTCIceServer[] | null} iceServers
 * @property {typeof WebSocket} Socket
 * @property {typeof fetch} [fetch]
 *
 * @typedef {object} Listener
 * @property {(event: ServerEvent) => void} event
 * @property {(frame: import('../protocol.js').AudioFrame) => void} audio
 * @property {(samples: Int16Array) => void} voices
 * @property {(joined: Joined, link: Link) => void} seated  the link has its seat
 * @property {(close: Closing) => void} failed  no seat was got; nothing follows
 * @property {(close: Closing) => void} lost  the link that had its seat was closed from elsewhere; nothing follows
 */

import { CloseCode } from '../protocol.js';
import { WebRTCLink } from './webrtc.js';
import { WebSocketLink } from './websocket.js';

/** How long WebRTC may look for its way before the WebSocket sets out, too: the way opens within a few round trips, if at all. */
export const HEAD_START_MS = 1000;
/** How long a link may take to get its seat. */
export const PATIENCE_MS = 10_000;

export class Attempt {
  /** Begins at once. @param {Seat} seat @param {Wires} wires @param {Listener} listener */
  constructor(seat, wires, listener) {
    this.seat = seat;
    this.wires = wires;
    this.listener = listener;
    this.over = false;
    /** @type {Link | null} the link that got its seat */
    this.winner = null;
    /** @type {WebRTCLink | null} */
    this.webrtc = null;
    /** @type {WebSocketLink | null} */
    this.websocket = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.headStart = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.patience = undefined;
    if (wires.transport === 'websocket') this.#openWebSocket();
    else this.#openWebRTC();
  }

  /** Ends it from here: `listener` hears no more. @param {number} code @param {string} reason */
  close(code, reason) {
    if (this.over) return;
    this.#settle();
    this.over = true;
    for (const link of [this.webrtc, this.websocket]) link?.close(code, reason);
    if (!this.winner) void this.webrtc?.hangUp(); // a seat that nobody sat down in
  }

  #openWebRTC() {
    const link = new WebRTCLink(this.seat, this.wires.track, this.wires.iceServers);
    this.webrtc = link;
    this.#follow(link);
    this.#await(link);
    if (this.wires.transport !== 'auto') return;
    link.on('answered', () => {
      this.headStart = setTimeout(() => this.#openWebSocket({ beside: link }), HEAD_START_MS);
    });
    link.on('reached', () => {
      clearTimeout(this.headStart);
      this.websocket?.close(CloseCode.NORMAL, 'another way was found');
      this.websocket = null;
    });
  }

  /** @param {{beside?: WebRTCLink}} [how]  `beside`: it only stands ready while that one still looks for its way */
  #openWebSocket({ beside } = {}) {
    const { wires: { Socket, fetch: ask } } = this;
    const link = new WebSocketLink(this.#seatOf(this.webrtc), Socket, ask, { waits: !!beside });
    this.websocket = link;
    this.#follow(link);
    if (beside) link.on('ready', () => void this.#giveUpWebRTC());
    else this.#await(link);
  }

  /** WebRTC has found no way: the WebSocket, which stands, takes its seat over. */
  async #giveUpWebRTC() {
    const { webrtc, websocket } = this;
    webrtc?.close(CloseCode.GOING_AWAY);
    this.#await(websocket);
    if (!webrtc?.resume) await webrtc?.hangUp(); // a server that tells no token: its seat is freed before another is asked for
    if (!this.over) websocket?.enter(this.#seatOf(webrtc));
  }

  /** What the WebSocket asks for: the seat that WebRTC was given, where it was given one. @param {WebRTCLink | null} webrtc @returns {Seat} */
  #seatOf(webrtc) {
    if (!webrtc?.resume || this.seat.resume) return this.seat;
    return { ...this.seat, resume: webrtc.resume, news: { after: 0 } };
  }

  /** @param {Link} link */
  #follow(link) {
    link.on('event', (event) => {
      if (this.over || (this.winner ? link !== this.winner : event.type !== 'joined' && event.type !== 'error')) return;
      if (link === this.websocket && this.websocket.waits) return; // what is said to who only stands by is not said to the caller
      if (this.winner || event.type !== 'joined') return this.listener.event(event);
      this.#settle();
      this.winner = link;
      this.listener.seated(event, link);
      if (link !== this.webrtc) void this.webrtc?.hangUp(); // the server need not wait for it any longer
    });
    link.on('audio', (frame) => !this.over && link === this.winner && this.listener.audio(frame));
    link.on('voices', (samples) => !this.over && link === this.winner && this.listener.voices(samples));
    link.on('close', (close) => this.#closed(link, close));
  }

  /** @param {Link} link @param {Closing} close */
  #closed(link, close) {
    if (this.over) return;
    if (this.winner) {
      if (link !== this.winner) return;
      this.over = true;
      return this.listener.lost(close);
    }
    const webrtcFailed = link === this.webrtc;
    if (webrtcFailed && this.wires.transport === 'auto' && close.code !== CloseCode.REFUSED) return void this.#followUp();
    if (!webrtcFailed && this.webrtc && !this.webrtc.over) {
      this.websocket = null; // it stood by only, and WebRTC still looks for its way
      return;
    }
    this.#fail(close);
  }

  /** WebRTC has failed: on over the WebSocket, which may be on its way already. */
  async #followUp() {
    clearTimeout(this.headStart);
    if (this.websocket) return this.#await(this.websocket); // it enters as soon as it stands
    if (!this.webrtc?.resume) await this.webrtc?.hangUp();
    if (!this.over) this.#openWebSocket();
  }

  /** @param {Closing} close */
  #fail(close) {
    this.#settle();
    this.over = true;
    const told = () => this.listener.failed(close);
    if (this.webrtc) void this.webrtc.hangUp().then(told);
    else told();
  }

  /** From now on it is waited for this link. @param {Link | null} link */
  #await(link) {
    clearTimeout(this.patience);
    this.patience = setTimeout(() => {
      link?.close(CloseCode.GOING_AWAY, 'no answer');
      if (link) this.#closed(link, { code: 1006, reason: `no answer came within ${PATIENCE_MS / 1000} s` });
    }, PATIENCE_MS);
  }

  #settle() {
    clearTimeout(this.headStart);
    clearTimeout(this.patience);
  }
}
