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
 *
 * @typedef {import('./protocol.js').AudioFrame} AudioFrame
 * @typedef {import('./protocol.js').ServerEvent} ServerEvent
 * @typedef {import('./protocol.js').Joined} Joined
 * @typedef {import('./protocol.js').ServerFault} ServerFault
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
 * @property {AudioFrame} audio
 * @property {number} roundtrip  in ms, measured every few seconds
 * @property {Joined} joined
 * @property {import('./protocol.js').ParticipantJoined} participant_joined
 * @property {import('./protocol.js').ParticipantLeft} participant_left
 * @property {import('./protocol.js').SpeechStarted} speech_started
 * @property {import('./protocol.js').SpeechStopped} speech_stopped
 * @property {import('./protocol.js').Transcript} transcript
 * @property {import('./protocol.js').Backchannel} backchannel
 * @property {import('./protocol.js').Reply} reply
 * @property {import('./protocol.js').Words} words
 * @property {import('./protocol.js').Floor} floor
 * @property {import('./protocol.js').Hold} hold
 * @property {import('./protocol.js').Resume} resume
 * @property {import('./protocol.js').Clear} clear
 * @property {import('./protocol.js').Turn} turn
 * @property {import('./protocol.js').ToolUse} tool
 * @property {ServerFault} fault
 * @property {import('./protocol.js').Left} left
 *
 * @typedef {object} Options
 * @property {string | URL} url
 * @property {string} [room]
 * @property {string} [name]
 * @property {{input_rate_hz?: number, output_rate_hz?: number, playhead?: boolean}} [audio]
 * @property {typeof WebSocket} [WebSocket]  where there is no global one (Node before 22)
 */

import { Emitter } from './emitter.js';
import { HubbubError } from './errors.js';
import { CloseCode, PROTOCOL_VERSION, unpackAudio } from './protocol.js';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const JOIN_PATIENCE_MS = 10_000;
const PING_MS = 4000;
/** So long without a word from the server, though pinged: the connection is dead, whatever the socket says. */
const SILENCE_MS = 13_000;
/** Sound that waits in the socket beyond one second at 16 kHz is too old to be worth sending. */
const MAX_UNSENT_BYTES = 32_000;

/** @type {readonly number[]} closes after which trying again would only be refused again */
const FINAL_CODES = [CloseCode.NORMAL, CloseCode.BAD_MESSAGE, CloseCode.TOO_BIG, CloseCode.REFUSED, CloseCode.REPLACED];

/** @extends {Emitter<ClientEvents>} */
export class HubbubClient extends Emitter {
  /** @param {Options} options */
  constructor({ url, room = 'default', name = 'guest', audio = {}, WebSocket: Socket = globalThis.WebSocket }) {
    super();
    this.url = url;
    this.room = room;
    this.name = name;
    this.audio = { input_rate_hz: 16000, output_rate_hz: 24000, playhead: true, ...audio };
    this.Socket = Socket;
    /** @type {State} */
    this.state = 'idle';
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {Joined | null} what the server said of the session; kept while a lost connection is sought again */
    this.joined = null;
    this.muted = false;
    /** Messages of sound that were not sent since the connection was too slow. */
    this.droppedMessages = 0;
    this.newestReply = 0;
    this.attempt = 0;
    /** @type {ServerFault | null} */
    this.lastFault = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retryTimer = undefined;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.pingTimer = undefined;
    /** @type {Map<number, number>} */
    this.pings = new Map();
    this.lastHeardMs = 0;
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
    if (this.state !== 'open' || !this.socket || this.muted) return;
    if (this.socket.bufferedAmount > MAX_UNSENT_BYTES) {
      this.droppedMessages++;
      return;
    }
    this.socket.send(/** @type {ArrayBuffer} */ (pcm.buffer).slice(pcm.byteOffset, pcm.byteOffset + pcm.byteLength));
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

  /** Says how far a reply was heard. @param {number} reply @param {number} offset  in samples */
  playhead(reply, offset) {
    this.#send({ type: 'playhead', reply, offset });
  }

  /** Gives the seat up. */
  leave() {
    clearTimeout(this.retryTimer);
    this.#send({ type: 'leave' });
    const socket = this.socket;
    this.#drop();
    socket?.close(CloseCode.NORMAL, 'left');
    this.joined = null;
    if (this.state !== 'closed') this.#become('closed');
  }

  /** @param {object} message */
  #send(message) {
    if (this.state === 'open') this.socket?.send(JSON.stringify(message));
  }

  /** @param {State} state @param {{retryAt?: number, error?: HubbubError | null}} [more] */
  #become(state, { retryAt = 0, error = null } = {}) {
    this.state = state;
    this.emit('state', { state, retryAt, attempt: this.attempt, error });
  }

  /** @returns {Promise<Joined>} */
  #connect() {
    this.#become('connecting');
    this.lastFault = null;
    const before = this.joined;
    return new Promise((resolve, reject) => {
      const socket = new this.Socket(this.url);
      socket.binaryType = 'arraybuffer';
      this.socket = socket;
      const patience = setTimeout(() => socket.close(), JOIN_PATIENCE_MS);
      socket.onopen = () => socket.send(JSON.stringify(this.#joinMessage()));
      socket.onmessage = (message) => {
        if (socket === this.socket) this.#receive(message.data);
        if (this.joined && this.joined !== before && this.state === 'connecting' && socket === this.socket) {
          clearTimeout(patience);
          this.#opened();
          resolve(this.joined);
        }
      };
      socket.onclose = (close) => {
        clearTimeout(patience);
        if (socket !== this.socket) return reject(new HubbubError('unreachable', 'given up'));
        const error = this.#explain(close);
        const wasOpen = this.state === 'open';
        this.#drop();
        if (wasOpen) this.#lost(close, error);
        else reject(error);
      };
    });
  }

  #joinMessage() {
    const { room, name, audio } = this;
    return { type: 'join', protocol: PROTOCOL_VERSION, room, name, audio, resume: this.joined?.resume_token ?? null };
  }

  #opened() {
    this.attempt = 0;
    this.#become('open');
    if (this.muted) this.#send({ type: 'mute', muted: true });
    this.lastHeardMs = Date.now();
    let id = 0;
    this.pingTimer = setInterval(() => {
      if (Date.now() - this.lastHeardMs > SILENCE_MS) return this.#giveUpSocket();
      this.pings.set(++id, performance.now());
      this.#send({ type: 'ping', id });
    }, PING_MS);
  }

  #giveUpSocket() {
    const socket = this.socket;
    this.#drop();
    socket?.close();
    this.#wait(new HubbubError('unreachable', `no word from the server for ${SILENCE_MS / 1000} s`));
  }

  #drop() {
    clearInterval(this.pingTimer);
    this.pings.clear();
    this.socket = null;
  }

  /** @param {CloseEvent} close @param {HubbubError} error */
  #lost(close, error) {
    if (FINAL_CODES.includes(close.code)) {
      this.joined = null;
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
        this.joined = null; // the seat is gone: take a new one
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

  /** @param {CloseEvent} close */
  #explain(close) {
    const said = this.lastFault;
    const more = { serverCode: said?.code ?? '' };
    if (close.code === CloseCode.REPLACED) return new HubbubError('replaced', close.reason || 'the session was taken over', more);
    if (close.code === CloseCode.REFUSED || said?.fatal) {
      return new HubbubError('refused', said?.message || close.reason || 'the server refused', more);
    }
    if (close.code === CloseCode.BAD_MESSAGE || close.code === CloseCode.TOO_BIG) {
      return new HubbubError('protocol', said?.message || close.reason || 'the server did not understand', more);
    }
    return new HubbubError('unreachable', close.reason || `the connection was closed (code ${close.code})`, more);
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    this.lastHeardMs = Date.now();
    if (typeof data !== 'string') {
      const frame = unpackAudio(data, this.newestReply);
      if (frame) this.emit('audio', frame);
      return;
    }
    /** @type {ServerEvent} */
    const event = JSON.parse(data);
    if (event.type === 'joined') this.#begin(event);
    else if (event.type === 'reply') this.newestReply = Math.max(this.newestReply, event.reply);
    else if (event.type === 'pong') this.#measure(event.id);
    else if (event.type === 'error') this.lastFault = event;
    this.emit('event', event);
    if (event.type !== 'pong') this.emit(event.type === 'error' ? 'fault' : event.type, event);
  }

  /** @param {Joined} joined */
  #begin(joined) {
    if (this.joined?.session !== joined.session) this.newestReply = 0;
    this.joined = joined;
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
