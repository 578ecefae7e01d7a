/**
 * How far a reply has been heard, where its sound comes as a stream and nobody counts its samples. Pure: the caller says what
 * time it is, in ms, and which RTP timestamp sounds.
 *
 * The server's `playing` says which timestamp belongs to which sample of a reply, so that the playhead is exact where the browser
 * tells which packet it plays. Where it does not, or the server sends no `playing`, the clock estimates: a reply sounds from the
 * moment the floor says so (its number is known from the first `words` or `reply` before or after that). Either way it stops at
 * `hold`, goes on at `resume`, and ends at `clear` or with its final `reply`. What it gives (`at`) is for captions that light up in
 * time. What is known for certain (`known`) is also for the server, whose memory goes by it.
 *
 * @typedef {import('./protocol.js').ServerEvent} ServerEvent
 */

const RTP_HZ = 48_000; // RFC 7587: Opus, whatever is coded
/** What a frame spends between the server's event and the ear: the jitter buffer and the sound card. */
const ON_ITS_WAY_MS = 90;
/** What was sent before a hold has sounded by then. */
const DRAIN_MS = 500;
/** After a hold of this length the stream's time has gone on without the reply: another `playing` says where it goes on. */
const LONG_HOLD_MS = 150;
/** A stretch that begins later than that is none: the timestamp is of before, and the difference went round. */
const LONGEST_STRETCH = 2 ** 31;

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
    /** @type {{offset: number, rtp: number} | null} the stretch that sounds */
    this.stretch = null;
    /** Until then what was on its way when it stopped still sounds. */
    this.drainedAt = -Infinity;
  }

  /** A new session counts its replies from 1 again. */
  reset() {
    this.reply = 0;
    this.done = 0;
    this.speaking = false;
    this.playedMs = 0;
    this.since = null;
    this.stretch = null;
    this.drainedAt = -Infinity;
  }

  /** @param {ServerEvent} event @param {number} nowMs @param {number | null} [rtp]  the timestamp that sounds */
  take(event, nowMs, rtp = null) {
    if (event.type === 'playing') this.#play(event, nowMs);
    else if (event.type === 'words' || (event.type === 'reply' && !event.final)) this.#know(event.reply, nowMs);
    else if (event.type === 'floor') this.#floor(event.mouth, nowMs, rtp);
    else if (event.type === 'hold') this.#stop(nowMs, rtp);
    else if (event.type === 'resume' && event.reply === this.reply) this.#flow(nowMs);
    else if (event.type === 'clear' || (event.type === 'reply' && event.final)) this.#finish(event.reply, nowMs, rtp);
  }

  /** Whether the playhead moves. */
  get flowing() {
    return this.since !== null;
  }

  /** Whether there is anything to follow: the playhead moves, or what was on its way still sounds. @param {number} nowMs */
  sounding(nowMs) {
    return this.flowing || nowMs < this.drainedAt;
  }

  /**
   * What is known to sound; null where nobody tells. It may count silence that follows the last sample; the server knows better.
   *
   * @param {number} nowMs
   * @param {number | null} rtp  the timestamp that sounds
   * @returns {{reply: number, offset: number} | null}  in samples
   */
  known(nowMs, rtp) {
    const { reply, stretch } = this;
    if (!stretch || rtp === null || !this.sounding(nowMs)) return null;
    const gone = (rtp - stretch.rtp) >>> 0;
    const samples = gone < LONGEST_STRETCH ? Math.floor((gone * this.rateHz) / RTP_HZ) : 0;
    return { reply, offset: stretch.offset + samples };
  }

  /**
   * @param {number} nowMs
   * @param {number | null} [rtp]  the timestamp that sounds
   * @returns {{reply: number, offset: number}}  in samples
   */
  at(nowMs, rtp = null) {
    const { reply } = this;
    const known = this.flowing && this.known(nowMs, rtp);
    if (known) return known;
    const ms = this.playedMs + (this.since === null ? 0 : Math.max(0, nowMs - this.since));
    return { reply, offset: Math.floor((ms * this.rateHz) / 1000) };
  }

  /** @param {{reply: number, offset: number, rtp: number}} event @param {number} nowMs */
  #play({ reply, offset, rtp }, nowMs) {
    if (reply <= this.done) return;
    this.reply = reply;
    this.stretch = { offset, rtp };
    this.drainedAt = -Infinity;
    this.playedMs = (1000 * offset) / this.rateHz;
    this.since = nowMs + ON_ITS_WAY_MS;
  }

  /** @param {number} reply @param {number} nowMs */
  #know(reply, nowMs) {
    if (reply <= this.reply || reply <= this.done) return;
    this.reply = reply;
    this.stretch = null;
    this.playedMs = 0;
    this.since = null;
    if (this.speaking) this.since = nowMs + ON_ITS_WAY_MS;
  }

  /** @param {string} mouth @param {number} nowMs @param {number | null} rtp */
  #floor(mouth, nowMs, rtp) {
    this.speaking = mouth === 'speaking';
    if (this.speaking && this.reply > this.done) this.#flow(nowMs);
    if (mouth === 'idle') this.#stop(nowMs, rtp);
  }

  /** @param {number} nowMs */
  #flow(nowMs) {
    if (!this.flowing && nowMs - (this.drainedAt - DRAIN_MS) > LONG_HOLD_MS) this.stretch = null;
    this.since ??= nowMs + (this.playedMs ? 0 : ON_ITS_WAY_MS);
  }

  /** @param {number} nowMs @param {number | null} rtp */
  #stop(nowMs, rtp) {
    if (!this.flowing) return;
    this.playedMs = (1000 * this.at(nowMs, rtp).offset) / this.rateHz;
    this.since = null;
    this.drainedAt = nowMs + DRAIN_MS;
  }

  /** @param {number} reply @param {number} nowMs @param {number | null} rtp */
  #finish(reply, nowMs, rtp) {
    this.done = Math.max(this.done, reply);
    if (reply !== this.reply) return;
    this.#stop(nowMs, rtp);
    this.stretch = null;
  }
}
