/**
 * The other callers' voices on their way to the loudspeaker. They are live: better a small gap than a growing delay. No I/O.
 *
 * What comes waits until `startMs` of it are there, which evens out the network's jitter. Where it runs dry it waits again;
 * where more than `limitMs` have gathered (a stall, or a sender whose clock is faster) the oldest is dropped down to `startMs`.
 */
export class VoicesBuffer {
  /** @param {number} rateHz @param {{startMs?: number, limitMs?: number}} [options] */
  constructor(rateHz, { startMs = 50, limitMs = 240 } = {}) {
    this.startSamples = Math.round((startMs * rateHz) / 1000);
    this.ring = new Float32Array(Math.round((limitMs * rateHz) / 1000));
    this.read = 0;
    this.buffered = 0;
    this.flowing = false;
    this.dropped = 0;
  }

  /** @param {Int16Array} samples */
  push(samples) {
    const { ring } = this;
    const fresh = samples.length > ring.length ? samples.subarray(samples.length - ring.length) : samples;
    if (this.buffered + fresh.length > ring.length) {
      const keep = Math.max(0, this.startSamples - fresh.length);
      const over = Math.max(0, this.buffered - keep);
      this.read = (this.read + over) % ring.length;
      this.buffered -= over;
      this.dropped += over;
    }
    let at = (this.read + this.buffered) % ring.length;
    for (const sample of fresh) {
      ring[at] = sample / 32768;
      at = at + 1 === ring.length ? 0 : at + 1;
    }
    this.buffered += fresh.length;
    if (this.buffered >= this.startSamples) this.flowing = true;
  }

  /** Adds what is due to `out`, samples from -1 to 1. @param {Float32Array} out */
  addTo(out) {
    if (!this.flowing) return;
    const { ring } = this;
    const count = Math.min(out.length, this.buffered);
    for (let i = 0; i < count; i++) {
      out[i] = Math.max(-1, Math.min(1, out[i] + ring[this.read]));
      this.read = this.read + 1 === ring.length ? 0 : this.read + 1;
    }
    this.buffered -= count;
    if (count < out.length) this.flowing = false;
  }

  reset() {
    this.buffered = 0;
    this.flowing = false;
  }
}
