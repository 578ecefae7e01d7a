/**
 * A turn's latency as a small bar whose parts add up to it.
 *
 * @typedef {import('../sdk/protocol.js').TurnLatency} TurnLatency
 * @typedef {(typeof PARTS)[number]} Part
 */

import { formatMs, t } from '../i18n.js';
import { el } from './dom.js';

/** In the order in which they happen. */
export const PARTS = /** @type {const} */ ([
  'endpoint_ms', 'asr_ms', 'model_ms', 'sentence_ms', 'tts_ms', 'send_ms', 'play_ms',
]);
const FULL_WIDTH_MS = 2000;

/** @param {TurnLatency} latency @param {number} [fullMs]  what fills the width */
export function bar(latency, fullMs = FULL_WIDTH_MS) {
  const line = el('span', { class: 'latency-bar', 'aria-hidden': 'true' });
  line.style.setProperty('--share', `${Math.min(100, (100 * latency.total_ms) / fullMs)}%`);
  for (const part of PARTS) {
    if (latency[part] < 1) continue;
    const segment = el('i', { data: { part } });
    segment.style.flexGrow = String(latency[part]);
    line.append(segment);
  }
  return line;
}

/** @param {TurnLatency} latency */
function legend(latency) {
  const items = PARTS.map((part) =>
    el('li', {}, el('i', { data: { part }, 'aria-hidden': 'true' }), el('span', { text: t(`latency.${part}`) }),
      el('b', { text: formatMs(latency[part]) })));
  if ((latency.overlap_ms ?? 0) >= 1) {  // no part of the wait: what was done while the caller might have gone on
    items.push(el('li', {}, el('i', { 'aria-hidden': 'true' }), el('span', { text: t('latency.overlap_ms') }),
      el('b', { text: formatMs(latency.overlap_ms ?? 0) })));
  }
  return el('ul', { class: 'legend' }, ...items);
}

/**
 * The line below a reply: the total and the bar; opened, the parts by name.
 *
 * @param {TurnLatency} latency
 */
export function latencyLine(latency) {
  const text = t('latency.answered', { time: formatMs(latency.total_ms) });
  return el('details', { class: 'latency' }, el('summary', {}, el('span', { text }), bar(latency)), legend(latency));
}
