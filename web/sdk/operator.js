/**
 * What an operator asks of a server: how it is, what went wrong, where time goes, and its recordings. See docs/operator-api.md.
 *
 * @typedef {{turn: number, agent: string, total_ms: number}} LastTurn
 * @typedef {{id: string, room: string, name: string, role: string, muted: boolean, connection: string | null, connected: boolean,
 *   away_s: number | null, age_s: number, ear: string, mouth: string, reply: number, events: number, dropped_samples: number,
 *   recording: string | null, last_turn: LastTurn | null}} SessionInfo
 * @typedef {{name: string, title: string, open: boolean, agents: string[], callers: string[]}} RoomInfo
 * @typedef {{version: string, started: string, uptime_s: number, open: boolean, engines: Record<string, import('./protocol.js').EngineInfo>,
 *   clock: {tick_ms: number, ticks: number, late_ticks: number}, counters: Record<string, number>, refused: Record<string, number>,
 *   recording: {on: boolean, sessions: number}, rooms: RoomInfo[], sessions: SessionInfo[]}} Overview
 * @typedef {{id: number, at: string, level: string, logger: string, room: string, session: string, message: string, detail: string,
 *   times: number}} LoggedError
 * @typedef {{p50: number, p90: number, p95: number, p99: number, mean: number, max?: number}} Percentiles
 * @typedef {{turns: number, parts: Record<string, Percentiles>}} Latency
 * @typedef {import('./protocol.js').Turn & {room: string, session: string, at: string}} AnsweredTurn
 * @typedef {{name: string, room: string, caller: string, session: string, started: string, state: string, seconds: number,
 *   bytes: number, problem: string}} RecordingInfo
 * @typedef {{at_ms: number, kind: string, [more: string]: unknown}} Decision
 * @typedef {{from_ms: number, to_ms: number, from_sample: number, to_sample: number}} HeardStretch
 * @typedef {{reply: number, from_ms: number, to_ms: number, how: string, held: [number, number][],
 *   known: 'reported' | 'estimated' | 'decisions', stalled?: [number, number][], heard?: HeardStretch[], heard_samples?: number,
 *   sent_samples?: number}} PlayedReply  `heard` and what goes with it: where `known` is not 'decisions'
 * @typedef {{name: string, room: string, caller: string, seconds: number, from_ms: number, to_ms: number, bucket_ms: number,
 *   warnings: string[], heard: {peaks: [number, number][]}, played: {peaks: [number, number][]},
 *   ear: {peaks: [number, number][]} | null, vad: number[],
 *   decisions: Decision[], replies: PlayedReply[], events: ({type: string, at_ms: number} & Record<string, any>)[]}} Timeline
 * @typedef {{id: string, recording: string, state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled', progress: number, error: string,
 *   outcome: {same: boolean, windows: number, steps: number, commands: number,
 *   differences: {at_ms: number, what: string, recorded: string, replayed: string}[]} | null}} Replay
 */

import { withParameters } from './endpoints.js';
import { Api } from './rooms.js';

const part = encodeURIComponent;

export class OperatorApi extends Api {
  /** @returns {Promise<Overview>} */
  overview() {
    return this.ask('operator');
  }

  /** Newest first. @param {number} [limit] @returns {Promise<{errors: LoggedError[], since_start: number}>} */
  errors(limit = 100) {
    return this.ask(`operator/errors?limit=${limit}`);
  }

  /** Percentiles of the last turns. @param {number} [last] @returns {Promise<Latency>} */
  latency(last = 200) {
    return this.ask(`operator/latency?last=${last}`);
  }

  /** Newest first. @param {number} [limit] @returns {Promise<{turns: AnsweredTurn[]}>} */
  turns(limit = 30) {
    return this.ask(`operator/turns?limit=${limit}`);
  }

  /** Begins to record a session, or ends that. @param {string} session @param {boolean} on */
  record(session, on) {
    return this.ask(`operator/sessions/${part(session)}/record`, { method: 'POST', body: { on } });
  }

  /** @returns {Promise<{on: boolean, recordings: RecordingInfo[], left_out: number}>} */
  recordings() {
    return this.ask('operator/recordings');
  }

  /** What happened in a recording. @param {string} name @param {{peaks?: number, from_ms?: number, to_ms?: number}} [stretch] @returns {Promise<Timeline>} */
  timeline(name, { peaks = 1200, from_ms, to_ms } = {}) {
    const from = from_ms === undefined ? '' : `&from_ms=${Math.round(from_ms)}`;
    const to = to_ms === undefined ? '' : `&to_ms=${Math.round(to_ms)}`;
    return this.ask(`operator/recordings/${part(name)}/timeline?peaks=${peaks}${from}${to}`);
  }

  /**
   * Where a recording's sound is, for an `<audio>`, which can send no key: addresses with a ticket for this recording only.
   *
   * @param {string} name
   * @returns {Promise<{heard: string, played: string, ear: string, expiresAt: number}>}  `heard`: by the server; `ear`: what the caller
   *   heard; `expiresAt`: when they end, in ms since the epoch
   */
  async sound(name) {
    const given = await this.ask(`operator/recordings/${part(name)}/listen`, { method: 'POST' });
    const at = (/** @type {string} */ track) =>
      withParameters(new URL(`api/operator/recordings/${part(name)}/${track}.flac`, this.root), { ticket: given.ticket }).href;
    return { heard: at('heard'), played: at('played'), ear: at('ear'), expiresAt: Date.now() + 1000 * given.expires_in_s };
  }

  /** @param {string} name */
  deleteRecording(name) {
    return this.ask(`operator/recordings/${part(name)}`, { method: 'DELETE' });
  }

  /** Runs a recording through the present build. @param {string} name @param {object} [otherwise] @returns {Promise<Replay>} */
  replay(name, otherwise = {}) {
    return this.ask(`operator/recordings/${part(name)}/replay`, { method: 'POST', body: otherwise });
  }

  /** @param {string} id @returns {Promise<Replay>} */
  outcome(id) {
    return this.ask(`operator/replays/${part(id)}`);
  }
}
