/**
 * Asks the server now and then whether it is there: how long the way is, and whether it has gone silent.
 */

const PING_MS = 4000;
/** So long without a word from the server, though pinged: the connection is dead, whatever the wire says. */
export const SILENCE_MS = 13_000;

export class Heartbeat {
  /**
   * @param {(message: {type: 'ping', id: number}) => void} send
   * @param {{roundtrip: (ms: number) => void, silent: () => void}} told
   */
  constructor(send, told) {
    this.told = told;
    this.heardMs = Date.now();
    /** @type {Map<number, number>} when each ping left that has no answer yet */
    this.pings = new Map();
    let id = 0;
    this.timer = setInterval(() => {
      if (Date.now() - this.heardMs > SILENCE_MS) return told.silent();
      this.pings.set(++id, performance.now());
      send({ type: 'ping', id });
    }, PING_MS);
  }

  /** Something came. */
  heard() {
    this.heardMs = Date.now();
  }

  /** @param {number} id  of the ping that was answered */
  answered(id) {
    const sent = this.pings.get(id);
    this.pings.delete(id);
    if (sent !== undefined) this.told.roundtrip(performance.now() - sent);
  }

  stop() {
    clearInterval(this.timer);
  }
}
