/**
 * What each agent remembers of the conversation: what was said, and of its own words those that were heard and those that were not.
 *
 * @typedef {{name: string, role: string, text: string, unheard?: string}} Remembered
 */

import { t } from '../i18n.js';
import { HubbubError } from '../sdk/index.js';
import { avatar, el, hueOf } from './dom.js';

/** Memory is written when a reply has ended; asking at once would come too soon. */
const SETTLE_MS = 250;

export class MemoryPanel {
  /** @param {HTMLElement} root @param {import('../sdk/index.js').RoomsApi} api */
  constructor(root, api) {
    this.root = root;
    this.api = api;
    this.room = '';
    /** @type {readonly string[]} */
    this.agents = [];
    this.agent = '';
    this.looking = false;
    this.asked = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.list = el('ol', { class: 'memories' });
    this.said = el('p', { class: 'muted', role: 'status' });
  }

  /** @param {string} room @param {readonly string[]} agents */
  setRoom(room, agents) {
    const changed = room !== this.room || agents.join('\n') !== this.agents.join('\n');
    this.room = room;
    this.agents = agents;
    if (!agents.includes(this.agent)) this.agent = agents[0] ?? '';
    if (changed) this.#write();
  }

  /** Whether anybody looks. @param {boolean} looking */
  look(looking) {
    this.looking = looking;
    if (looking) void this.#fetch();
  }

  /** Something was said or cut: look again, soon. */
  stale() {
    clearTimeout(this.timer);
    if (this.looking) this.timer = setTimeout(() => void this.#fetch(), SETTLE_MS);
  }

  /** @param {string} agent */
  choose(agent) {
    this.agent = agent;
    this.#write();
    void this.#fetch();
  }

  /** The language changed. */
  render() {
    this.#write();
    if (this.looking) void this.#fetch();
  }

  close() {
    clearTimeout(this.timer);
    this.looking = false;
    this.root.replaceChildren();
    this.list.replaceChildren();
    this.room = '';
  }

  #write() {
    const picks = this.agents.map((name) => el('button', { type: 'button', 'aria-pressed': String(name === this.agent),
      click: () => this.choose(name) }, avatar(name, 'agent'), el('span', { text: name })));
    this.root.replaceChildren(el('p', { class: 'muted', text: t('memory.explain') }),
      el('div', { class: 'memory-pick' }, ...(picks.length > 1 ? picks : [])), this.said, this.list);
  }

  async #fetch() {
    if (!this.agent || !this.room) return;
    const number = ++this.asked;
    try {
      const answer = await this.api.memory(this.room, this.agent);
      if (number !== this.asked) return;
      const messages = /** @type {Remembered[]} */ (answer.messages ?? []);
      this.said.textContent = messages.length ? '' : t('memory.none');
      this.list.replaceChildren(...messages.map((message) => this.#message(message)));
    } catch (error) {
      if (number !== this.asked) return;
      this.list.replaceChildren();
      const forbidden = error instanceof HubbubError && error.serverCode === 'forbidden';
      this.said.textContent = forbidden ? t('memory.forbidden') : error instanceof HubbubError ? error.message : String(error);
    }
  }

  /** @param {Remembered} message */
  #message({ name, role, text, unheard = '' }) {
    const item = el('li', { data: { role, hue: hueOf(name) }, dir: 'auto' }, el('span', { class: 'by', text: name }), text);
    if (unheard) {
      item.append(' ', el('span', { class: 'sr', text: `(${t('caption.unheard')}` }),
        el('s', { text: unheard.trimStart(), data: { word: 'unheard' } }), el('span', { class: 'sr', text: ')' }));
    }
    return item;
  }
}
