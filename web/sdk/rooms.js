/**
 * The rooms over HTTP: which there are, who is in them, what an agent remembers; and what a moderator may change.
 *
 *     const rooms = new RoomsApi({ url: 'http://127.0.0.1:8080' });
 *     const { rooms: all } = await rooms.list();
 *     await rooms.changeAgent('default', 'Ada', { muted: true });
 *
 * @typedef {import('./protocol.js').Participant} Participant
 * @typedef {{name: string, title: string, language: string, open: boolean, agents: {name: string, voice: string}[], callers: string[],
 *   floor?: Record<string, any>}} RoomInfo
 * @typedef {{name: string, role: 'user' | 'assistant' | 'system', text: string, unheard: string, interrupted_by: string | null}} Remembered
 *   `text` is what was heard of it
 */

import { endpoints } from './endpoints.js';
import { HubbubError } from './errors.js';

/** Asks a server over HTTP, with the token, and turns its refusals into errors. */
export class Api {
  /** @param {{url: string | URL, token?: string}} options */
  constructor({ url, token = '' }) {
    this.root = endpoints(url).root;
    this.token = token;
  }

  /**
   * @param {string} path  below `api/`
   * @param {{method?: string, body?: unknown}} [request]
   * @returns {Promise<any>}  the answer's JSON, or null where it has none
   * @throws {HubbubError} `refused` with the server's code and sentence, or `unreachable`
   */
  async ask(path, request = {}) {
    const answer = await this.fetch(path, request);
    return answer.status === 204 ? null : answer.json().catch(() => null);
  }

  /** @param {string} path @param {{method?: string, body?: unknown}} [request] @returns {Promise<Response>} */
  async fetch(path, { method = 'GET', body } = {}) {
    /** @type {Record<string, string>} */
    const headers = this.token ? { authorization: `Bearer ${this.token}` } : {};
    if (body !== undefined) headers['content-type'] = 'application/json';
    /** @type {Response} */
    let answer;
    try {
      answer = await fetch(new URL(`api/${path}`, this.root), {
        method, headers, cache: 'no-store', body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (cause) {
      throw new HubbubError('unreachable', 'the server does not answer', { cause });
    }
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => null);
    const { code = '', message = `the server answered ${answer.status}` } = said?.error ?? {};
    const away = !code && answer.status >= 500;
    throw new HubbubError(away ? 'unreachable' : 'refused', message, { serverCode: code || String(answer.status) });
  }
}

const part = encodeURIComponent;

export class RoomsApi extends Api {
  /** @returns {Promise<{rooms: RoomInfo[], engines: Record<string, import('./protocol.js').EngineInfo>, version: string}>} */
  list() {
    return this.ask('rooms');
  }

  /** @param {string} room @returns {Promise<RoomInfo>} */
  room(room) {
    return this.ask(`rooms/${part(room)}`);
  }

  /** Agents first. @param {string} room @returns {Promise<{participants: Participant[]}>} */
  participants(room) {
    return this.ask(`rooms/${part(room)}/participants`);
  }

  /** What an agent remembers of the conversation. @param {string} room @param {string} agent @returns {Promise<{messages: Remembered[]}>} */
  memory(room, agent) {
    return this.ask(`rooms/${part(room)}/agents/${part(agent)}/memory`);
  }

  /** Seats another agent. @param {string} room @param {object} config  as in the rooms' YAML: at least `name` @returns {Promise<Participant>} */
  inviteAgent(room, config) {
    return this.ask(`rooms/${part(room)}/agents`, { method: 'POST', body: config });
  }

  /** @param {string} room @param {string} agent @param {{muted?: boolean, quiet?: boolean}} change @returns {Promise<Participant>} */
  changeAgent(room, agent, change) {
    return this.ask(`rooms/${part(room)}/agents/${part(agent)}`, { method: 'PATCH', body: change });
  }

  /** @param {string} room @param {string} agent */
  removeAgent(room, agent) {
    return this.ask(`rooms/${part(room)}/agents/${part(agent)}`, { method: 'DELETE' });
  }

  /**
   * @param {string} room @param {string} caller @param {{role?: import('./protocol.js').Role, muted?: boolean}} change
   * @returns {Promise<Participant>}
   */
  changeCaller(room, caller, change) {
    return this.ask(`rooms/${part(room)}/callers/${part(caller)}`, { method: 'PATCH', body: change });
  }

  /** @param {string} room @param {string} caller */
  removeCaller(room, caller) {
    return this.ask(`rooms/${part(room)}/callers/${part(caller)}`, { method: 'DELETE' });
  }

  /**
   * Makes a token for somebody else; for who bears a moderator's token.
   *
   * @param {{room: string, name?: string, role?: import('./protocol.js').Role, for_s?: number, once?: boolean}} wish
   * @returns {Promise<{token: string, expires: string}>}
   */
  makeToken(wish) {
    return this.ask('tokens', { method: 'POST', body: wish });
  }

  /** Has an agent say something. @param {string} room @param {{text: string, agent?: string}} what */
  say(room, what) {
    return this.ask(`rooms/${part(room)}/say`, { method: 'POST', body: what });
  }
}
