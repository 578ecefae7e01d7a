/**
 * The sound of the last seconds: the microphone above the line, the agent below. Who spoke over whom can be seen in it.
 */

const COLUMN_MS = 60;
/** Thirty pictures a second: it moves by 2 px from one to the next, and costs a phone half of what its screen could show. */
const PICTURE_MS = 33;
const COLUMN_PX = 5;
const BAR_PX = 3;
const QUIET_DB = -58;
const LOUD_DB = -8;

/** How long a bar is for a loudness: from 0 to 1. @param {number} rms  from 0 to 1 */
export function barLength(rms) {
  const db = 20 * Math.log10(Math.max(rms, 1e-6));
  return Math.max(0, Math.min(1, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
}

export class Strip {
  /** @param {HTMLCanvasElement} canvas @param {() => {up: number, down: number}} levels  RMS of both sides, now */
  constructor(canvas, levels) {
    this.canvas = canvas;
    this.levels = levels;
    /** @type {{up: number, down: number}[]} newest last */
    this.columns = [];
    this.peak = { up: 0, down: 0 };
    this.columnAt = performance.now();
    this.drawnAt = 0;
    /** Whoever wants less motion sees it go from column to column, without sliding. */
    this.still = matchMedia('(prefers-reduced-motion: reduce)');
    this.colours = { up: '', down: '', line: '' };
    this.repaint();
    this.frame = requestAnimationFrame((now) => this.#step(now));
  }

  /** The theme changed. */
  repaint() {
    const style = getComputedStyle(this.canvas);
    const read = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    this.colours = { up: read('--accent'), down: read('--agent'), line: read('--line-strong') };
  }

  close() {
    cancelAnimationFrame(this.frame);
  }

  /** @param {number} now */
  #step(now) {
    const { up, down } = this.levels();
    this.peak = { up: Math.max(this.peak.up, up), down: Math.max(this.peak.down, down) };
    const { peak } = this;
    const before = this.columnAt;
    while (now - this.columnAt >= COLUMN_MS) {
      this.columnAt = now - this.columnAt > 1000 ? now : this.columnAt + COLUMN_MS;
      this.columns.push(peak); // of a slow browser's frame, the same for all columns that it spans
      this.peak = { up: 0, down: 0 };
    }
    const due = this.still.matches ? this.columnAt !== before : now - this.drawnAt >= PICTURE_MS - 4; // a picture of the screen comes a little early or late
    if (due) {
      this.drawnAt = now;
      this.#draw(this.still.matches ? 0 : Math.min(1, (now - this.columnAt) / COLUMN_MS));
    }
    this.frame = requestAnimationFrame((next) => this.#step(next));
  }

  /** @param {number} part  how far the next column has come */
  #draw(part) {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext('2d');
    if (!context || !width) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const fit = Math.ceil(width / COLUMN_PX) + 1;
    if (this.columns.length > fit) this.columns = this.columns.slice(-fit);
    const middle = height / 2;
    const reach = middle - 2;
    for (let i = 0; i < fit; i++) {
      const column = this.columns[this.columns.length - 1 - i];
      const x = width - (i + part) * COLUMN_PX;
      context.globalAlpha = Math.min(1, 0.25 + (x / width) * 0.9);
      bar(context, x, middle - 1.5, -reach * barLength(column?.up ?? 0), this.colours.up, this.colours.line);
      bar(context, x, middle + 1.5, reach * barLength(column?.down ?? 0), this.colours.down, this.colours.line);
    }
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} length  upward where negative
 * @param {string} colour
 * @param {string} still  the colour of silence
 */
function bar(context, x, y, length, colour, still) {
  const silent = Math.abs(length) < 1;
  context.fillStyle = silent ? still : colour;
  const height = silent ? Math.sign(length || 1) * 1 : length;
  context.beginPath();
  context.roundRect(x - BAR_PX, Math.min(y, y + height), BAR_PX, Math.abs(height), silent ? 0 : BAR_PX / 2);
  context.fill();
}
