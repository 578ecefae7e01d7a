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
 * @typedef {import('./protocol.js').AudioFrame} AudioFrame
 * @typedef {import('./protocol.js').ServerEvent} ServerEvent
 * @typedef {import('./protocol.js').Joined} Joined
 * @typedef {import('./protocol.js').ServerFault} ServerFault
 * @typedef {import('./transport/link.js').Link} Link
 *
 * @typedef {'idle' | 'connecting' | 'open' | 'waiting' | 'closed'} State
 *   waiting: the connection was lost and another try comes; closed: for good
 *
 * @typedef {object} StateChange
 * @property {State} state
 * @property {number} retryAt  while waiting: when the next try comes, in ms since the epoch; else 0
 * @property {number} attempt  while waiting or connecting: which try it is, from 1
 * @property {HubbubError | null} error  why it is waiting or closed
 *
 * @typedef {object} ClientEvents
 * @property {StateChange} state
 * @property {ServerEvent} event
 * @property {AudioFrame} audio  sound of a reply (over WebSocket; over WebRTC it comes as a stream)
 * @property {Int16Array} voices  what the other callers say, live (over WebSocket)
 * @property {Link} link  another connection was opened
 * @property {number} roundtrip  in ms, measured every few seconds
 * @property {Joined} joined
 * @property {import('./protocol.js').ParticipantJoined} participant_joined
 * @property {import('./protocol.js').ParticipantLeft} participant_left
 * @property {import('./protocol.js').ParticipantChanged} participant_changed
 * @property {import('./protocol.js').Dtmf} dtmf
 * @property {import('./protocol.js').SpeechStarted} speech_started
 * @property {import('./protocol.js').SpeechStopped} speech_stopped
 * @property {import('./protocol.js').Transcript} transcript
 * @property {import('./protocol.js').Backchannel} backchannel
 * @property {import('./protocol.js').Reply} reply
 * @property {import('./protocol.js').Words} words
 * @property {import('./protocol.js').Floor} floor
 * @property {import('./protocol.js').Gap} gap
 * @property {import('./protocol.js').Playing} playing
 * @property {import('./protocol.js').Hold} hold
 * @property {import('./protocol.js').Resume} resume
 * @property {import('./protocol.js').Clear} clear
 * @property {import('./protocol.js').Turn} turn
 * @property {import('./protocol.js').ToolUse} tool
 * @property {ServerFault} fault
 * @property {import('./protocol.js').Left} left
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
import { CloseCode } from './protocol.js';
import { WebRTCLink, webrtcAvailable } from './transport/webrtc.js';
import { WebSocketLink } from './transport/websocket.js';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const JOIN_PATIENCE_MS = 10_000;
const PING_MS = 4000;
/** So long without a word from the server, though pinged: the connection is dead, whatever the wire says. */
const SILENCE_MS = 13_000;
/** The one farewell after which it is worth coming back: another server may take its place. */
const CLOSING = 'the server is closing';

/** @type {readonly number[]} closes after which trying again would only be refused again */
const FINAL_CODES = [CloseCode.NORMAL, CloseCode.BAD_MESSAGE, CloseCode.TOO_BIG, CloseCode.REFUSED, CloseCode.REPLACED];

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
    /** @type {Joined | null} what the server said of the session; kept while a lost connection is sought again */
    this.joined = null;
    this.resume = options.resume ?? null;
    /** The number of the last event that came. */
    this.seen = options.after ?? 0;
    /** How far the newest reply was heard; where its sound goes on after a lost connection. */
    this.heard = { reply: 0, offset: 0 };
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
    /** Why the server said that the session has ended, on this connection. */
    this.farewell = '';
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retryTimer = undefined;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.pingTimer = undefined;
    /** @type {Map<number, number>} */
    this.pings = new Map();
    this.lastHeardMs = 0;
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
    const resumed = this.resume !== null;
    try {
      return await this.#connect();
    } catch (cause) {
      const error = /** @type {HubbubError} */ (cause);
      if (resumed && error.code === 'refused' && this.#stateNow() !== 'closed') {
        this.#forget(); // the seat of before is gone: take a new one
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

  /** Tries again now rather than when the wait is over. */
  retryNow() {
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
    this.heard = { reply, offset };
    this.#send({ type: 'playhead', reply, offset });
  }

  /** Gives the seat up. */
  leave() {
    clearTimeout(this.retryTimer);
    this.#send({ type: 'leave' });
    const link = this.link;
    this.#drop();
    link?.close(CloseCode.NORMAL, 'left');
    this.joined = null;
    this.resume = null;
    if (this.state !== 'closed') this.#become('closed');
  }

  /** Lets the connection go but keeps the seat, for as long as the server keeps it: whoever has the token may come back. */
  hangUp() {
    clearTimeout(this.retryTimer);
    const link = this.link;
    this.#drop();
    link?.close(CloseCode.GOING_AWAY, 'coming back');
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

  /** Tries WebRTC where that is wanted, then WebSocket. @returns {Promise<Joined>} */
  async #connect() {
    this.#become('connecting');
    this.lastFault = null;
    this.farewell = '';
    const { transport } = this;
    if (transport === 'websocket' || (transport === 'auto' && (this.blocked || !webrtcAvailable()))) return this.#tryWebSocket();
    if (!webrtcAvailable()) throw new HubbubError('unsupported', 'there is no WebRTC here: use the transport "websocket"');
    try {
      return await this.#through(new WebRTCLink(this.#seat(), this.track, this.iceServers));
    } catch (cause) {
      const error = /** @type {HubbubError} */ (cause);
      if (transport === 'webrtc' || error.code !== 'unreachable' || this.#stateNow() !== 'connecting') throw error;
      const joined = await this.#tryWebSocket();
      this.blocked = true;
      return joined;
    }
  }

  #tryWebSocket() {
    return this.#through(new WebSocketLink(this.#seat(), this.Socket, this.fetch));
  }

  /** @returns {import('./transport/link.js').Seat} */
  #seat() {
    const { endpoints: doors, room, name, role, token, audio, seen, heard } = this;
    const resume = this.joined?.resume_token ?? this.resume;
    const news = resume && seen ? { after: seen, ...(heard.reply ? { heard } : {}) } : {};
    return { endpoints: doors, room, name, role, token, audio, resume, news };
  }

  /** Waits for the seat over this link, and stays with the link. @param {Link} link @returns {Promise<Joined>} */
  #through(link) {
    this.link = link;
    return new Promise((resolve, reject) => {
      let open = false;
      const patience = setTimeout(() => {
        link.close(CloseCode.GOING_AWAY, 'no answer');
        closed({ code: 1006, reason: `no answer came within ${JOIN_PATIENCE_MS / 1000} s` });
      }, JOIN_PATIENCE_MS);
      link.on('event', (event) => {
        if (link !== this.link) return;
        this.#receive(event);
        if (event.type !== 'joined' || open) return;
        open = true;
        clearTimeout(patience);
        this.#opened();
        resolve(event);
      });
      link.on('audio', (frame) => link === this.link && this.#sound('audio', frame));
      link.on('voices', (samples) => link === this.link && this.#sound('voices', samples));
      const closed = (/** @type {import('./transport/link.js').Closing} */ close) => {
        clearTimeout(patience);
        if (link !== this.link) return reject(new HubbubError('unreachable', 'given up'));
        const error = explainClose(close, this.lastFault);
        this.#drop();
        if (open) this.#lost(close, error);
        else reject(error);
      };
      link.on('close', closed);
    });
  }

  #opened() {
    this.attempt = 0;
    if (this.link) this.emit('link', this.link);
    this.#become('open');
    if (this.muted) this.#send({ type: 'mute', muted: true });
    this.lastHeardMs = Date.now();
    let id = 0;
    this.pingTimer = setInterval(() => {
      if (Date.now() - this.lastHeardMs > SILENCE_MS) return this.#giveUpLink();
      this.pings.set(++id, performance.now());
      this.#send({ type: 'ping', id });
    }, PING_MS);
  }

  #giveUpLink() {
    const link = this.link;
    this.#drop();
    link?.close(CloseCode.GOING_AWAY, 'silent');
    this.#wait(new HubbubError('unreachable', `no word from the server for ${SILENCE_MS / 1000} s`));
  }

  #drop() {
    clearInterval(this.pingTimer);
    this.pings.clear();
    this.link = null;
  }

  /** @param {import('./transport/link.js').Closing} close @param {HubbubError} error */
  #lost(close, error) {
    const { farewell } = this;
    if (farewell && farewell !== CLOSING) {
      this.#forget();
      this.#become('closed', { error: farewell === 'left' ? null : new HubbubError('removed', farewell, { serverCode: error.serverCode }) });
    } else if (FINAL_CODES.includes(close.code)) {
      this.joined = null;
      this.resume = null;
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
        this.#forget(); // the seat is gone: take a new one
        this.#wait(error);
      } else if (error.code === 'unreachable') {
        this.#wait(error);
      } else {
        this.joined = null;
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
    this.lastHeardMs = Date.now();
    if (event.seq) this.seen = event.seq;
    if (event.type === 'joined') {
      if (this.joined && this.joined.session !== event.session) this.#forget();
      this.joined = event;
    } else if (event.type === 'pong') this.#measure(event.id);
    else if (event.type === 'error') this.lastFault = event;
    else if (event.type === 'left') this.farewell = event.reason;
    this.emit('event', event);
    if (event.type !== 'pong') this.emit(event.type === 'error' ? 'fault' : event.type, event);
  }

  /** Nothing is known of a seat any more. */
  #forget() {
    this.joined = null;
    this.resume = null;
    this.seen = 0;
    this.heard = { reply: 0, offset: 0 };
  }

  /**
   * @template {'audio' | 'voices'} K
   * @param {K} kind
   * @param {ClientEvents[K]} sound
   */
  #sound(kind, sound) {
    this.lastHeardMs = Date.now();
    this.emit(kind, sound);
  }

  /** @param {number} id */
  #measure(id) {
    const sent = this.pings.get(id);
    this.pings.delete(id);
    if (sent !== undefined) this.emit('roundtrip', performance.now() - sent);
  }
}

/**
 * How long to wait before the next try: doubling, up to a limit, and spread so that a server that comes back is not met by
 * all its callers at once.
 *
 * @param {number} attempt  how many tries have failed
 * @param {number} random  from 0 to 1
 */
export function retryDelayMs(attempt, random) {
  const full = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
  return Math.round(full * (0.75 + random / 4));
}

export { HubbubError };
