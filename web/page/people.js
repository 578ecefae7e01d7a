/**
 * Who is here, and what each one does.
 *
 * @typedef {import('../sdk/protocol.js').Participant} Participant
 * @typedef {'' | 'speaking' | 'thinking' | 'held'} Doing
 */

import { hasText, t } from '../i18n.js';
import { avatar, el } from './dom.js';

export class People {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.me = '';
    /** @type {Participant[]} */
    this.participants = [];
    /** @type {Map<string, Doing>} */
    this.doing = new Map();
  }

  /** @param {readonly Participant[]} participants @param {string} me */
  begin(participants, me) {
    this.me = me;
    this.participants = [...participants];
    if (!participants.some((one) => one.kind === 'caller' && one.name === me)) {
      this.participants.unshift({ name: me, kind: 'caller' });
    }
    this.doing.clear();
    this.render();
  }

  /** @param {Participant} participant @returns {boolean} whether this is news */
  add(participant) {
    if (this.participants.some((one) => one.name === participant.name && one.kind === participant.kind)) return false;
    this.participants.push(participant);
    this.render();
    return true;
  }

  /** @param {Participant} participant */
  remove(participant) {
    this.participants = this.participants.filter((one) => one.name !== participant.name || one.kind !== participant.kind);
    this.doing.delete(participant.name);
    this.render();
  }

  /** Nobody is known to do anything. */
  rest() {
    this.doing.clear();
    this.render();
  }

  /** The agent that is meant where none is named. */
  get onlyAgent() {
    const agents = this.participants.filter((one) => one.kind === 'agent');
    return agents.length === 1 ? agents[0].name : '';
  }

  /** @param {string} name */
  isAgent(name) {
    return this.participants.some((one) => one.kind === 'agent' && one.name === name);
  }

  /** @param {string} name @param {Doing} doing */
  set(name, doing) {
    if ((this.doing.get(name) ?? '') === doing) return;
    this.doing.set(name, doing);
    this.render();
  }

  /** No agent but this one does anything. @param {string} name @param {Doing} doing */
  setAgent(name, doing) {
    for (const one of this.participants) {
      if (one.kind === 'agent') this.doing.set(one.name, one.name === name ? doing : '');
    }
    this.render();
  }

  /** Callers who speak now. */
  get speakingCallers() {
    return this.participants
      .filter((one) => one.kind === 'caller' && this.doing.get(one.name) === 'speaking')
      .map((one) => one.name);
  }

  render() {
    const order = [...this.participants].sort((a, b) => rank(a, this.me) - rank(b, this.me));
    this.root.replaceChildren(...order.map((one) => this.#person(one)));
  }

  /** @param {Participant} one */
  #person(one) {
    const doing = this.doing.get(one.name) ?? '';
    const own = one.kind === 'caller' && one.name === this.me;
    const key = `people.${doing}`;
    const role = own ? t('room.you') : t(`room.${one.kind}`);
    const sub = el('span', { class: 'sub', text: hasText(key) ? t(key) : role });
    return el('li', { data: { doing, kind: one.kind, own: String(own) } }, avatar(one.name, one.kind),
      el('span', { class: 'name' }, el('b', { text: one.name }), sub),
      el('span', { class: 'wave', 'aria-hidden': 'true' }, el('i'), el('i'), el('i')));
  }
}

/** @param {Participant} one @param {string} me */
function rank(one, me) {
  if (one.kind === 'agent') return 0;
  return one.name === me ? 1 : 2;
}
