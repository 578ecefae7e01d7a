/**
 * Asks the server now and then whether it is there: how long the way is, whether no word comes over it, and whether it is dead.
 */

const PING_MS = 1500;
/** So long without an answer: say that the line is quiet. Longer than a server under load is silent, shorter than people wonder. */
const QUIET_MS = 2000;
/** So long without a word from the server, though pinged: the connection is dead, whatever the wire says. */
export const SILENCE_MS = 13_000;
const LOOK_MS = 250;
/** A timer so late tells of a page that was busy or asleep; browsers make those of hidden pages wait a second. */
const LATE_MS = 2000;

export class Heartbeat {
  /**
   * @param {(message: {type: 'ping', id: number}) => void} send
   * @param {{roundtrip: (ms: number) => void, quiet: (quiet: boolean) => void, silent: () => void}} told
   */
  constructor(send, told) {
    this.send = send;
    this.told = told;
    /** @type {Map<number, number>} when each ping left that has no answer yet */
    this.pings = new Map();
    this.id = 0;
    this.pingedMs = 0;
    /** When the first ping left that no word has answered yet; 0 where there is none. */
    this.askedMs = 0;
    this.lookedMs = performance.now();
    /** The connection stands, but no word comes over it. */
    this.quiet = false;
    this.timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Something came. */
  heard() {
    this.askedMs = 0;
    this.#setQuiet(false);
  }

  /** @param {number} id  of the ping that was answered */
  answered(id) {
    const sent = this.pings.get(id);
    this.pings.delete(id);
    if (sent !== undefined) this.told.roundtrip(performance.now() - sent);
  }

  stop() {
    clearInterval(this.timer);
    this.#setQuiet(false);
  }

  #look() {
    const now = performance.now();
    if (now - this.lookedMs > LATE_MS) this.askedMs = 0; // this page stood still, not the line: ask anew
    this.lookedMs = now;
    const waitedMs = this.askedMs ? now - this.askedMs : 0;
    if (waitedMs > SILENCE_MS) return this.told.silent();
    if (waitedMs > QUIET_MS) this.#setQuiet(true);
    if (now - this.pingedMs < PING_MS) return;
    this.pingedMs = now;
    this.askedMs ||= now;
    this.pings.set(++this.id, now);
    this.send({ type: 'ping', id: this.id });
  }

  /** @param {boolean} quiet */
  #setQuiet(quiet) {
    if (quiet === this.quiet) return;
    this.quiet = quiet;
    this.told.quiet(quiet);
  }
}
