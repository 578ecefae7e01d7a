/**
 * The sound that waits for the loudspeaker: takes frames as they arrive, gives samples as they are played. No I/O.
 *
 * Theory of operation. Frames queue in order of arrival; the head of the queue is the sample played next. A reply is
 * *waiting* until `startMs` of it are there (or it ends sooner, or that time has passed), then it *flows*; where it runs
 * dry it waits again. A *held* reply flows no further, yet keeps its sound. A *cleared* reply is dead: its sound is dropped,
 * and so is every frame of it that comes later, since a cut overtakes frames under way.
 *
 * Sound never starts or stops with a click: a stop leaves a `tail` of `fadeMs` that falls to nothing (played beside the
 * queue, not taken from it, so that a resumed reply goes on from the very sample where it was held), a start rises as fast.
 *
 * @typedef {import('./protocol.js').AudioFrame} AudioFrame
 * @typedef {'start' | 'progress' | 'dry' | 'hold' | 'clear' | 'end'} Moment  dry: nothing more is here, though more must come
 * @typedef {{moment: Moment, reply: number, offset: number}} Report  offset: the samples of this reply played so far
 * @typedef {{reply: number, offset: number, last: boolean, samples: Int16Array}} Chunk
 */

const DEAD_REMEMBERED = 256;

export class PlaybackBuffer {
  /**
   * @param {number} rateHz
   * @param {{startMs?: number, fadeMs?: number, progressMs?: number, limitMs?: number}} [options]
   *   `limitMs`: the most that waits; a server keeps far below it, and what exceeds it is dropped and counted
   */
  constructor(rateHz, { startMs = 40, fadeMs = 5, progressMs = 50, limitMs = 30_000 } = {}) {
    this.startSamples = Math.round((startMs * rateHz) / 1000);
    this.fadeSamples = Math.max(1, Math.round((fadeMs * rateHz) / 1000));
    this.progressSamples = Math.round((progressMs * rateHz) / 1000);
    /** At the start of a reply reports come five times as often: the first of them ends the latency that is measured. */
    this.earlySamples = 4 * this.progressSamples;
    this.limitSamples = Math.round((limitMs * rateHz) / 1000);
    /** @type {Chunk[]} */
    this.queue = [];
    this.read = 0;
    this.buffered = 0;
    this.dropped = 0;
    this.flowing = false;
    this.waited = 0;
    this.gain = 0;
    this.lastSample = 0;
    /** What is left of the sound that was stopped. */
    this.tail = new Float32Array(0);
    /** @type {Set<number>} */
    this.held = new Set();
    /** @type {Set<number>} */
    this.dead = new Set();
    /** The reply played last, and how far. */
    this.position = { reply: 0, offset: 0 };
    this.sinceReport = 0;
    /** @type {Report[]} */
    this.reports = [];
  }

  /** Takes a frame. @param {AudioFrame} frame */
  push(frame) {
    if (this.dead.has(frame.reply)) return;
    if (this.buffered + frame.samples.length > this.limitSamples) {
      this.dropped += frame.samples.length;
      return;
    }
    this.queue.push({ ...frame });
    this.buffered += frame.samples.length;
  }

  /** Stops the reply where it is. @param {number} reply */
  hold(reply) {
    if (this.dead.has(reply)) return;
    this.held.add(reply);
    if (this.flowing && this.queue[0]?.reply === reply) this.#stop();
    this.#report('hold', reply);
  }

  /** Goes on where `hold` stopped. @param {number} reply */
  resume(reply) {
    this.held.delete(reply);
  }

  /** Drops the reply for good. @param {number} reply */
  clear(reply) {
    if (this.flowing && this.queue[0]?.reply === reply) this.#stop();
    if (this.queue[0]?.reply === reply) this.read = 0;
    this.queue = this.queue.filter((chunk) => chunk.reply !== reply);
    this.buffered = this.queue.reduce((sum, chunk) => sum + chunk.samples.length, 0) - this.read;
    this.held.delete(reply);
    this.dead.add(reply);
    if (this.dead.size > DEAD_REMEMBERED) this.dead.delete(/** @type {number} */ (this.dead.values().next().value));
    this.#report('clear', reply);
  }

  /** Forgets everything: a new session counts its replies from 1 again. */
  reset() {
    if (this.flowing) this.#stop();
    this.queue = [];
    this.read = 0;
    this.buffered = 0;
    this.held.clear();
    this.dead.clear();
    this.position = { reply: 0, offset: 0 };
  }

  /**
   * Fills `out` with the samples to play now, from -1 to 1.
   *
   * @param {Float32Array} out
   */
  pull(out) {
    let at = 0;
    while (at < out.length) {
      this.#finishEmptyHeads();
      if (!this.#ready(out.length)) break;
      at += this.#playHead(out, at);
    }
    out.fill(0, at);
    this.#addTail(out);
  }

  /** What happened since the last call. @returns {Report[]} */
  takeReports() {
    const reports = this.reports;
    this.reports = [];
    return reports;
  }

  /** Copies from the head chunk; returns how many samples. @param {Float32Array} out @param {number} at */
  #playHead(out, at) {
    const head = this.queue[0];
    const count = Math.min(out.length - at, head.samples.length - this.read);
    const step = 1 / this.fadeSamples;
    for (let i = 0; i < count; i++) {
      this.gain = Math.min(1, this.gain + step);
      this.lastSample = head.samples[this.read + i] / 32768;
      out[at + i] = this.lastSample * this.gain;
    }
    const fresh = this.position.reply !== head.reply;
    this.read += count;
    this.buffered -= count;
    this.position = { reply: head.reply, offset: head.offset + this.read };
    this.sinceReport += count;
    if (fresh) this.#report('start', head.reply);
    else if (this.sinceReport >= this.#interval()) this.#report('progress', head.reply);
    return count;
  }

  #interval() {
    return this.position.offset < this.earlySamples ? this.progressSamples / 5 : this.progressSamples;
  }

  #finishEmptyHeads() {
    while (this.queue.length && this.read >= this.queue[0].samples.length && !this.held.has(this.queue[0].reply)) {
      const done = /** @type {Chunk} */ (this.queue.shift());
      this.read = 0;
      if (!done.last) continue;
      this.position = { reply: done.reply, offset: done.offset + done.samples.length };
      this.flowing = false;
      this.waited = 0;
      this.#report('end', done.reply);
    }
  }

  /** Whether the head may be played. @param {number} pulled */
  #ready(pulled) {
    const head = this.queue[0];
    if (!head) {
      if (this.flowing) {
        this.#stop();
        this.#report('dry', this.position.reply);
      }
      return false;
    }
    if (this.held.has(head.reply)) return false;
    if (this.flowing) return true;
    this.waited += pulled;
    const own = this.queue.filter((chunk) => chunk.reply === head.reply);
    const enough = own.reduce((sum, chunk) => sum + chunk.samples.length, 0) - this.read >= this.startSamples;
    if (!enough && !own.some((chunk) => chunk.last) && this.waited < this.startSamples) return false;
    this.flowing = true;
    this.gain = 0;
    return true;
  }

  #stop() {
    const tail = new Float32Array(this.fadeSamples);
    let chunk = 0;
    let read = this.read;
    let sample = this.lastSample;
    for (let i = 0; i < tail.length; i++) {
      while (chunk < this.queue.length && read >= this.queue[chunk].samples.length) {
        chunk++;
        read = 0;
      }
      if (chunk < this.queue.length) sample = this.queue[chunk].samples[read++] / 32768;
      tail[i] = sample * this.gain * (1 - (i + 1) / tail.length);
    }
    this.tail = tail;
    this.flowing = false;
    this.waited = 0;
    this.gain = 0;
  }

  /** @param {Float32Array} out */
  #addTail(out) {
    const count = Math.min(out.length, this.tail.length);
    for (let i = 0; i < count; i++) out[i] += this.tail[i];
    if (count) this.tail = this.tail.subarray(count);
  }

  /** @param {Moment} moment @param {number} reply */
  #report(moment, reply) {
    this.sinceReport = 0;
    const offset = this.position.reply === reply ? this.position.offset : 0;
    this.reports.push({ moment, reply, offset });
  }
}
