/**
 * The window about one participant: who it is, and what a moderator may do.
 *
 * @typedef {import('../sdk/protocol.js').Participant} Participant
 */

import { t } from '../i18n.js';
import { HubbubError } from '../sdk/index.js';
import { dialog } from './dialog.js';
import { avatar, byId, el } from './dom.js';
import { roleOf } from './people.js';

export class Person {
  /**
   * @param {import('../sdk/index.js').RoomsApi} api
   * @param {(agent: string) => void} onMemory  an agent's memory is asked for
   */
  constructor(api, onMemory) {
    this.api = api;
    this.onMemory = onMemory;
    this.room = '';
    this.box = dialog('person');
  }

  /** @param {string} room @param {Participant} one @param {{own: boolean, moderator: boolean}} how */
  open(room, one, { own, moderator }) {
    this.room = room;
    byId('person-avatar').replaceChildren(avatar(one.name, one.kind));
    byId('person-title').textContent = one.name;
    byId('person-sub').textContent = [roleOf(one, own), one.muted ? t('people.muted') : ''].filter(Boolean).join(' · ');
    byId('person-said').textContent = '';
    const buttons = one.kind === 'agent' ? this.#forAgent(one, moderator) : this.#forCaller(one, own, moderator);
    byId('person-actions').replaceChildren(...buttons);
    byId('person-actions').hidden = !buttons.length;
    this.box.showModal();
  }

  close() {
    this.box.close();
  }

  /** @param {Participant} one @param {boolean} moderator */
  #forAgent(one, moderator) {
    const { api, room } = this;
    const memory = this.#button('person.memory', async () => {
      this.close();
      this.onMemory(one.name);
    });
    if (!moderator) return [memory];
    return [memory,
      this.#button(one.muted ? 'person.unmute' : 'person.mute', () => api.changeAgent(room, one.name, { muted: !one.muted })),
      this.#button(one.quiet ? 'person.talkative' : 'person.quiet', () => api.changeAgent(room, one.name, { quiet: !one.quiet })),
      this.#button('person.remove', () => api.removeAgent(room, one.name), true)];
  }

  /** @param {Participant} one @param {boolean} own @param {boolean} moderator */
  #forCaller(one, own, moderator) {
    const { api, room } = this;
    if (!moderator || own) return [];
    const listens = one.role === 'listener';
    return [
      this.#button(one.muted ? 'person.unmute' : 'person.mute', () => api.changeCaller(room, one.name, { muted: !one.muted })),
      this.#button(listens ? 'person.speaker' : 'person.listener', () =>
        api.changeCaller(room, one.name, { role: listens ? 'speaker' : 'listener' })),
      this.#button('person.remove', () => api.removeCaller(room, one.name), true)];
  }

  /** @param {import('../i18n.js').Key} label @param {() => Promise<unknown>} act @param {boolean} [danger] */
  #button(label, act, danger = false) {
    return el('button', { type: 'button', class: danger ? 'small danger' : 'small', text: t(label), data: { act: label },
      click: () => void this.#do(act) });
  }

  /** @param {() => Promise<unknown>} act */
  async #do(act) {
    try {
      await act();
      this.close();
    } catch (error) {
      byId('person-said').textContent = error instanceof HubbubError ? error.message : String(error);
    }
  }
}
