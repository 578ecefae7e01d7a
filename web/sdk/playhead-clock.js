/**
 * How far a reply has been heard, where its sound comes as a stream and nobody counts its samples: by the server's events and
 * the clock. Pure: the caller says what time it is, in ms.
 *
 * A reply sounds from the moment the floor says so (its number is known from the first `words` or `reply` before or after that),
 * stops at `hold`, goes on at `resume`, and ends at `clear` or with its final `reply`. What it gives is for captions that light up
 * in time; memory goes by the server's own count.
 *
 * @typedef {import('./protocol.js').ServerEvent} ServerEvent
 */

/** What a frame spends between the server's event and the ear: the jitter buffer and the sound card. */
const ON_ITS_WAY_MS = 90;

export class PlayheadClock {
  /** @param {number} rateHz  in which `words` count */
  constructor(rateHz) {
    this.rateHz = rateHz;
    this.reply = 0;
    this.done = 0;
    this.speaking = false;
    /** Played before the last stop. */
    this.playedMs = 0;
    /** @type {number | null} when it began to flow */
    this.since = null;
  }

  /** @param {ServerEvent} event @param {number} nowMs */
  take(event, nowMs) {
    if (event.type === 'words' || (event.type === 'reply' && !event.final)) this.#know(event.reply, nowMs);
    else if (event.type === 'floor') this.#floor(event.mouth, nowMs);
    else if (event.type === 'hold') this.#stop(nowMs);
    else if (event.type === 'resume' && event.reply === this.reply) this.#flow(nowMs);
    else if (event.type === 'clear' || (event.type === 'reply' && event.final)) this.#finish(event.reply, nowMs);
  }

  /** A new session counts its replies from 1 again. */
  reset() {
    this.reply = 0;
    this.done = 0;
    this.speaking = false;
    this.playedMs = 0;
    this.since = null;
  }

  /** Whether the playhead moves. */
  get flowing() {
    return this.since !== null;
  }

  /** @param {number} nowMs @returns {{reply: number, offset: number}}  in samples */
  at(nowMs) {
    const ms = this.playedMs + (this.since === null ? 0 : Math.max(0, nowMs - this.since));
    return { reply: this.reply, offset: Math.floor((ms * this.rateHz) / 1000) };
  }

  /** @param {number} reply @param {number} nowMs */
  #know(reply, nowMs) {
    if (reply <= this.reply || reply <= this.done) return;
    this.reply = reply;
    this.playedMs = 0;
    this.since = null;
    if (this.speaking) this.since = nowMs + ON_ITS_WAY_MS;
  }

  /** @param {string} mouth @param {number} nowMs */
  #floor(mouth, nowMs) {
    this.speaking = mouth === 'speaking';
    if (this.speaking && this.reply > this.done) this.#flow(nowMs);
    if (mouth === 'idle') this.#stop(nowMs);
  }

  /** @param {number} nowMs */
  #flow(nowMs) {
    this.since ??= nowMs + (this.playedMs ? 0 : ON_ITS_WAY_MS);
  }

  /** @param {number} nowMs */
  #stop(nowMs) {
    if (this.since !== null) this.playedMs += Math.max(0, nowMs - this.since);
    this.since = null;
  }

  /** @param {number} reply @param {number} nowMs */
  #finish(reply, nowMs) {
    this.done = Math.max(this.done, reply);
    if (reply === this.reply) this.#stop(nowMs);
  }
}
