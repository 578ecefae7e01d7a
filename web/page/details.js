/** The panel at the side: latency, engines, connection. */

import { formatMs, t } from '../i18n.js';
import { byId, el } from './dom.js';
import { showEngines } from './engines.js';
import { LatencyList } from './latency.js';

/** Wide enough for the panel to stand open beside the conversation. */
const wide = matchMedia('(min-width: 1180px)');

export class Details {
  constructor() {
    this.panel = byId('details');
    this.toggleButton = byId('details-toggle');
    this.latency = new LatencyList(byId('latency'));
    /** @type {Record<string, string>} */
    this.facts = {};
    /** @type {Record<string, import('../sdk/protocol.js').EngineInfo>} */
    this.engines = {};
    this.show(wide.matches);
  }

  get open() {
    return !this.panel.hidden;
  }

  /** Whether it covers the conversation, and so should go with Esc. */
  get covering() {
    return this.open && !wide.matches;
  }

  /** @param {boolean} open */
  show(open) {
    this.panel.hidden = !open;
    this.toggleButton.setAttribute('aria-expanded', String(open));
    document.body.dataset.details = open ? 'open' : 'closed';
  }

  /** @param {Record<string, import('../sdk/protocol.js').EngineInfo>} engines */
  setEngines(engines) {
    this.engines = engines;
    showEngines(byId('engines'), engines);
  }

  /** @param {'room' | 'session' | 'roundtrip' | 'microphone' | 'output' | 'version'} what @param {string | number} value */
  setFact(what, value) {
    this.facts[what] = typeof value === 'number' ? formatMs(value) : value;
    this.#writeFacts();
  }

  /** The language changed. */
  render() {
    this.latency.render();
    showEngines(byId('engines'), this.engines);
    this.#writeFacts();
  }

  #writeFacts() {
    const order = /** @type {const} */ (['room', 'session', 'roundtrip', 'microphone', 'output', 'version']);
    const rows = order.flatMap((what) =>
      this.facts[what] ? [el('dt', { text: t(`details.${what}`) }), el('dd', { text: this.facts[what] })] : []);
    byId('wire').replaceChildren(...rows);
  }
}
