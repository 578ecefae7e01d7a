/**
 * What one talks with: microphone, text box, interrupt, sound, and the strip that shows both sides.
 *
 * @typedef {import('../sdk/hubbub.js').HubbubClient} HubbubClient
 * @typedef {import('../sdk/microphone.js').Microphone} Microphone
 * @typedef {import('../sdk/talk.js').AnyPlayer} AnyPlayer
 * @typedef {import('../sdk/protocol.js').Mouth} Mouth
 */

import { t } from '../i18n.js';
import { HubbubError } from '../sdk/errors.js';
import { connectMicrophone } from '../sdk/talk.js';
import { byId, setIcon, setLabel } from './dom.js';
import { describe } from './problems.js';
import { barLength, Strip } from './strip.js';

/** So long nothing but zeros: no room is that quiet. */
const DEAD_SILENCE_MESSAGES = 400;

export class Dock {
  /**
   * @param {object} parts
   * @param {HubbubClient} parts.client
   * @param {AnyPlayer} parts.player
   * @param {Microphone | null} parts.microphone
   * @param {import('./notices.js').Notices} parts.notices
   * @param {() => Promise<Microphone>} parts.openMicrophone
   * @param {() => void} parts.onChange
   */
  constructor({ client, player, microphone, notices, openMicrophone, onChange }) {
    this.client = client;
    this.player = player;
    this.notices = notices;
    this.openMicrophone = openMicrophone;
    this.onChange = onChange;
    /** @type {Microphone | null} */
    this.microphone = null;
    /** @type {(() => void)[]} */
    this.micUndo = [];
    this.loud = true;
    this.level = 0;
    this.meterAt = 0;
    this.zeros = 0;
    this.text = /** @type {HTMLInputElement} */ (byId('text'));
    this.listening = new AbortController();
    this.#listen();
    if (microphone) this.useMicrophone(microphone);
    const canvas = /** @type {HTMLCanvasElement} */ (byId('strip'));
    this.strip = new Strip(canvas, () => ({ up: this.level, down: this.player.level() }));
  }

  /** @param {Microphone} microphone */
  useMicrophone(microphone) {
    this.microphone = microphone;
    this.zeros = 0;
    this.micUndo = [
      connectMicrophone(this.client, microphone),
      microphone.on('sound', ({ level }) => this.#meter(level)),
      microphone.on('lost', (error) => void this.#lostMicrophone(error)),
    ];
    microphone.mute(this.client.muted);
  }

  /** @param {Mouth} mouth */
  render(mouth) {
    const { muted } = this.client;
    const mute = byId('mute');
    const key = !this.microphone ? 'dock.addmic' : muted ? 'dock.unmute' : 'dock.mute';
    mute.dataset.state = !this.microphone ? 'none' : muted ? 'muted' : 'open';
    mute.setAttribute('aria-pressed', String(!!this.microphone && muted));
    setIcon(mute, this.microphone && muted ? 'mic-off' : 'mic');
    /** @type {HTMLElement} */ (mute.querySelector('span')).textContent = t(key);
    const { loud } = this;
    const sound = byId('sound');
    sound.hidden = !('context' in this.player);
    sound.setAttribute('aria-pressed', String(!loud));
    setIcon(sound, loud ? 'sound' : 'sound-off');
    setLabel(sound, t(loud ? 'dock.sound.off' : 'dock.sound.on'));
    const interrupt = /** @type {HTMLButtonElement} */ (byId('interrupt'));
    interrupt.disabled = mouth === 'idle' || this.client.joined?.interruptible === false;
    interrupt.title = t('dock.interrupt.hint');
  }

  /** Sends a typed turn. Where that fails the words stay in the box. @param {string} text */
  send(text) {
    try {
      this.client.sendText(text.trim());
      this.notices.hide('not-connected');
      return true;
    } catch (error) {
      this.notices.show('not-connected', { ...describe(error), detail: '' });
      return false;
    }
  }

  interrupt() {
    if (!(/** @type {HTMLButtonElement} */ (byId('interrupt')).disabled)) this.client.interrupt();
  }

  reconnected() {
    this.notices.hide('not-connected');
  }

  async close() {
    this.listening.abort();
    this.strip.close();
    await this.#dropMicrophone();
  }

  #listen() {
    const on = (/** @type {string} */ id, /** @type {string} */ type, /** @type {(event: Event) => void} */ act) =>
      byId(id).addEventListener(type, act, { signal: this.listening.signal });
    on('typing', 'submit', (event) => {
      event.preventDefault();
      if (this.text.value.trim() && this.send(this.text.value)) this.text.value = '';
    });
    on('mute', 'click', () => void this.#pressMicrophone());
    on('interrupt', 'click', () => this.interrupt());
    on('sound', 'click', () => {
      this.loud = !this.loud;
      this.player.volume = this.loud ? 1 : 0;
      this.onChange();
    });
  }

  async #pressMicrophone() {
    if (this.microphone) {
      this.client.mute(!this.client.muted);
      this.microphone.mute(this.client.muted);
      this.#meter(0);
      this.onChange();
      return;
    }
    try {
      const microphone = await this.openMicrophone();
      this.notices.hide('microphone');
      this.useMicrophone(microphone);
      this.onChange();
    } catch (error) {
      this.notices.show('microphone', describe(error));
    }
  }

  /** @param {HubbubError} error */
  async #lostMicrophone(error) {
    this.client.commit(); // no more sound will come to end an open turn
    await this.#dropMicrophone();
    this.notices.show('microphone', { ...describe(error),
      actions: [{ label: t('notice.retry'), act: () => void this.#pressMicrophone() }] });
    this.onChange();
  }

  async #dropMicrophone() {
    this.micUndo.forEach((off) => off());
    this.micUndo = [];
    const { microphone } = this;
    this.microphone = null;
    this.#meter(0);
    await microphone?.close();
  }

  /** @param {number} rms */
  #meter(rms) {
    this.level = rms;
    byId('mute').style.setProperty('--level', barLength(rms).toFixed(3));
    const now = performance.now();
    if (rms === 0 || now - this.meterAt > 250) {
      this.meterAt = now;
      byId('meter').setAttribute('aria-valuenow', String(Math.round(100 * barLength(rms))));
    }
    this.#watchSilence(rms);
  }

  /** @param {number} rms */
  #watchSilence(rms) {
    this.zeros = rms === 0 && this.microphone && !this.client.muted ? this.zeros + 1 : 0;
    if (this.zeros === DEAD_SILENCE_MESSAGES) {
      this.notices.show('microphone-silent', { title: t('error.microphone-silent.title'),
        advice: t('error.microphone-silent.do'), tone: 'info' });
    } else if (rms > 0) this.notices.hide('microphone-silent');
  }
}
