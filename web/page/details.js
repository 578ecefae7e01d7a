/** The panel at the side: the last turns, what the agents remember, and how things are. */

import { formatMs, t } from '../i18n.js';
import { byId, el } from './dom.js';
import { showEngines } from './engines.js';
import { Timeline } from './timeline.js';

/** Wide enough for the panel to stand open beside the conversation. */
const wide = matchMedia('(min-width: 1100px)');

/** @typedef {'turns' | 'memory' | 'about'} Tab */
const TABS = /** @type {const} */ (['turns', 'memory', 'about']);
const FACTS = /** @type {const} */ (['room', 'session', 'transport', 'roundtrip', 'microphone', 'output', 'version']);

export class Details {
  constructor() {
    this.panel = byId('details');
    this.toggleButton = byId('details-toggle');
    this.latency = new Timeline(byId('latency'));
    /** @type {Record<string, string>} */
    this.facts = {};
    /** @type {Record<string, import('../sdk/protocol.js').EngineInfo>} */
    this.engines = {};
    /** @type {Tab} */
    this.tab = 'turns';
    /** Called when a tab is looked at. @type {(tab: Tab) => void} */
    this.onTab = () => {};
    for (const tab of TABS) {
      byId(`tab-${tab}`).addEventListener('click', () => this.choose(tab));
      byId(`tab-${tab}`).addEventListener('keydown', (event) => this.#key(event, tab));
    }
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
    if (open) this.onTab(this.tab);
  }

  /** @param {Tab} chosen */
  choose(chosen) {
    this.tab = chosen;
    for (const tab of TABS) {
      const button = byId(`tab-${tab}`);
      button.setAttribute('aria-selected', String(tab === chosen));
      button.tabIndex = tab === chosen ? 0 : -1;
      byId(`panel-${tab}`).hidden = tab !== chosen;
    }
    this.onTab(chosen);
  }

  /** @param {Record<string, import('../sdk/protocol.js').EngineInfo>} engines */
  setEngines(engines) {
    this.engines = engines;
    showEngines(byId('engines'), engines);
  }

  /** @param {(typeof FACTS)[number]} what @param {string | number} value */
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
    const rows = FACTS.flatMap((what) =>
      this.facts[what] ? [el('dt', { text: t(`details.${what}`) }), el('dd', { text: this.facts[what] })] : []);
    byId('wire').replaceChildren(...rows);
  }

  /** Arrow keys go from tab to tab. @param {KeyboardEvent} event @param {Tab} tab */
  #key(event, tab) {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length];
    this.choose(next);
    byId(`tab-${next}`).focus();
  }
}
