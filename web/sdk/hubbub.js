/**
 * A caller's connection to a Hubbub server: joins a room, sends sound and words, gives the server's events, and comes back
 * to its seat by itself when the connection is lost.
 *
 *     const client = new HubbubClient({ url: 'ws://127.0.0.1:8080/api/voice', room: 'default', name: 'Ann' });
 *     client.on('transcript', (event) => console.log(event.speaker, event.text));
 *     client.on('reply', (event) => console.log(event.agent, event.text));
 *     await client.join();
 *     client.sendText('hello');
 *
 * Every server event is an event of the client, under its own type (`error` is `fault` here); `event` gives them all.
 * The wire is one of `transport/`; this class knows seats, tries and tokens.
 *
 * @typedef {import('./protocol.js').ServerEvent} ServerEvent
 * @typedef {import('./protocol.js').Joined} Joined
 * @typedef {import('./protocol.js').ServerFault} ServerFault
 * @typedef {import('./transport/link.js').Link} Link
 * @typedef {import('./client-events.js').State} State
 * @typedef {import('./client-events.js').StateChange} StateChange
 * @typedef {import('./client-events.js').ClientEvents} ClientEvents
 *
 * @typedef {object} Options
 * @property {string | URL} url  of the server (`https://host/`), or of its WebSocket (`wss://host/api/voice`)
 * @property {string} [room]
 * @property {string} [name]
 * @property {'' | import('./protocol.js').Role} [role]
 * @property {string} [token]  a room token, where the server wants one
 * @property {'auto' | 'webrtc' | 'websocket'} [transport]  auto: WebRTC, and WebSocket where that does not come about
 * @property {RTCIceServer[]} [iceServers]  instead of those that the server names
 * @property {string | null} [resume]  the token of a seat to come back to
 * @property {number} [after]  with `resume`: the number of the last event that is known; those after it are told again
 * @property {{input_rate_hz?: number, output_rate_hz?: number, playhead?: boolean}} [audio]
 * @property {typeof fetch} [fetch]  asks why a WebSocket was refused, which browsers do not tell
 * @property {typeof WebSocket} [WebSocket]  where there is no global one (Node before 22)
 */

import { Emitter } from './emitter.js';
import { endpoints } from './endpoints.js';
import { explainClose, HubbubError } from './errors.js';
import { Heartbeat, SILENCE_MS } from './heartbeat.js';
import { CloseCode } from './protocol.js';
import { CLOSING, FINAL_CODES, retryDelayMs } from './retry.js';
import { Session } from './session.js';
import { Attempt } from './transport/attempt.js';
import { webrtcAvailable } from './transport/webrtc.js';

/** @extends {Emitter<ClientEvents>} */
export class HubbubClient extends Emitter {
  /**
   * @param {Options} options
   * @throws {HubbubError} `protocol` where the address is none
   */
  constructor(options) {
    super();
    const { url, room = 'default', name = 'guest', role = '', token = '', transport = 'websocket', audio = {} } = options;
    this.endpoints = endpoints(url);
    this.room = room;
    this.name = name;
    this.role = role;
    this.token = token;
    this.transport = transport;
    this.iceServers = options.iceServers ?? null;
    this.fetch = options.fetch ?? globalThis.fetch?.bind(globalThis);
    this.audio = { input_rate_hz: 16000, output_rate_hz: 24000, playhead: true, ...audio };
    this.Socket = options.WebSocket ?? globalThis.WebSocket;
    /** @type {State} */
    this.state = 'idle';
    /** @type {Link | null} */
    this.link = null;
    /** @type {Attempt | null} the try to get a seat that goes on, or has come about */
    this.attempted = null;
    this.session = new Session(options.resume ?? null, options.after ?? 0);
    this.muted = false;
    /** @type {MediaStreamTrack | null} the microphone, for wires that carry a track */
    this.track = null;
    /** WebRTC did not come about: the next tries leave it out. */
    this.blocked = false;
    /** Messages of sound that were not sent since the connection was too slow. */
    this.droppedMessages = 0;
    this.attempt = 0;
    /** @type {ServerFault | null} */
    this.lastFault = null;
    /** Ends the waiting for a seat. */
    this.givenUp = () => {};
    /** Why the server said that the session has ended, on this connection. */
    this.farewell = '';
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retryTimer = undefined;
    /** @type {Heartbeat | null} */
    this.heartbeat = null;
  }

  /** What the server said of the session; kept while a lost connection is sought again. */
  get joined() {
    return this.session.joined;
  }

  /** The token of a seat to come back to, from before this client. */
  get resume() {
    return this.session.resume;
  }

  set resume(token) {
    this.session.resume = token;
  }

  /** The number of the last event that came. */
  get seen() {
    return this.session.seen;
  }

  set seen(number) {
    this.session.seen = number;
  }

  /** What carries the conversation: 'webrtc', 'websocket', or '' while there is no connection. */
  get wire() {
    return this.link?.kind ?? '';
  }

  /**
   * Connects and takes a seat in the room.
   *
   * @returns {Promise<Joined>}
   * @throws {HubbubError} `unreachable`, `refused` (with the server's code and sentence) or `protocol`
   */
  async join() {
    if (this.state !== 'idle' && this.state !== 'closed') throw new HubbubError('protocol', 'already joined');
    this.attempt = 1;
    const resumed = this.session.resume !== null;
    try {
      return await this.#connect();
    } catch (cause) {
      const error = /** @type {HubbubError} */ (cause);
      if (resumed && error.code === 'refused' && this.#stateNow() !== 'closed') {
        this.session.forget(); // the seat of before is gone: take a new one
        return this.#firstTry();
      }
      this.#become('closed', { error });
      throw error;
    }
  }

  async #firstTry() {
    try {
      return await this.#connect();
    } catch (error) {
      this.#become('closed', { error: /** @type {HubbubError} */ (error) });
      throw error;
    }
  }

  /** Whether no word comes from the server, though the connection stands. */
  get quiet() {
    return this.heartbeat?.quiet ?? false;
  }

  /** Tries again now: rather than when the wait is over, or than to wait for a line that is quiet. */
  retryNow() {
    if (this.state === 'open' && this.quiet) this.#giveUpLink('the line was quiet');
    if (this.state !== 'waiting') return;
    clearTimeout(this.retryTimer);
    void this.#reconnect();
  }

  /**
   * Sends sound: 16-bit mono at `audio.input_rate_hz`, best 20 to 40 ms of it. Dropped while there is no connection, or
   * while more than a second of it has not left yet.
   *
   * @param {Int16Array} pcm
   */
  sendAudio(pcm) {
    if (this.state !== 'open' || !this.link || this.muted) return;
    if (!this.link.sendAudio(pcm)) this.droppedMessages++;
  }

  /** The microphone as a track, or none; of use only over WebRTC. @param {MediaStreamTrack | null} track */
  setTrack(track) {
    this.track = track;
    this.link?.setTrack(track);
  }

  /**
   * Sends a typed turn.
   *
   * @param {string} text
   * @throws {HubbubError} `not-connected`
   */
  sendText(text) {
    if (this.state !== 'open') throw new HubbubError('not-connected', 'there is no connection to send this over');
    this.#send({ type: 'text', text });
  }

  /** Stops the agent that thinks or speaks. */
  interrupt() {
    this.#send({ type: 'interrupt' });
  }

  /** The caller's turn is over now. */
  commit() {
    this.#send({ type: 'commit' });
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    this.#send({ type: 'mute', muted });
  }

  /** Keys of a telephone. @param {string} digits  0-9, *, #, A-D */
  dtmf(digits) {
    this.#send({ type: 'dtmf', digits });
  }

  /** Says how far a reply was heard. @param {number} reply @param {number} offset  in samples */
  playhead(reply, offset) {
    this.session.heard = { reply, offset };
    this.#send({ type: 'playhead', reply, offset });
  }

  /** Gives the seat up. */
  leave() {
    clearTimeout(this.retryTimer);
    this.#send({ type: 'leave' });
    this.#drop(CloseCode.NORMAL, 'left');
    this.session.giveUp();
    if (this.state !== 'closed') this.#become('closed');
  }

  /** Lets the connection go but keeps the seat, for as long as the server keeps it: whoever has the token may come back. */
  hangUp() {
    clearTimeout(this.retryTimer);
    this.#drop(CloseCode.GOING_AWAY, 'coming back');
    if (this.state !== 'closed') this.#become('closed');
  }

  /** @param {object} message */
  #send(message) {
    if (this.state === 'open') this.link?.send(message);
  }

  /** @param {State} state @param {{retryAt?: number, error?: HubbubError | null}} [more] */
  #become(state, { retryAt = 0, error = null } = {}) {
    this.state = state;
    this.emit('state', { state, retryAt, attempt: this.attempt, error });
  }

  /** Tries to get a seat, over WebRTC where that is wanted and over WebSocket. @returns {Promise<Joined>} */
  async #connect() {
    this.#become('connecting');
    this.lastFault = null;
    this.farewell = '';
    const { session, track, iceServers, Socket, fetch } = this;
    const able = webrtcAvailable();
    if (this.transport === 'webrtc' && !able) throw new HubbubError('unsupported', 'there is no WebRTC here: use the transport "websocket"');
    const transport = this.transport === 'auto' && (this.blocked || !able) ? 'websocket' : this.transport;
    const { endpoints: doors, room, name, role, token, audio } = this;
    const seat = { endpoints: doors, room, name, role, token, audio, resume: session.token, news: session.news };
    return new Promise((resolve, reject) => {
      this.attempted = new Attempt(seat, { transport, track, iceServers, Socket, fetch }, {
        event: (event) => this.#receive(event),
        audio: (frame) => this.#sound('audio', frame),
        voices: (samples) => this.#sound('voices', samples),
        seated: (joined, link) => {
          this.blocked ||= transport === 'auto' && link.kind === 'websocket';
          this.#seated(joined, link);
          resolve(joined);
        },
        failed: (close) => {
          reject(explainClose(close, this.lastFault));
          this.#drop();
        },
        lost: (close) => this.#lost(close),
      });
      this.givenUp = () => reject(new HubbubError('unreachable', 'given up'));
    });
  }

  /** @param {Joined} joined @param {Link} link */
  #seated(joined, link) {
    this.link = link;
    this.attempt = 0;
    this.heartbeat = new Heartbeat((ping) => this.#send(ping), {
      roundtrip: (ms) => this.emit('roundtrip', ms),
      quiet: (quiet) => this.emit('quiet', quiet),
      silent: () => this.#giveUpLink(`no word from the server for ${SILENCE_MS / 1000} s`),
    });
    this.#receive(joined);
    this.emit('link', link);
    this.#become('open');
    if (this.muted) this.#send({ type: 'mute', muted: true });
  }

  /** @param {string} reason */
  #giveUpLink(reason) {
    this.#drop(CloseCode.GOING_AWAY, 'silent');
    this.#wait(new HubbubError('unreachable', reason));
  }

  /** Lets go of the connection, or of the try to get one. @param {number} [code] @param {string} [reason]  told to the other end */
  #drop(code = CloseCode.GOING_AWAY, reason = '') {
    this.heartbeat?.stop();
    this.heartbeat = null;
    this.link = null;
    const { attempted } = this;
    this.attempted = null;
    attempted?.close(code, reason);
    if (attempted && !attempted.winner) this.givenUp();
  }

  /** @param {import('./transport/link.js').Closing} close */
  #lost(close) {
    const error = explainClose(close, this.lastFault);
    this.#drop();
    const { farewell } = this;
    if (farewell && farewell !== CLOSING) {
      this.session.forget();
      this.#become('closed', { error: farewell === 'left' ? null : new HubbubError('removed', farewell, { serverCode: error.serverCode }) });
    } else if (FINAL_CODES.includes(close.code)) {
      this.session.giveUp();
      this.#become('closed', { error: close.code === CloseCode.NORMAL && !this.lastFault ? null : error });
    } else {
      this.attempt = 0;
      this.#wait(error);
    }
  }

  /** @param {HubbubError} error */
  #wait(error) {
    const delay = retryDelayMs(this.attempt++, Math.random());
    this.#become('waiting', { retryAt: Date.now() + delay, error });
    this.retryTimer = setTimeout(() => void this.#reconnect(), delay);
  }

  async #reconnect() {
    try {
      await this.#connect();
    } catch (cause) {
      if (this.#stateNow() === 'closed') return;
      const error = /** @type {HubbubError} */ (cause);
      if (error.code === 'refused' && this.joined) {
        this.session.forget(); // the seat is gone: take a new one
        this.#wait(error);
      } else if (error.code === 'unreachable') {
        this.#wait(error);
      } else {
        this.session.giveUp();
        this.#become('closed', { error });
      }
    }
  }

  /** The state, read afresh after an await. @returns {State} */
  #stateNow() {
    return this.state;
  }

  /** @param {ServerEvent} event */
  #receive(event) {
    this.heartbeat?.heard();
    this.session.take(event);
    if (event.type === 'pong') this.heartbeat?.answered(event.id);
    else if (event.type === 'error') this.lastFault = event;
    else if (event.type === 'left') this.farewell = event.reason;
    this.emit('event', event);
    if (event.type !== 'pong') this.emit(event.type === 'error' ? 'fault' : event.type, event);
  }

  /**
   * @template {'audio' | 'voices'} K
   * @param {K} kind
   * @param {ClientEvents[K]} sound
   */
  #sound(kind, sound) {
    this.heartbeat?.heard();
    this.emit(kind, sound);
  }
}

export { HubbubError };
