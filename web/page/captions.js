/**
 * The conversation as it is written down: what callers say, as it is recognised; what agents say, word by word as it is heard.
 *
 * @typedef {import('../sdk/protocol.js').Transcript} Transcript
 * @typedef {import('../sdk/protocol.js').Reply} Reply
 * @typedef {import('../sdk/protocol.js').Words} Words
 * @typedef {import('../sdk/protocol.js').Turn} Turn
 * @typedef {import('../sdk/protocol.js').ToolUse} ToolUse
 */

import { t } from '../i18n.js';
import { el, hueOf } from './dom.js';
import { latencyLine } from './latency.js';
import { ReplyCaption } from './reply-caption.js';

const MOST_ENTRIES = 400;
const NEAR_END_PX = 90;

/**
 * @typedef {object} Frame  the parts of one entry in the list
 * @property {HTMLLIElement} item
 * @property {HTMLElement} text
 * @property {HTMLElement} foot
 */

export class Captions {
  /**
   * @param {{list: HTMLElement, scroll: HTMLElement, newest: HTMLElement, announcer: HTMLElement, empty: HTMLElement,
   *   tries: HTMLElement}} places
   * @param {string} lang  the language that is spoken in the room
   */
  constructor(places, lang) {
    this.places = places;
    this.lang = lang;
    this.me = '';
    /** @type {Map<string, Frame>} */
    this.turns = new Map();
    /** @type {Map<number, ReplyCaption>} */
    this.replies = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.tools = new Map();
    /** @type {Map<string, string>} what was read out of each turn and reply */
    this.told = new Map();
    /** Told again after a reload: nothing is read out. */
    this.quiet = false;
    this.following = true;
    this.lastTop = 0;
    this.onScroll = () => this.#scrolled();
    places.scroll.addEventListener('scroll', this.onScroll, { passive: true });
    this.onNewest = () => this.#follow(true);
    places.newest.addEventListener('click', this.onNewest);
    places.list.replaceChildren();
    this.observer = new ResizeObserver(() => this.#follow(this.following));
    this.observer.observe(places.list);
    this.observer.observe(places.scroll);
    places.empty.hidden = false;
    places.tries.hidden = false;
  }

  /** A session begins, whose turns and replies are counted anew. @param {string} me  this caller's name */
  begin(me) {
    this.me = me;
    this.turns.clear();
    this.replies.clear();
    this.tools.clear();
    this.told.clear();
  }

  /** @param {Transcript} event */
  transcript(event) {
    const key = `${event.speaker}\n${event.turn}`;
    let entry = this.turns.get(key);
    if (!event.text.trim()) {
      if (entry && event.final) this.#remove(key, entry);
      return;
    }
    if (!entry) {
      entry = this.#entry(event.speaker, 'caller');
      this.turns.set(key, entry);
    }
    entry.item.dataset.state = event.final ? 'final' : 'partial';
    entry.text.textContent = event.text;
    if (event.source === 'text' && !entry.foot.hasChildNodes()) {
      entry.foot.append(el('span', { class: 'tag', text: t('caption.typed') }));
    }
    if (event.final) this.#tell(`turn ${key}`, event.speaker, event.text);
  }

  /** @param {import('../sdk/protocol.js').Backchannel} event */
  backchannel(event) {
    const name = event.speaker === this.me ? t('room.you') : event.speaker;
    this.#aside('backchannel', t('caption.backchannel', { name, text: event.text }), hueOf(event.speaker));
  }

  /** @param {Reply} event */
  reply(event) {
    const caption = this.#reply(event.reply, event.agent);
    caption.update(event);
    if (event.final && event.text) this.#tell(`reply ${event.reply}`, event.agent, event.text);
  }

  /** @param {Words} event */
  words(event) {
    this.replies.get(event.reply)?.addWords(event.words);
  }

  /** The playhead of a reply. @param {number} reply @param {number} offset */
  heard(reply, offset) {
    this.replies.get(reply)?.heard(offset);
  }

  /** The agent that speaks a reply. @param {number} reply */
  speakerOf(reply) {
    return this.replies.get(reply)?.agent ?? null;
  }

  /** @param {Turn} event */
  turn(event) {
    this.replies.get(event.reply)?.frame.foot.append(latencyLine(event.latency));
  }

  /** @param {ToolUse} event */
  tool(event) {
    const key = `${event.agent}\n${event.name}`;
    const text = t(`caption.tool.${event.state}`, { name: event.agent, tool: event.name });
    const running = this.tools.get(key);
    if (running) {
      running.textContent = text;
      running.dataset.state = event.state;
    } else {
      this.tools.set(key, this.#aside('tool', text, hueOf(event.agent), event.state));
    }
    if (event.state !== 'running') this.tools.delete(key);
  }

  /** The line was away for so long that the server has forgotten what came. */
  gap() {
    this.#aside('gap', t('caption.gap'), '0');
  }

  /** @param {import('../sdk/protocol.js').Participant} participant @param {'joined' | 'gone'} what */
  came(participant, what) {
    const text = t(`caption.${what}`, { name: participant.name });
    this.#aside('came', text, hueOf(participant.name));
    this.announce('', text);
  }

  /** What was said before the page was loaded anew. @param {readonly (Transcript | Reply | Words)[]} events */
  restore(events) {
    this.quiet = true;
    for (const event of events) {
      if (event.type === 'transcript') this.transcript(event);
      else if (event.type === 'words') this.words(event);
      else this.reply(event);
    }
    this.quiet = false;
  }

  /** Reads a caption out, once, however often its end is told. @param {string} key @param {string} name @param {string} text */
  #tell(key, name, text) {
    if (this.told.get(key) === text) return;
    this.told.set(key, text);
    this.announce(name, text);
  }

  /** Says something to screen readers, politely. @param {string} name @param {string} text */
  announce(name, text) {
    if (this.quiet) return;
    const { announcer } = this.places;
    announcer.append(el('p', { text: name ? `${name}: ${text}` : text, lang: this.lang }));
    while (announcer.children.length > 6) announcer.firstElementChild?.remove();
  }

  close() {
    this.observer.disconnect();
    this.places.scroll.removeEventListener('scroll', this.onScroll);
    this.places.newest.removeEventListener('click', this.onNewest);
    this.places.announcer.replaceChildren();
  }

  /** @param {number} reply @param {string} agent */
  #reply(reply, agent) {
    let caption = this.replies.get(reply);
    if (!caption) {
      caption = new ReplyCaption(this.#entry(agent, 'agent'), agent, this.me);
      this.replies.set(reply, caption);
    }
    return caption;
  }

  /** @param {string} name @param {'caller' | 'agent'} kind @returns {Frame} */
  #entry(name, kind) {
    if (kind === 'caller') this.places.tries.hidden = true;
    const own = kind === 'caller' && name === this.me;
    const text = el('p', { class: 'text', lang: this.lang, dir: 'auto' });
    const foot = el('div', { class: 'foot' });
    const who = el('span', { class: 'who', text: own ? t('room.you') : name, dir: 'auto' });
    if (own) who.dataset.t = 'room.you';
    else who.title = name;
    const item = el('li', { class: 'entry', data: { kind, own: String(own), hue: hueOf(name) } }, who, text, foot);
    this.#append(item);
    return { item, text, foot };
  }

  /** @param {string} kind @param {string} text @param {string} hue @param {string} [state] */
  #aside(kind, text, hue, state = '') {
    const line = el('span', { text, data: { state } });
    this.#append(el('li', { class: `aside ${kind}`, data: { hue } }, line));
    return line;
  }

  /** @param {HTMLElement} item */
  #append(item) {
    const { list, empty } = this.places;
    empty.hidden = true;
    list.append(item);
    while (list.children.length > MOST_ENTRIES) list.firstElementChild?.remove();
  }

  /** @param {string} key @param {Frame} entry */
  #remove(key, entry) {
    entry.item.remove();
    this.turns.delete(key);
  }

  /** Only who scrolls up wants to stay there: what grows below moves nothing. */
  #scrolled() {
    const { scroll, newest } = this.places;
    const near = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END_PX;
    if (near) this.following = true;
    else if (scroll.scrollTop < this.lastTop) this.following = false;
    this.lastTop = scroll.scrollTop;
    newest.hidden = this.following || near;
  }

  /** @param {boolean} wanted */
  #follow(wanted) {
    const { scroll } = this.places;
    if (wanted) {
      this.following = true;
      scroll.scrollTop = scroll.scrollHeight;
      this.lastTop = scroll.scrollTop;
    }
    this.#scrolled();
  }
}
