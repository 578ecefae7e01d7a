/**
 * A turn's latency as a small bar whose parts add up to it, and the list of the last turns with the legend.
 *
 * @typedef {import('../sdk/protocol.js').TurnLatency} TurnLatency
 * @typedef {import('../sdk/protocol.js').Turn} Turn
 */

import { formatMs, t } from '../i18n.js';
import { el } from './dom.js';

const PARTS = /** @type {const} */ ([
  'endpoint_ms', 'asr_ms', 'model_ms', 'sentence_ms', 'tts_ms', 'send_ms', 'play_ms',
]);
const FULL_WIDTH_MS = 2000;
const TURNS_SHOWN = 8;

/** @param {TurnLatency} latency */
function bar(latency) {
  const line = el('span', { class: 'latency-bar', 'aria-hidden': 'true' });
  line.style.setProperty('--share', `${Math.min(100, (100 * latency.total_ms) / FULL_WIDTH_MS)}%`);
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

/** The last turns, in the details. */
export class LatencyList {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Turn[]} */
    this.turns = [];
    this.render();
  }

  /** @param {Turn} turn */
  add(turn) {
    this.turns = [...this.turns, turn].slice(-50);
    this.render();
  }

  clear() {
    this.turns = [];
    this.render();
  }

  render() {
    if (!this.turns.length) {
      this.root.replaceChildren(el('p', { class: 'muted', text: t('latency.none') }));
      return;
    }
    const totals = this.turns.map((turn) => turn.latency.total_ms).sort((a, b) => a - b);
    const median = totals[Math.floor((totals.length - 1) / 2)];
    const newest = this.turns[this.turns.length - 1];
    const rows = this.turns.slice(-TURNS_SHOWN).reverse().map((turn) =>
      el('li', {}, bar(turn.latency), el('b', { text: formatMs(turn.latency.total_ms) })));
    this.root.replaceChildren(
      el('p', { class: 'muted', text: t('latency.explain') }),
      legend(newest.latency),
      el('p', { class: 'turns-head' }, el('span', { text: t('latency.turns') }),
        el('span', { text: t('latency.median', { time: formatMs(median) }) })),
      el('ol', { class: 'turns' }, ...rows));
  }
}
