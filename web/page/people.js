/**
 * Who is here, what each one does, and who speaks next.
 *
 * @typedef {import('../sdk/protocol.js').Participant} Participant
 * @typedef {'' | 'speaking' | 'thinking' | 'held'} Doing
 * @typedef {{item: HTMLLIElement, disc: HTMLElement, badge: HTMLElement, sub: HTMLElement,
 *   more: HTMLElement}} Seat  `more`: what only the ear needs to be told
 */

import { hasText, listNames, t } from '../i18n.js';
import { avatar, el, icon } from './dom.js';

export class People {
  /**
   * @param {HTMLElement} root
   * @param {HTMLElement} queueLine
   * @param {(participant: Participant) => void} onOpen  somebody's seat was pressed
   */
  constructor(root, queueLine, onOpen) {
    this.root = root;
    this.queueLine = queueLine;
    this.onOpen = onOpen;
    this.me = '';
    /** @type {Participant[]} */
    this.participants = [];
    /** @type {Map<string, Doing>} */
    this.doing = new Map();
    /** @type {string[]} */
    this.queue = [];
    /** @type {Map<string, Seat>} by kind and name */
    this.seats = new Map();
    root.replaceChildren();
  }

  /** @param {readonly Participant[]} participants @param {string} me */
  begin(participants, me) {
    this.me = me;
    this.participants = [...participants];
    if (!participants.some((one) => one.kind === 'caller' && one.name === me)) {
      this.participants.unshift({ name: me, kind: 'caller' });
    }
    this.doing.clear();
    this.queue = [];
    this.render();
  }

  /** @param {Participant} participant @returns {boolean} whether this is news */
  add(participant) {
    if (this.#find(participant)) return false;
    this.participants.push(participant);
    this.render();
    return true;
  }

  /** A role or a microphone is another now. @param {Participant} participant */
  change(participant) {
    this.participants = this.participants.map((one) => (same(one, participant) ? participant : one));
    this.render();
  }

  /** @param {Participant} participant */
  remove(participant) {
    this.participants = this.participants.filter((one) => !same(one, participant));
    this.doing.delete(participant.name);
    this.render();
  }

  /** Nobody is known to do anything. */
  rest() {
    this.doing.clear();
    this.queue = [];
    this.render();
  }

  /** @param {readonly string[]} queue  the agents that speak next, in order */
  setQueue(queue) {
    if (queue.join('\n') === this.queue.join('\n')) return;
    this.queue = [...queue];
    this.render();
  }

  /** This caller's own microphone. @param {boolean} muted */
  setOwnMuted(muted) {
    const me = this.participants.find((one) => one.kind === 'caller' && one.name === this.me);
    if (me && !!me.muted !== muted) this.change({ ...me, muted });
  }

  get own() {
    return this.participants.find((one) => one.kind === 'caller' && one.name === this.me) ?? null;
  }

  get agents() {
    return this.participants.filter((one) => one.kind === 'agent');
  }

  /** The agent that is meant where none is named. */
  get onlyAgent() {
    const { agents } = this;
    return agents.length === 1 ? agents[0].name : '';
  }

  /** @param {string} name */
  isAgent(name) {
    return this.agents.some((one) => one.name === name);
  }

  /** @param {string} name @param {Doing} doing */
  set(name, doing) {
    if ((this.doing.get(name) ?? '') === doing) return;
    this.doing.set(name, doing);
    this.render();
    if (doing === 'speaking') this.#bringIn(name);
  }

  /** No agent but this one does anything. @param {string} name @param {Doing} doing */
  setAgent(name, doing) {
    for (const one of this.agents) this.doing.set(one.name, one.name === name ? doing : '');
    this.render();
    if (doing === 'speaking') this.#bringIn(name);
  }

  /** Who speaks is in sight, also where there are more seats than the row shows. @param {string} name */
  #bringIn(name) {
    const { root } = this;
    const one = this.participants.find((each) => each.name === name);
    const item = one && this.seats.get(keyOf(one))?.item;
    if (!item || (root.scrollWidth <= root.clientWidth && root.scrollHeight <= root.clientHeight)) return;
    const [seat, row] = [item.getBoundingClientRect(), root.getBoundingClientRect()];
    if (seat.left < row.left || seat.right > row.right) root.scrollLeft += seat.left - row.left - (row.width - seat.width) / 2;
    if (seat.top < row.top || seat.bottom > row.bottom) root.scrollTop += seat.top - row.top;
  }

  /** Callers who speak now. */
  get speakingCallers() {
    return this.participants
      .filter((one) => one.kind === 'caller' && this.doing.get(one.name) === 'speaking')
      .map((one) => one.name);
  }

  /**
   * The rings of those who speak go with their loudness.
   *
   * @param {number} own  from 0 to 1, of this caller
   * @param {number} room  from 0 to 1, of everybody else together
   */
  setLevels(own, room) {
    for (const one of this.participants) {
      const seat = this.seats.get(keyOf(one));
      if (!seat || this.doing.get(one.name) !== 'speaking') continue;
      const level = one.kind === 'caller' && one.name === this.me ? own : room;
      seat.disc.style.setProperty('--level', level.toFixed(2));
    }
  }

  render() {
    const order = [...this.participants].sort((a, b) => rank(a, this.me) - rank(b, this.me));
    const items = order.map((one) => this.#update(this.seats.get(keyOf(one)) ?? this.#seat(one), one));
    for (const [key, seat] of this.seats) {
      if (items.includes(seat.item)) continue;
      seat.item.remove();
      this.seats.delete(key);
    }
    items.forEach((item, place) => {
      if (this.root.children[place] !== item) this.root.insertBefore(item, this.root.children[place] ?? null);
    });
    this.queueLine.hidden = !this.queue.length;
    const text = this.queue.length ? t('people.next', { names: listNames(this.queue) }) : '';
    if (this.queueLine.textContent !== text) this.queueLine.textContent = text;
  }

  /** @param {Participant} one @returns {Seat} */
  #seat(one) {
    const badge = el('span', { class: 'badge' });
    const disc = el('span', { class: 'disc', 'aria-hidden': 'true' }, el('span', { class: 'ring' }), avatar(one.name, one.kind), badge);
    const name = el('b', { text: one.name, dir: 'auto' });
    const sub = el('span', { class: 'sub' });
    const more = el('span', { class: 'sr' });
    const button = el('button', { type: 'button', class: 'seat', title: one.name, 'aria-haspopup': 'dialog',
      click: () => this.onOpen(this.#find(one) ?? one) }, disc, name, ' ', sub, more);
    const { hue } = /** @type {HTMLElement} */ (disc.children[1]).dataset;
    const item = el('li', { data: { hue: hue ?? '0', kind: one.kind } }, button);
    const seat = { item, disc, badge, sub, more };
    this.seats.set(keyOf(one), seat);
    return seat;
  }

  /** @param {Seat} seat @param {Participant} one */
  #update({ item, disc, badge, sub, more }, one) {
    const doing = this.doing.get(one.name) ?? '';
    const own = one.kind === 'caller' && one.name === this.me;
    const place = one.kind === 'agent' ? this.queue.indexOf(one.name) : -1;
    const words = whatItDoes(one, doing, own);
    Object.assign(item.dataset, { doing, own: String(own), muted: String(!!one.muted) });
    if (doing !== 'speaking') disc.style.removeProperty('--level');
    if (sub.textContent !== words) sub.textContent = words;
    const next = place >= 0 ? t('people.place', { place: place + 1 }) : '';
    const told = [words === roleOf(one, own) ? '' : roleOf(one, own), one.muted ? t('people.muted') : '', next].filter(Boolean);
    const extra = told.map((each) => `, ${each}`).join('');
    if (more.textContent !== extra) more.textContent = extra;
    const what = one.muted ? 'muted' : place >= 0 ? 'queue' : '';
    const shown = what === 'queue' ? String(place + 1) : what;
    if (badge.dataset.shown !== shown) badge.replaceChildren(...(what === 'muted' ? [icon('mic-off')] : [shown]));
    Object.assign(badge.dataset, { what, shown });
    badge.hidden = !what;
    return item;
  }

  /** @param {Participant} one */
  #find(one) {
    return this.participants.find((other) => same(one, other)) ?? null;
  }
}

/** @param {Participant} one @param {boolean} own */
export function roleOf(one, own) {
  if (one.aside) return t('people.aside', { name: one.aside });
  if (own) return t('room.you');
  if (one.quiet) return t('people.quiet');
  if (one.kind === 'caller' && (one.role === 'moderator' || one.role === 'listener')) return t(`people.${one.role}`);
  return t(`room.${one.kind}`);
}

/** @param {Participant} one @param {Doing} doing @param {boolean} own */
function whatItDoes(one, doing, own) {
  const key = `people.${doing}`;
  return hasText(key) ? t(key) : roleOf(one, own);
}

/** @param {Participant} a @param {Participant} b */
function same(a, b) {
  return a.name === b.name && a.kind === b.kind;
}

/** @param {Participant} one */
function keyOf(one) {
  return `${one.kind} ${one.name}`;
}

/** @param {Participant} one @param {string} me */
function rank(one, me) {
  if (one.kind === 'agent') return 0;
  return one.name === me ? 1 : 2;
}
