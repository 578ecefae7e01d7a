/**
 * Draws a recording's timeline: what the server heard, how sure the detector was, decisions, replies, and what it sent.
 *
 * @typedef {import('../sdk/operator.js').Timeline} Timeline
 * @typedef {'accent' | 'agent' | 'warn' | 'bad' | 'line' | 'soft'} Tone
 */

/** Where each lane is: from, to, as shares of the height. */
const LANES = { heard: [0.03, 0.29], vad: [0.31, 0.43], decisions: [0.46, 0.55], replies: [0.58, 0.66], played: [0.68, 0.92] };

/** How a decision of the turn machine looks. @param {string} kind @returns {Tone} */
export function toneOf(kind) {
  if (/Interrupt|Cut|Drop|Abandon|Retract/.test(kind)) return 'bad';
  if (/Hold|Resume/.test(kind)) return 'warn';
  if (/Speculate|Commit|Reply/.test(kind)) return 'agent';
  return 'accent';
}

/** A step of the time axis that leaves room for its numbers, in ms. @param {number} spanMs @param {number} width  in px */
export function axisStep(spanMs, width) {
  const wanted = (spanMs / Math.max(1, width)) * 90;
  const steps = [100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000];
  return steps.find((step) => step >= wanted) ?? 1_800_000;
}

/** @param {HTMLCanvasElement} canvas @param {Timeline} timeline */
export function drawWaves(canvas, timeline) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  if (!context || !width) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(canvas);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const { from_ms: from, to_ms: to } = timeline;
  const x = (/** @type {number} */ ms) => ((ms - from) / Math.max(1, to - from)) * width;
  const y = (/** @type {number[]} */ [top, bottom]) => ({ top: top * height, size: (bottom - top) * height });
  wave(context, timeline.heard.peaks, y(LANES.heard), width, colour('accent'));
  const { played, ear } = timeline;
  const loudest = Math.max(...[...played.peaks, ...(ear?.peaks ?? [])].map(([low, high]) => Math.max(-low, high)));
  if (ear) wave(context, played.peaks, y(LANES.played), width, colour('agent'), { alpha: 0.28, loudest });
  wave(context, (ear ?? played).peaks, y(LANES.played), width, colour('agent'), { loudest });
  speech(context, timeline.vad, y(LANES.vad), width, colour('accent'));
  replies(context, timeline, x, y(LANES.replies), colour);
  decisions(context, timeline, x, y(LANES.decisions), height, colour);
  axis(context, timeline, x, width, height, colour, style.fontFamily);
}

/**
 * @param {CanvasRenderingContext2D} context @param {readonly [number, number][]} peaks @param {{top: number, size: number}} lane
 * @param {number} width @param {string} colour @param {{alpha?: number, loudest?: number}} [how]  `loudest`: what fills the lane
 */
function wave(context, peaks, { top, size }, width, colour, { alpha = 1, loudest: most } = {}) {
  const loudest = Math.max(0.05, most ?? Math.max(...peaks.map(([low, high]) => Math.max(-low, high))));
  const middle = top + size / 2;
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  peaks.forEach(([low, high], place) => {
    const half = (/** @type {number} */ value) => (value / loudest) * (size / 2);
    const upper = middle - half(high);
    context.fillRect((place / peaks.length) * width, upper, Math.max(0.8, width / peaks.length - 0.3), Math.max(1, half(high) - half(low)));
  });
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context @param {readonly number[]} vad @param {{top: number, size: number}} lane
 * @param {number} width @param {string} colour
 */
function speech(context, vad, { top, size }, width, colour) {
  context.fillStyle = colour;
  context.globalAlpha = 0.28;
  vad.forEach((sure, place) => {
    context.fillRect((place / vad.length) * width, top + size * (1 - sure), width / vad.length + 0.4, size * sure);
  });
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context @param {Timeline} timeline @param {(ms: number) => number} x
 * @param {{top: number, size: number}} lane @param {(name: string) => string} colour
 */
function replies(context, { replies: all }, x, { top, size }, colour) {
  for (const { from_ms: from, to_ms: to, how, held, stalled = [] } of all) {
    context.fillStyle = colour('agent');
    context.globalAlpha = 0.85;
    context.beginPath();
    context.roundRect(x(from), top, Math.max(3, x(to) - x(from)), size, 5);
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = colour('agent-wash');
    for (const [start, end] of held) context.fillRect(x(start), top, Math.max(2, x(end) - x(start)), size);
    context.fillStyle = colour('warn');
    for (const [start, end] of stalled) context.fillRect(x(start), top, Math.max(2, x(end) - x(start)), size);
    if (how !== 'cut') continue;
    context.fillStyle = colour('bad');
    context.fillRect(x(to) - 2, top - 4, 3, size + 8);
  }
}

/**
 * @param {CanvasRenderingContext2D} context @param {Timeline} timeline @param {(ms: number) => number} x
 * @param {{top: number, size: number}} lane @param {number} height @param {(name: string) => string} colour
 */
function decisions(context, timeline, x, { top, size }, height, colour) {
  for (const { at_ms: at, kind } of timeline.decisions) {
    const tone = toneOf(kind);
    context.fillStyle = colour(tone);
    if (tone !== 'accent') {
      context.globalAlpha = 0.22;
      context.fillRect(x(at) - 0.5, 0, 1, height * 0.93);
      context.globalAlpha = 1;
    }
    context.beginPath();
    context.arc(x(at), top + size / 2, tone === 'accent' ? 3 : 5, 0, 2 * Math.PI);
    context.fill();
  }
}

/**
 * @param {CanvasRenderingContext2D} context @param {Timeline} timeline @param {(ms: number) => number} x @param {number} width
 * @param {number} height @param {(name: string) => string} colour @param {string} font
 */
function axis(context, { from_ms: from, to_ms: to }, x, width, height, colour, font) {
  const step = axisStep(to - from, width);
  context.fillStyle = colour('soft');
  context.font = `11px ${font}`;
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    const text = step < 1000 ? `${(at / 1000).toFixed(1)} s` : `${Math.round(at / 1000)} s`;
    context.fillRect(x(at), height * 0.94, 1, 4);
    if (x(at) < width - 30) context.fillText(text, x(at) + 4, height - 5);
  }
}
