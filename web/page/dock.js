/**
 * What one talks with: microphone, text box, interrupt, sound, and the strip that shows both sides.
 *
 * @typedef {import('../sdk/index.js').Voice} Voice
 * @typedef {import('../sdk/protocol.js').Mouth} Mouth
 */

import { t } from '../i18n.js';
import { byId, setIcon, setLabel } from './dom.js';
import { describe } from './problems.js';
import { barLength, Strip } from './strip.js';

/** So long nothing but zeros: no room is that quiet. */
const DEAD_SILENCE_MESSAGES = 400;

export class Dock {
  /**
   * @param {object} parts
   * @param {Voice} parts.voice
   * @param {import('./notices.js').Notices} parts.notices
   * @param {boolean} parts.pushToTalk
   * @param {(own: number, room: number) => void} parts.onLevels  as long as bars are, from 0 to 1, once a picture
   * @param {() => void} parts.onChange
   */
  constructor({ voice, notices, pushToTalk, onLevels, onChange }) {
    this.voice = voice;
    this.notices = notices;
    this.onChange = onChange;
    this.pushToTalk = false;
    this.pressed = false;
    this.loud = true;
    this.meterAt = 0;
    this.zeros = 0;
    this.text = /** @type {HTMLInputElement} */ (byId('text'));
    this.listening = new AbortController();
    this.undo = [
      voice.on('level', (rms) => this.#meter(rms)),
      voice.on('muted', () => this.onChange()),
      voice.on('microphone', ({ microphone, error }) => this.#microphoneChanged(!!microphone, error)),
    ];
    this.#listen();
    const canvas = /** @type {HTMLCanvasElement} */ (byId('strip'));
    this.strip = new Strip(canvas, () => {
      const { microphone, room } = voice.levels();
      onLevels(barLength(microphone), barLength(room));
      return { up: microphone, down: room };
    });
    this.setPushToTalk(pushToTalk);
  }

  get microphone() {
    return this.voice.microphone;
  }

  /** Of the microphone, RMS. */
  get level() {
    return this.voice.micLevel;
  }

  /** @param {Mouth} mouth */
  render(mouth) {
    const { muted } = this.voice;
    const mute = byId('mute');
    const { pushToTalk, microphone } = this;
    const key = !microphone ? 'dock.addmic' : pushToTalk ? (muted ? 'dock.hold' : 'dock.release') : muted ? 'dock.unmute' : 'dock.mute';
    mute.dataset.state = !microphone ? 'none' : muted ? (pushToTalk ? 'ready' : 'muted') : 'open';
    mute.setAttribute('aria-pressed', String(!!microphone && (pushToTalk ? !muted : muted)));
    setIcon(mute, microphone && muted && !pushToTalk ? 'mic-off' : 'mic');
    /** @type {HTMLElement} */ (mute.querySelector('span')).textContent = t(key);
    const sound = byId('sound');
    sound.hidden = !('context' in this.voice.player);
    sound.setAttribute('aria-pressed', String(!this.loud));
    setIcon(sound, this.loud ? 'sound' : 'sound-off');
    setLabel(sound, t(this.loud ? 'dock.sound.off' : 'dock.sound.on'));
    const interrupt = /** @type {HTMLButtonElement} */ (byId('interrupt'));
    interrupt.disabled = mouth === 'idle' || this.voice.joined?.interruptible === false;
    interrupt.title = t('dock.interrupt.hint');
  }

  /** Sends a typed turn. Where that fails the words stay in the box. @param {string} text */
  send(text) {
    try {
      this.voice.sendText(text.trim());
      this.notices.hide('not-connected');
      return true;
    } catch (error) {
      this.notices.show('not-connected', { ...describe(error), detail: '' });
      return false;
    }
  }

  interrupt() {
    if (!(/** @type {HTMLButtonElement} */ (byId('interrupt')).disabled)) this.voice.interrupt();
  }

  /** With it the microphone is open only while it is held down. @param {boolean} on */
  setPushToTalk(on) {
    const changed = on !== this.pushToTalk;
    this.pushToTalk = on;
    this.pressed = false;
    if (changed && this.microphone) this.voice.mute(on);
    this.onChange();
  }

  /** @param {boolean} down */
  press(down) {
    if (!this.pushToTalk || !this.microphone || down === this.pressed) return;
    this.pressed = down;
    this.voice.press(down);
    this.onChange();
  }

  /** The microphone's button, or its key. */
  async toggle() {
    if (!this.microphone) return this.#openMicrophone();
    if (this.pushToTalk) return;
    this.voice.mute(!this.voice.muted);
    this.onChange();
  }

  reconnected() {
    this.notices.hide('not-connected');
  }

  close() {
    this.listening.abort();
    this.undo.forEach((off) => off());
    this.strip.close();
    this.#meter(0);
  }

  #listen() {
    const on = (/** @type {string} */ id, /** @type {string} */ type, /** @type {(event: Event) => void} */ act) =>
      byId(id).addEventListener(type, act, { signal: this.listening.signal });
    on('typing', 'submit', (event) => {
      event.preventDefault();
      if (this.text.value.trim() && this.send(this.text.value)) this.text.value = '';
    });
    on('mute', 'click', () => void this.toggle());
    on('mute', 'pointerdown', (event) => {
      if (!this.pushToTalk || !this.microphone) return;
      byId('mute').setPointerCapture(/** @type {PointerEvent} */ (event).pointerId);
      this.press(true);
    });
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture']) on('mute', end, () => this.press(false));
    on('interrupt', 'click', () => this.interrupt());
    on('sound', 'click', () => {
      this.loud = !this.loud;
      this.voice.volume = this.loud ? 1 : 0;
      this.onChange();
    });
  }

  async #openMicrophone() {
    try {
      await this.voice.useMicrophone();
      this.notices.hide('microphone');
      if (this.pushToTalk) this.voice.mute(true);
    } catch (error) {
      this.notices.show('microphone', describe(error));
    }
    this.onChange();
  }

  /** @param {boolean} there @param {import('../sdk/index.js').HubbubError | null} error */
  #microphoneChanged(there, error) {
    this.zeros = 0;
    if (error) {
      this.notices.show('microphone', { ...describe(error),
        actions: [{ label: t('notice.retry'), act: () => void this.#openMicrophone() }] });
    } else if (there) this.notices.hide('microphone');
    this.onChange();
  }

  /** @param {number} rms */
  #meter(rms) {
    for (const id of ['mute', 'device-level']) byId(id).style.setProperty('--level', barLength(rms).toFixed(3));
    const now = performance.now();
    if (rms === 0 || now - this.meterAt > 250) {
      this.meterAt = now;
      byId('meter').setAttribute('aria-valuenow', String(Math.round(100 * barLength(rms))));
    }
    this.#watchSilence(rms);
  }

  /** @param {number} rms */
  #watchSilence(rms) {
    this.zeros = rms === 0 && this.microphone && !this.voice.muted ? this.zeros + 1 : 0;
    if (this.zeros === DEAD_SILENCE_MESSAGES) {
      this.notices.show('microphone-silent', { title: t('error.microphone-silent.title'),
        advice: t('error.microphone-silent.do'), tone: 'info' });
    } else if (rms > 0) this.notices.hide('microphone-silent');
  }
}
