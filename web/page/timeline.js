/**
 * The last turns: where the silence between a caller's last word and the first sound went, part by part.
 *
 * @typedef {import('../sdk/protocol.js').Turn} Turn
 */

import { formatMs, t } from '../i18n.js';
import { el } from './dom.js';
import { bar, PARTS } from './latency.js';

const TURNS_SHOWN = 10;

/**
 * Where each part begins and how long it is, as shares of the whole. Pure.
 *
 * @param {import('../sdk/protocol.js').TurnLatency} latency
 * @returns {{part: import('./latency.js').Part, from: number, share: number, ms: number}[]}
 */
export function steps(latency) {
  const sum = PARTS.reduce((total, part) => total + latency[part], 0) || 1;
  let before = 0;
  return PARTS.map((part) => {
    const step = { part, from: before / sum, share: latency[part] / sum, ms: latency[part] };
    before += latency[part];
    return step;
  });
}

export class Timeline {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Turn[]} */
    this.turns = [];
    /** @type {Turn | null} the one looked at; null: the newest */
    this.chosen = null;
    this.render();
  }

  /** @param {Turn} turn */
  add(turn) {
    this.turns = [...this.turns, turn].slice(-50);
    if (this.chosen && !this.turns.includes(this.chosen)) this.chosen = null;
    this.render();
  }

  clear() {
    this.turns = [];
    this.chosen = null;
    this.render();
  }

  render() {
    if (!this.turns.length) {
      this.root.replaceChildren(el('p', { class: 'muted', text: t('latency.none') }));
      return;
    }
    const focused = this.root.contains(document.activeElement);
    const shown = this.chosen ?? this.turns[this.turns.length - 1];
    this.root.replaceChildren(...this.#turn(shown), this.#head(), this.#list(shown));
    if (focused) /** @type {HTMLElement | null} */ (this.root.querySelector('[aria-pressed="true"]'))?.focus();
  }

  /** @param {Turn} turn */
  #turn(turn) {
    const { latency } = turn;
    const rows = steps(latency).map(({ part, from, share, ms }) => {
      const piece = el('i', { data: { part } });
      piece.style.setProperty('--from', from.toFixed(4));
      piece.style.setProperty('--share', share.toFixed(4));
      return el('li', {}, el('span', { text: t(`latency.${part}`) }), el('b', { text: formatMs(ms) }),
        el('span', { class: 'lane', 'aria-hidden': 'true' }, ...(ms >= 0.5 ? [piece] : [])));
    });
    const sum = el('li', { class: 'sum' }, el('span', { text: t('latency.sum') }), el('b', { text: formatMs(latency.total_ms) }));
    if ((latency.overlap_ms ?? 0) >= 1) { // no part of the wait
      sum.append(el('span', { class: 'ahead', text: t('latency.overlap_ms') }), el('b', { class: 'ahead', text: formatMs(latency.overlap_ms ?? 0) }));
    }
    return [
      el('p', { class: 'silence' }, el('b', { text: formatMs(latency.total_ms) }), el('span', { text: t('latency.silence') })),
      el('p', { class: 'about-turn', text: t('latency.turn', { speaker: turn.speaker, agent: turn.agent }) }),
      el('ol', { class: 'waterfall' }, ...rows, sum),
    ];
  }

  #head() {
    const totals = this.turns.map((turn) => turn.latency.total_ms).sort((a, b) => a - b);
    const median = totals[Math.floor((totals.length - 1) / 2)];
    return el('div', { class: 'turns-head' }, el('h3', { text: t('latency.turns') }),
      el('span', { text: t('latency.median', { time: formatMs(median) }) }));
  }

  /** @param {Turn} shown */
  #list(shown) {
    const rows = this.turns.slice(-TURNS_SHOWN).reverse().map((turn) => {
      const time = formatMs(turn.latency.total_ms);
      const button = el('button', { type: 'button', 'aria-pressed': String(turn === shown),
        'aria-label': `${t('latency.turn', { speaker: turn.speaker, agent: turn.agent })}: ${time}`, click: () => this.#choose(turn) }, bar(turn.latency), el('b', { text: time }));
      return el('li', {}, button);
    });
    return el('ol', { class: 'turns' }, ...rows);
  }

  /** @param {Turn} turn */
  #choose(turn) {
    this.chosen = turn === this.turns[this.turns.length - 1] ? null : turn;
    this.render();
  }
}
