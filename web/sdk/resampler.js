/**
 * Converts a stream of samples from one rate to another with a windowed-sinc low-pass, in polyphase form.
 *
 * The rates are reduced to up/down; one row of filter taps is kept for each of the `up` phases. The pass band ends at
 * 0.45 of the lower rate, and a Kaiser window with beta 8 (about 80 dB) keeps aliases below 16-bit hearing. The delay is
 * ZEROS periods of the lower rate: 1 ms at 16 kHz.
 */

const ZEROS = 16;
const PASS = 0.9;
const BETA = 8;

export class Resampler {
  /**
   * @param {number} fromHz
   * @param {number} toHz
   */
  constructor(fromHz, toHz) {
    if (!(fromHz > 0 && toHz > 0)) throw new RangeError(`rates must be positive, got ${fromHz} and ${toHz}`);
    const divisor = greatestCommonDivisor(Math.round(fromHz), Math.round(toHz));
    this.up = Math.round(toHz) / divisor;
    this.down = Math.round(fromHz) / divisor;
    this.identity = this.up === this.down;
    this.half = Math.ceil(ZEROS * Math.max(1, this.down / this.up));
    this.taps = 2 * this.half;
    this.rows = this.identity ? [] : designRows(this.up, this.down, this.half);
    /** The last `taps` samples of before, so that the filter reaches across calls. */
    this.past = new Float32Array(this.taps);
    /** Where the next output stands, in 1/up input samples from the start of the next call. */
    this.position = 0;
  }

  /**
   * The output that these samples complete. Any cutting of the same input gives the same output.
   *
   * @param {Float32Array} samples
   * @returns {Float32Array}
   */
  process(samples) {
    if (this.identity) return samples.slice();
    const line = new Float32Array(this.taps + samples.length);
    line.set(this.past);
    line.set(samples, this.taps);
    const end = samples.length * this.up;
    const count = Math.max(0, Math.ceil((end - this.position) / this.down));
    const out = new Float32Array(count);
    for (let n = 0; n < count; n++) {
      const row = this.rows[this.position % this.up];
      const first = Math.floor(this.position / this.up) + 1;
      let sum = 0;
      for (let k = 0; k < this.taps; k++) sum += row[k] * line[first + k];
      out[n] = sum;
      this.position += this.down;
    }
    this.position -= end;
    this.past = line.slice(line.length - this.taps);
    return out;
  }
}

/**
 * Taps of each phase, in the order in which they meet the samples. Each row sums to 1, so that loudness stays.
 *
 * @param {number} up
 * @param {number} down
 * @param {number} half
 */
function designRows(up, down, half) {
  const cut = PASS * Math.min(1, up / down);
  const rows = [];
  for (let phase = 0; phase < up; phase++) {
    const row = new Float32Array(2 * half);
    let sum = 0;
    for (let k = 0; k < 2 * half; k++) {
      const distance = k + 1 - half - phase / up;
      row[k] = sinc(cut * distance) * kaiser(distance / half);
      sum += row[k];
    }
    for (let k = 0; k < row.length; k++) row[k] /= sum;
    rows.push(row);
  }
  return rows;
}

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** @param {number} x  from -1 to 1 */
function kaiser(x) {
  return Math.abs(x) > 1 ? 0 : bessel(BETA * Math.sqrt(1 - x * x)) / bessel(BETA);
}

/** The modified Bessel function I0, by its power series. @param {number} x */
function bessel(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-9 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
