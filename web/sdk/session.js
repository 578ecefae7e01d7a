/**
 * What a client knows of its seat, and needs to come back to it.
 *
 * @typedef {import('./protocol.js').Joined} Joined
 * @typedef {import('./protocol.js').ServerEvent} ServerEvent
 */

export class Session {
  /** @param {string | null} resume  the token of a seat to come back to @param {number} after  the number of the last event known of it */
  constructor(resume, after) {
    /** @type {Joined | null} what the server said of the seat; kept while a lost connection is sought again */
    this.joined = null;
    this.resume = resume;
    /** The number of the last event that came. */
    this.seen = after;
    /** How far the newest reply was heard; where its sound goes on after a lost connection. */
    this.heard = { reply: 0, offset: 0 };
  }

  /** The token that takes the seat back; null where there is none. */
  get token() {
    return this.joined?.resume_token ?? this.resume;
  }

  /** What the server needs to know to tell the rest. @returns {import('./transport/link.js').Seat['news']} */
  get news() {
    const { seen, heard } = this;
    return this.token && seen ? { after: seen, ...(heard.reply ? { heard } : {}) } : {};
  }

  /** @param {ServerEvent} event */
  take(event) {
    if (event.type === 'joined') {
      if (this.joined && this.joined.session !== event.session) this.forget();
      this.joined = event;
    }
    if (event.seq) this.seen = event.seq;
  }

  /** Nothing is known of a seat any more. */
  forget() {
    this.joined = null;
    this.resume = null;
    this.seen = 0;
    this.heard = { reply: 0, offset: 0 };
  }

  /** The seat is given up, or was taken by another: there is no way back, though what was seen of it stays true. */
  giveUp() {
    this.joined = null;
    this.resume = null;
  }
}
