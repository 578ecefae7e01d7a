/** The window for microphone, loudspeaker and push to talk. What is chosen is remembered. */

import { t } from '../i18n.js';
import { canChooseSpeaker, listDevices, watchDevices } from '../sdk/index.js';
import { dialog } from './dialog.js';
import { byId, el } from './dom.js';
import { describe } from './problems.js';
import { recall, remember } from './settings.js';

/** @typedef {import('../sdk/index.js').Voice} Voice */

export class SoundSettings {
  /** @param {import('./notices.js').Notices} notices @param {(on: boolean) => void} onPushToTalk */
  constructor(notices, onPushToTalk) {
    this.notices = notices;
    /** @type {Voice | null} */
    this.voice = null;
    this.box = dialog('devices');
    this.microphone = /** @type {HTMLSelectElement} */ (byId('device-microphone'));
    this.speaker = /** @type {HTMLSelectElement} */ (byId('device-speaker'));
    this.ptt = /** @type {HTMLInputElement} */ (byId('ptt'));
    this.ptt.checked = recall('ptt') === 'on';
    this.ptt.addEventListener('change', () => {
      remember('ptt', this.ptt.checked ? 'on' : 'off');
      onPushToTalk(this.ptt.checked);
    });
    this.microphone.addEventListener('change', () => void this.#useMicrophone(this.microphone.value));
    this.speaker.addEventListener('change', () => void this.#useSpeaker(this.speaker.value));
    byId('device-try').addEventListener('click', () => {
      const player = this.voice?.player;
      if (player && 'chime' in player) player.chime();
    });
    watchDevices(() => this.box.open && void this.#fill());
  }

  /** @param {Voice} voice */
  async open(voice) {
    this.voice = voice;
    await this.#fill();
    if (!this.box.open) this.box.showModal();
  }

  close() {
    this.voice = null;
    this.box.close();
  }

  async #fill() {
    const { microphones, speakers } = await listDevices();
    fill(this.microphone, microphones, this.voice?.microphone?.device ?? '', 'devices.microphone.none');
    fill(this.speaker, speakers, recall('speaker') ?? '', 'devices.system');
    byId('device-speaker-row').hidden = !canChooseSpeaker() || !speakers.length;
    byId('device-try').hidden = !this.voice || !('chime' in this.voice.player);
  }

  /** @param {string} device */
  async #useMicrophone(device) {
    try {
      if (device) await this.voice?.useMicrophone(device);
      else await this.voice?.dropMicrophone();
      if (device) remember('microphone', device);
      this.notices.hide('microphone');
    } catch (error) {
      this.box.close();
      this.notices.show('microphone', describe(error));
    }
  }

  /** @param {string} device */
  async #useSpeaker(device) {
    try {
      await this.voice?.useSpeaker(device);
      remember('speaker', device);
    } catch (error) {
      this.box.close();
      this.notices.show('sound', { ...describe(error), tone: 'info' });
    }
  }
}

/**
 * @param {HTMLSelectElement} select @param {import('../sdk/devices.js').Device[]} devices @param {string} chosen
 * @param {import('../i18n.js').Key} none  what stands for no device of the list
 */
function fill(select, devices, chosen, none) {
  const options = devices.map(({ id, label }, place) =>
    el('option', { value: id, text: label || t('devices.number', { number: place + 1 }) }));
  select.replaceChildren(el('option', { value: '', text: t(none) }), ...options);
  select.value = devices.some(({ id }) => id === chosen) ? chosen : '';
}
