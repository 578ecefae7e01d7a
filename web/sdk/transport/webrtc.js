/**
 * WebRTC: the offer goes to `POST /api/webrtc` (WHIP, RFC 9725), the sound as one Opus track each way, the messages of the
 * native protocol over the data channel `hubbub`.
 *
 * @typedef {import('./link.js').LinkEvents} LinkEvents
 * @typedef {import('./link.js').Seat} Seat
 */

import { Emitter } from '../emitter.js';
import { withParameters } from '../endpoints.js';
import { CloseCode } from '../protocol.js';
import { parseEvent } from './websocket.js';

/** How long addresses are gathered before the offer goes: those of this machine come at once. */
const GATHER_MS = 400;
/** From the server's answer to a way for UDP, and from there to the server's first word: beyond it, it is taken to be blocked. */
const OPEN_MS = 2000;
/** The answer's header that holds the seat's token, by which another wire may take it over. */
const RESUME_HEADER = 'hubbub-resume';
/** How long ICE may be without an answer before the connection is given up; shorter gaps it mends by itself. */
const DISCONNECTED_MS = 6000;
const ANSWER_MS = 15_000;

/** Whether this program can do WebRTC at all. */
export function webrtcAvailable() {
  return typeof RTCPeerConnection === 'function' && typeof MediaStream === 'function';
}

/** @extends {Emitter<LinkEvents>} */
export class WebRTCLink extends Emitter {
  /** @param {Seat} seat @param {MediaStreamTrack | null} track @param {RTCIceServer[] | null} iceServers  null: those that the server names */
  constructor(seat, track, iceServers) {
    super();
    this.kind = /** @type {const} */ ('webrtc');
    this.seat = seat;
    this.iceServers = iceServers;
    this.peer = new RTCPeerConnection({ iceServers: iceServers ?? [], bundlePolicy: 'max-bundle' });
    /** @type {MediaStream | null} */
    this.stream = new MediaStream();
    this.channel = this.peer.createDataChannel('hubbub');
    const { sender, receiver } = this.peer.addTransceiver(track ?? 'audio', { direction: 'sendrecv' });
    this.sender = sender;
    this.receiver = receiver;
    /** @type {URL | null} the session's address at the server, to hang up by */
    this.resource = null;
    /** @type {string | null} the token of the seat that this offer was given */
    this.resume = null;
    this.over = false;
    /** @type {Set<ReturnType<typeof setTimeout>>} */
    this.timers = new Set();
    this.peer.ontrack = ({ track: sound }) => this.stream?.addTrack(sound);
    /** @type {(() => void) | null} ends the waiting for a way, or for the first word */
    this.opening = null;
    this.peer.onconnectionstatechange = () => this.#watch();
    this.peer.oniceconnectionstatechange = () => this.#found();
    this.channel.onmessage = ({ data }) => this.#receive(data);
    this.channel.onclose = () => this.#end(1006, 'the data channel was closed');
    void this.#open();
  }

  /** @param {object} message */
  send(message) {
    if (this.channel.readyState === 'open') this.channel.send(JSON.stringify(message));
  }

  sendAudio() {
    return true; // the microphone's track carries it
  }

  /** Of the newest packet that was given to the loudspeaker. */
  playedRtp() {
    return this.receiver.getSynchronizationSources?.()[0]?.rtpTimestamp ?? null;
  }

  /** @param {MediaStreamTrack | null} track */
  setTrack(track) {
    void this.sender.replaceTrack(track).catch(() => {}); // the peer may be closed already
  }

  /** @param {number} code */
  close(code) {
    if (this.over) return;
    this.over = true;
    for (const timer of this.timers) clearTimeout(timer);
    if (code === CloseCode.NORMAL) void this.hangUp();
    // What was just sent (`leave`) should still leave: a peer that is closed at once takes it along.
    if (this.channel.readyState === 'open') setTimeout(() => this.peer.close(), 200);
    else this.peer.close();
  }

  async #open() {
    try {
      if (!this.iceServers && !(await this.#askForIceServers())) return;
      await this.peer.setLocalDescription();
      await this.#gathered();
      if (this.over) return;
      if (this.#hasNoWay()) return this.#fail('this machine has no address to send from: UDP is switched off here');
      const { room, name, role, token, resume, news, endpoints } = this.seat;
      const after = news.after ? String(news.after) : '';
      const answer = await fetch(withParameters(endpoints.webrtc, { room, name, role, resume, after }), {
        method: 'POST',
        headers: { 'content-type': 'application/sdp', ...(token ? { authorization: `Bearer ${token}` } : {}) },
        body: this.peer.localDescription?.sdp ?? '',
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const location = answer.headers.get('location');
      if (location) this.resource = new URL(location, endpoints.webrtc);
      this.resume = answer.headers.get(RESUME_HEADER);
      if (this.over) return await this.hangUp();
      if (answer.status !== 201) return await this.#refused(answer);
      await this.peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
      this.#expectOpening();
      this.emit('answered', undefined);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  /** Asks the door which STUN and TURN servers there are; false where there is no such door. */
  async #askForIceServers() {
    const { endpoints, token } = this.seat;
    const headers = token ? { authorization: `Bearer ${token}` } : undefined;
    const answer = await fetch(endpoints.webrtc, { method: 'OPTIONS', headers, signal: AbortSignal.timeout(ANSWER_MS) });
    if (this.over) return false;
    if (!answer.ok) {
      this.#end(CloseCode.NO_WEBRTC, `the server answered ${answer.status}`);
      return false;
    }
    const iceServers = iceServersOf(answer.headers.get('link') ?? '');
    if (iceServers.length) this.peer.setConfiguration({ iceServers, bundlePolicy: 'max-bundle' });
    return true;
  }

  /** Nothing was found that could be sent from, and nothing will be. */
  #hasNoWay() {
    return this.peer.iceGatheringState === 'complete' && !/^a=candidate:\S+ \d+ udp /im.test(this.peer.localDescription?.sdp ?? '');
  }

  #expectOpening() {
    this.opening?.();
    this.opening = this.#after(OPEN_MS, () => this.#fail('no connection came about: the way for UDP may be blocked'));
  }

  #found() {
    if (this.over || !this.opening || !['connected', 'completed'].includes(this.peer.iceConnectionState)) return;
    this.#expectOpening();
    this.emit('reached', undefined);
  }

  /** Waits for the addresses of this machine, a little while. */
  #gathered() {
    if (this.peer.iceGatheringState === 'complete') return;
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
      this.#after(GATHER_MS, resolve);
      this.peer.onicegatheringstatechange = () => this.peer.iceGatheringState === 'complete' && resolve();
    }));
  }

  /** @param {Response} answer */
  async #refused(answer) {
    const said = await answer.json().catch(() => null);
    const { code = '', message = '' } = said?.error ?? {};
    // Without the server's own words it has no such door, or something between us and it has none.
    if (!code || code === 'unsupported' || code === 'not_available') return this.#end(CloseCode.NO_WEBRTC, `the server answered ${answer.status}`);
    this.emit('event', { type: 'error', at_ms: 0, code, message, fatal: true });
    this.#end(CloseCode.REFUSED, message);
  }

  /** @param {string} data */
  #receive(data) {
    const event = typeof data === 'string' ? parseEvent(data) : null;
    if (!event || this.over) return;
    if (event.type === 'joined') {
      for (const timer of this.timers) clearTimeout(timer);
      this.timers.clear();
      this.opening = null;
    }
    this.emit('event', event);
    if (event.type === 'error' && event.fatal) this.#end(CloseCode.REFUSED, event.message);
  }

  #watch() {
    const state = this.peer.connectionState;
    if (state === 'failed') this.#end(1006, 'the connection failed');
    else if (state === 'disconnected') {
      this.#after(DISCONNECTED_MS, () => {
        if (this.peer.connectionState !== 'connected') this.#end(1006, 'the connection was lost');
      });
    }
  }

  /** It did not open. The seat that the server may have given is still there: to be taken over, or given up by `hangUp`. @param {string} reason */
  #fail(reason) {
    this.#end(CloseCode.NO_WEBRTC, reason);
  }

  /** @param {number} code @param {string} reason */
  #end(code, reason) {
    if (this.over) return;
    this.over = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.peer.close();
    this.emit('close', { code, reason });
  }

  /** Tells the server that this connection is not needed any more; a seat that nobody else has taken over goes with it. */
  async hangUp() {
    const { resource } = this;
    if (!resource) return;
    this.resource = null;
    const { token } = this.seat;
    const headers = token ? { authorization: `Bearer ${token}` } : undefined;
    const signal = AbortSignal.timeout(500);
    await fetch(resource, { method: 'DELETE', keepalive: true, headers, signal }).catch(() => {}); // it is gone already
  }

  /** @param {number} ms @param {() => void} act */
  #after(ms, act) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (!this.over) act();
    }, ms);
    this.timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.timers.delete(timer);
    };
  }
}

/**
 * The STUN and TURN servers of a Link header (RFC 9725, §4.6).
 *
 * @param {string} header
 * @returns {RTCIceServer[]}
 */
export function iceServersOf(header) {
  return [...header.matchAll(/<((?:stuns?|turns?):[^>]+)>((?:\s*;\s*[\w-]+="(?:[^"\\]|\\.)*")*)/g)].map(([, urls, rest]) => {
    const parameters = Object.fromEntries([...rest.matchAll(/([\w-]+)="((?:[^"\\]|\\.)*)"/g)]
      .map(([, name, value]) => [name, value.replace(/\\(.)/g, '$1')]));
    const { username, credential } = parameters;
    return username ? { urls, username, credential } : { urls };
  });
}
