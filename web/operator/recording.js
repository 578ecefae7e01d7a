/**
 * One recording: its timeline, its sound, what happened in it, and what the present build would have decided.
 *
 * @typedef {import('../sdk/operator.js').Timeline} Timeline
 * @typedef {{at_ms: number, kind: string, text: string, unheard?: string, tone: '' | 'said'}} Happening
 */

import { t } from '../i18n.js';
import { byId, el, setIcon } from '../page/dom.js';
import { HubbubError } from '../sdk/index.js';
import { formatSpan } from './board.js';
import { drawWaves, toneOf } from './waves.js';

/** So long before its end a ticket to the sound is not begun with any more: a new one is asked for. */
const TICKET_MARGIN_MS = 60_000;
/** Two elements play beside each other; where they drift apart further than an ear forgives, the second is moved. */
const DRIFT_S = 0.08;
const ASK_MS = 400;
/** Fields of decisions that are samples since the session began. */
const PLACES = ['start', 'onset', 'end', 'speech_end', 'endpoint_at'];
const LANES = /** @type {const} */ ([['heard', '--accent'], ['vad', '--accent-wash'], ['decision', '--warn'], ['reply', '--agent'], ['played', '--agent']]);

/** What happened, in order: decisions and what was said. Pure. @param {Timeline} timeline @returns {Happening[]} */
export function happenings({ decisions, events, replies }) {
  /** @type {Happening[]} */
  const all = decisions.map(({ at_ms, kind, ...more }) => ({ at_ms, kind, tone: '', text: Object.entries(more)
    .filter(([name, value]) => value !== null && value !== '' && name !== 'at').map(([name, value]) => `${name} ${readable(name, value)}`).join(', ') }));
  for (const event of events) {
    if (event.type === 'transcript' && event.final) all.push({ at_ms: event.at_ms, kind: event.speaker, text: event.text, tone: 'said' });
    else if (event.type === 'reply' && event.final) {
      all.push({ at_ms: event.at_ms, kind: event.agent, text: event.text, unheard: event.unheard, tone: 'said' });
    } else if (event.type === 'error') all.push({ at_ms: event.at_ms, kind: event.code, text: event.message, tone: '' });
  }
  for (const { reply, to_ms: at, how, heard_samples: heard, sent_samples: sent } of replies) {
    if (heard === undefined || how === 'open') continue;
    const spans = { reply, heard: seconds(heard), sent: seconds(sent ?? heard) };
    all.push({ at_ms: at, kind: 'Heard', text: t(how === 'cut' ? 'op.heard.cut' : 'op.heard.whole', spans), tone: '' });
  }
  return all.sort((a, b) => a.at_ms - b.at_ms);
}

/** A field of a decision: places in what was heard as times, all else as it is. @param {string} name @param {unknown} value */
function readable(name, value) {
  if (typeof value === 'object') return JSON.stringify(value);
  return PLACES.includes(name) && typeof value === 'number' ? `${(value / 16_000).toFixed(2)} s` : String(value);
}

/** @param {number} samples  at 24 kHz */
function seconds(samples) {
  return (samples / 24_000).toFixed(3);
}

/** How well it is known when the replies were heard, where that is worth a word. @param {Timeline} timeline */
function doubt({ replies }) {
  const worst = /** @type {const} */ (['decisions', 'estimated']).find((known) => replies.some((reply) => reply.known === known));
  return worst ? t(`op.known.${worst}`) : '';
}

export class RecordingView {
  /** @param {import('../sdk/index.js').OperatorApi} api */
  constructor(api) {
    this.api = api;
    this.name = '';
    /** @type {Timeline | null} */
    this.timeline = null;
    this.canvas = /** @type {HTMLCanvasElement} */ (byId('waves'));
    /** @type {HTMLAudioElement[]} */
    this.sound = [];
    this.ticketEnds = 0;
    this.frame = 0;
    /** @type {HTMLElement[]} */
    this.rows = [];
    /** @type {Happening[]} */
    this.happened = [];
    byId('play').addEventListener('click', () => void this.toggle());
    byId('zoom-in').addEventListener('click', () => void this.#zoom(0.5));
    byId('zoom-out').addEventListener('click', () => void this.#zoom(2));
    byId('replay').addEventListener('click', () => void this.#replay());
    this.canvas.addEventListener('click', (event) => this.seek(this.#at(event.offsetX)));
    new ResizeObserver(() => this.render()).observe(this.canvas);
  }

  /** @param {string} name @throws {HubbubError} */
  async open(name) {
    this.close();
    this.name = name;
    byId('recording-title').textContent = name;
    byId('recording-about').textContent = '';
    byId('outcome').replaceChildren();
    this.timeline = await this.api.timeline(name);
    if (this.name !== name) return;
    await this.#load();
    if (this.name !== name) return;
    const play = /** @type {HTMLButtonElement} */ (byId('play'));
    play.disabled = false;
    byId('recording-title').textContent = `${this.timeline.caller} · ${this.timeline.room}`;
    byId('recording-about').textContent = [name, formatSpan(this.timeline.seconds), doubt(this.timeline), ...this.timeline.warnings].filter(Boolean).join(' · ');
    this.#list();
    this.render();
  }

  /** The theme, the language or the size changed. */
  render() {
    if (!this.timeline) return;
    this.canvas.setAttribute('aria-label', t('op.waves'));
    drawWaves(this.canvas, this.timeline);
    byId('waves-legend').replaceChildren(...LANES.map(([lane, colour]) => {
      const dot = el('i', { 'aria-hidden': 'true' });
      dot.style.setProperty('--colour', `var(${colour})`);
      return el('li', {}, dot, el('span', { text: t(lane === 'played' && this.timeline?.ear ? 'op.lane.ear' : `op.lane.${lane}`) }));
    }));
    this.#needle();
  }

  get playing() {
    return !!this.sound.length && !this.sound[0].paused;
  }

  /** Asks for a ticket to both tracks, and goes on where the needle stood. */
  async #load() {
    const { name, timeline } = this;
    const at = this.sound[0]?.currentTime ?? 0;
    const urls = await this.api.sound(name);
    if (this.name !== name) return;
    this.ticketEnds = urls.expiresAt;
    this.#silence();
    this.sound = [urls.heard, timeline?.ear ? urls.ear : urls.played].map((url) => Object.assign(new Audio(url), { preload: 'auto', currentTime: at }));
    this.sound[0].addEventListener('ended', () => this.#stopped());
  }

  #silence() {
    this.sound.forEach((one) => {
      one.pause();
      one.removeAttribute('src');
    });
    this.sound = [];
  }

  async toggle() {
    if (this.playing) {
      this.sound.forEach((one) => one.pause());
      return this.#stopped();
    }
    if (this.ticketEnds - Date.now() < TICKET_MARGIN_MS || this.sound.some((one) => one.error)) await this.#load().catch(() => {});
    if (!this.sound.length) return;
    this.sound[1].currentTime = this.sound[0].currentTime;
    await Promise.all(this.sound.map((one) => one.play().catch(() => {})));
    setIcon(byId('play'), 'pause');
    /** @type {HTMLElement} */ (byId('play').lastElementChild).textContent = t('op.pause');
    const step = () => {
      if (!this.playing) return;
      const [heard, played] = this.sound;
      if (!played.ended && Math.abs(heard.currentTime - played.currentTime) > DRIFT_S) played.currentTime = heard.currentTime;
      this.#needle();
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  /** @param {number} ms */
  seek(ms) {
    for (const one of this.sound) one.currentTime = ms / 1000;
    this.#needle();
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.#silence();
    this.timeline = null;
    this.name = '';
    this.#stopped();
    /** @type {HTMLButtonElement} */ (byId('play')).disabled = true;
  }

  #stopped() {
    setIcon(byId('play'), 'play');
    /** @type {HTMLElement} */ (byId('play').lastElementChild).textContent = t('op.play');
  }

  #needle() {
    const { timeline } = this;
    if (!timeline) return;
    const ms = (this.sound[0]?.currentTime ?? 0) * 1000;
    const share = (ms - timeline.from_ms) / Math.max(1, timeline.to_ms - timeline.from_ms);
    byId('needle').style.setProperty('--at', (share * this.canvas.clientWidth).toFixed(1));
    byId('needle').hidden = share < 0 || share > 1;
    let now = -1;
    while (now + 1 < this.happened.length && this.happened[now + 1].at_ms <= ms) now++;
    this.rows.forEach((row, place) => {
      const here = String(place === now && ms > 0);
      if (row.dataset.now === here) return;
      row.dataset.now = here;
      if (here === 'true' && this.playing) row.scrollIntoView({ block: 'nearest' });
    });
  }

  #list() {
    this.happened = this.timeline ? happenings(this.timeline) : [];
    this.rows = this.happened.map(({ at_ms: at, kind, text, unheard, tone }) => {
      const said = el('span', { text, dir: 'auto' });
      if (unheard) said.append(' ', el('s', { text: unheard.trim(), data: { word: 'unheard' } }));
      return el('li', { data: { tone, colour: toneOf(kind) } }, el('button', { type: 'button', click: () => this.seek(at) },
        el('time', { text: `${(at / 1000).toFixed(2)} s` }), el('b', { text: kind }), said));
    });
    byId('happened').replaceChildren(...this.rows);
  }

  /** The moment below a place of the picture. @param {number} x  in px */
  #at(x) {
    const { from_ms: from = 0, to_ms: to = 0 } = this.timeline ?? {};
    return from + (x / Math.max(1, this.canvas.clientWidth)) * (to - from);
  }

  /** Looks at a shorter or longer stretch around the needle. @param {number} factor */
  async #zoom(factor) {
    const { timeline, name } = this;
    if (!timeline) return;
    const whole = timeline.seconds * 1000;
    const span = Math.min(whole, Math.max(500, (timeline.to_ms - timeline.from_ms) * factor));
    const middle = (this.sound[0]?.currentTime ?? 0) * 1000 || (timeline.from_ms + timeline.to_ms) / 2;
    const from = Math.max(0, Math.min(whole - span, middle - span / 2));
    const fresh = await this.api.timeline(name, { from_ms: from, to_ms: from + span }).catch(() => null);
    if (!fresh || this.name !== name) return;
    this.timeline = fresh;
    this.render();
  }

  async #replay() {
    const { name } = this;
    const place = byId('outcome');
    const progress = el('progress', { max: '1', 'aria-label': t('op.replay.running') });
    place.replaceChildren(el('p', { text: t('op.replay.running') }), progress);
    try {
      let replay = await this.api.replay(name);
      while ((replay.state === 'waiting' || replay.state === 'running') && this.name === name) {
        progress.value = replay.progress;
        await new Promise((resolve) => setTimeout(resolve, ASK_MS));
        replay = await this.api.outcome(replay.id);
      }
      if (this.name === name) place.replaceChildren(verdict(replay));
    } catch (error) {
      place.replaceChildren(el('p', { class: 'verdict', data: { same: 'false' }, text: error instanceof HubbubError ? error.message : String(error) }));
    }
  }
}

/** @param {import('../sdk/operator.js').Replay} replay */
function verdict({ outcome, error }) {
  if (!outcome) return el('p', { class: 'verdict', data: { same: 'false' }, text: error });
  const { same, commands, windows, differences } = outcome;
  const box = el('div', { class: 'verdict', data: { same: String(same) } },
    el('p', { text: same ? t('op.replay.same', { commands, windows }) : t('op.replay.other', { count: differences.length }) }));
  if (!same) {
    box.append(el('ol', {}, ...differences.slice(0, 50).map(({ at_ms: at, recorded, replayed }) =>
      el('li', { text: `${(at / 1000).toFixed(2)} s: ${t('op.replay.difference', { recorded, replayed })}` }))));
  }
  return box;
}
