/** The picture above the door: many voices side by side, drawn once, from the same bars as the strip of the conversation. */

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 480;
const MIDDLE = 60;
const STEP = 8;

/** Three voices that take turns, as hills: where each is, how wide, how loud, which colour. */
const VOICES = [
  { at: 90, wide: 62, loud: 42, hue: 'a' },
  { at: 236, wide: 78, loud: 46, hue: 'b' },
  { at: 392, wide: 64, loud: 40, hue: 'c' },
];

/** @param {Element} svg */
export function drawHero(svg) {
  for (let x = STEP / 2, n = 0; x < WIDTH; x += STEP, n++) {
    const heights = VOICES.map(({ at, wide, loud }) => loud * Math.exp(-(((x - at) / wide) ** 2) * 1.6));
    const loudest = heights.indexOf(Math.max(...heights));
    const ripple = 0.5 + 0.5 * Math.abs(Math.sin(n * 1.7) * Math.cos(n * 0.63 + 1));
    const half = Math.max(2, heights[loudest] * ripple);
    const line = document.createElementNS(SVG, 'line');
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: MIDDLE - half, y2: MIDDLE + half })) {
      line.setAttribute(name, value.toFixed(1));
    }
    line.style.setProperty('--n', String((n * 7) % 37));
    line.setAttribute('class', `voice-${VOICES[loudest].hue}`);
    svg.append(line);
  }
}
