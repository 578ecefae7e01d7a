/**
 * The door: which room, which name, with or without a microphone.
 *
 * @typedef {{name: string, title: string, agents: {name: string, voice: string}[], callers: string[], language: string}} Room
 * @typedef {import('../sdk/protocol.js').EngineInfo} EngineInfo
 * @typedef {{rooms: Room[], engines: Record<string, EngineInfo>, version: string}} House
 * @typedef {{room: Room, name: string, voice: boolean}} Wish
 */

import { listNames, t } from '../i18n.js';
import { HubbubError, readToken } from '../sdk/index.js';
import { avatar, byId, el } from './dom.js';
import { showEngines } from './engines.js';
import { describe } from './problems.js';
import { asked, recall, remember } from './settings.js';

const REFRESH_MS = 5000;
const RETRY_S = 5;

export class Lobby {
  /**
   * @param {import('./notices.js').Notices} notices
   * @param {import('../sdk/index.js').RoomsApi} api
   * @param {(wish: Wish) => void} onJoin
   */
  constructor(notices, api, onJoin) {
    this.notices = notices;
    this.api = api;
    /** Settled when the rooms are known. @type {Promise<void>} */
    this.found = new Promise((resolve) => (this.onFound = resolve));
    this.onJoin = onJoin;
    /** @type {House | null} */
    this.house = null;
    this.wanted = asked.get('room') ?? recall('room') ?? '';
    this.busy = false;
    this.visible = true;
    this.name = /** @type {HTMLInputElement} */ (byId('name'));
    const given = readToken(api.token)?.name; // the token says who one is
    this.name.value = given ?? asked.get('name') ?? recall('name') ?? '';
    this.name.readOnly = !!given;
    const form = /** @type {HTMLFormElement} */ (byId('join'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const button = /** @type {HTMLButtonElement | null} */ (/** @type {SubmitEvent} */ (event).submitter);
      this.submit(button?.value !== 'typing');
    });
    byId('rooms').addEventListener('change', (event) => {
      this.wanted = /** @type {HTMLInputElement} */ (event.target).value;
    });
    /** Ends the wait for the next look. */
    this.wake = () => {};
    this.hurried = false;
    addEventListener('online', () => this.wake());
    document.addEventListener('visibilitychange', () => !document.hidden && this.wake());
    void this.#keepLooking();
  }

  /** The room that is chosen, once the rooms are known. */
  get chosen() {
    return this.house?.rooms.find((each) => each.name === this.wanted) ?? this.house?.rooms[0] ?? null;
  }

  /** @param {boolean} voice */
  submit(voice) {
    const room = this.chosen;
    if (!room || this.busy) return;
    const name = this.name.value.trim();
    remember('name', name);
    remember('room', room.name);
    this.onJoin({ room, name: name || t('lobby.name.placeholder'), voice });
  }

  /** @param {boolean} busy @param {string} [progress] */
  setBusy(busy, progress = '') {
    this.busy = busy;
    byId('join-progress').textContent = progress;
    byId('join').setAttribute('aria-busy', String(busy));
    this.#enable();
  }

  /** @param {boolean} visible */
  show(visible) {
    this.visible = visible;
    byId('lobby').hidden = !visible;
    if (visible) void this.#look();
  }

  /** What the house is like, as text: the language or the house changed. */
  render() {
    if (!this.house) return;
    showEngines(byId('lobby-engines'), this.house.engines);
    const focused = document.activeElement instanceof HTMLInputElement && document.activeElement.name === 'room';
    byId('rooms').replaceChildren(...this.house.rooms.map((room) => this.#choice(room)));
    if (focused) /** @type {HTMLElement | null} */ (byId('rooms').querySelector('input:checked'))?.focus();
  }

  /** @param {Room} room */
  #choice(room) {
    const input = el('input', { type: 'radio', name: 'room', value: room.name });
    input.checked = room.name === this.wanted;
    const agents = room.agents.map((agent) => agent.name);
    const callers = room.callers;
    const who = callers.length === 0 ? t('lobby.callers.none')
      : t(callers.length === 1 ? 'lobby.callers.one' : 'lobby.callers.many', { names: listNames(callers) });
    const faces = el('span', { class: 'faces', 'aria-hidden': 'true' }, ...agents.slice(0, 4).map((name) => avatar(name, 'agent')));
    return el('label', { class: 'room-choice' }, input, faces,
      el('span', { class: 'about' }, el('b', { text: room.title || room.name }),
        el('span', { text: `${t('lobby.agents', { names: listNames(agents) })} · ${who}` })),
      el('span', { class: 'check', 'aria-hidden': 'true' }));
  }

  async #keepLooking() {
    for (;;) {
      const found = !this.visible || document.hidden || (await this.#look());
      if (found) this.notices.hide('unreachable');
      this.hurried = false;
      for (let left = found ? REFRESH_MS / 1000 : RETRY_S; left > 0 && !this.hurried; left--) {
        if (!found) this.#unreachable(left);
        await new Promise((resolve) => {
          this.wake = () => resolve(this.hurried = true);
          setTimeout(resolve, 1000);
        });
      }
    }
  }

  /** @param {number} seconds */
  #unreachable(seconds) {
    const advice = t('error.unreachable.do', { seconds });
    if (this.notices.shown.has('unreachable')) this.notices.change('unreachable', advice);
    else this.notices.show('unreachable', { title: t('error.unreachable.title'), advice, lasting: true });
  }

  /** @returns {Promise<boolean>} whether the server answered */
  async #look() {
    try {
      const house = await this.api.list();
      this.notices.hide('door');
      const changed = JSON.stringify(house) !== JSON.stringify(this.house);
      this.house = house;
      this.#settle();
      if (changed) this.render();
      this.onFound?.();
      return true;
    } catch (error) {
      if (!(error instanceof HubbubError) || error.code !== 'refused') return false;
      this.notices.show('door', { ...describe(error), lasting: true }); // it is there, but does not let us in
      return true;
    } finally {
      this.#enable();
    }
  }

  /** Falls back to the first room where the one wanted is not there. */
  #settle() {
    const rooms = this.house?.rooms ?? [];
    if (!rooms.length || rooms.some((room) => room.name === this.wanted)) return;
    if (this.wanted && this.wanted === asked.get('room')) {
      this.notices.show('room-unknown', { title: t('error.room-unknown.title', { room: this.wanted }),
        advice: t('error.room-unknown.do') });
    }
    this.wanted = rooms[0].name;
  }

  #enable() {
    for (const id of ['join-voice', 'join-typing']) {
      /** @type {HTMLButtonElement} */ (byId(id)).disabled = this.busy || !this.house?.rooms.length;
    }
  }
}
