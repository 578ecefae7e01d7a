/**
 * What was said, kept in the tab so that a reload of the page does not lose it: what is over as it comes, and a reply that still
 * goes on when the page goes.
 *
 * @typedef {import('../sdk/protocol.js').Transcript} Transcript
 * @typedef {import('../sdk/protocol.js').Reply} Reply
 * @typedef {import('../sdk/protocol.js').Words} Words
 */

import { tabStorage } from '../sdk/index.js';

const KEY = 'hubbub.script';
const MOST_EVENTS = 160;
const MOST_OPEN = 8;

export class ScriptStore {
  constructor() {
    this.session = '';
    /** @type {(Transcript | Reply)[]} final events only */
    this.events = [];
    /** @type {Map<number, {reply: Reply, words: Words[]}>} replies that go on */
    this.open = new Map();
    this.onHide = () => this.#keep();
    globalThis.addEventListener?.('pagehide', this.onHide);
  }

  /** A session begins; answers what was said in it before. @param {string} session @returns {(Transcript | Reply | Words)[]} */
  begin(session) {
    this.session = session;
    this.events = [];
    this.open.clear();
    try {
      const kept = JSON.parse(tabStorage()?.getItem(KEY) ?? 'null');
      if (kept?.session === session && Array.isArray(kept.events)) {
        this.events = kept.events;
        this.open = new Map(kept.open ?? []);
      }
    } catch {
      // It was not ours, or storage is forbidden: begin with a clean page.
    }
    return [...this.events, ...[...this.open.values()].flatMap(({ reply, words }) => [reply, ...words])];
  }

  /** @param {Transcript | Reply} event */
  add(event) {
    if (event.type === 'reply') this.#follow(event);
    if (!event.final) return;
    this.events = [...this.events, event].slice(-MOST_EVENTS);
    this.#keep();
  }

  /** @param {Words} event */
  addWords(event) {
    this.open.get(event.reply)?.words.push(event);
  }

  close() {
    globalThis.removeEventListener?.('pagehide', this.onHide);
  }

  /** @param {Reply} event */
  #follow(event) {
    const words = this.open.get(event.reply)?.words ?? [];
    this.open.delete(event.reply);
    if (event.final) return;
    this.open.set(event.reply, { reply: event, words });
    if (this.open.size > MOST_OPEN) this.open.delete(this.open.keys().next().value ?? 0);
  }

  #keep() {
    try {
      tabStorage()?.setItem(KEY, JSON.stringify({ session: this.session, events: this.events, open: [...this.open] }));
    } catch {
      // The storage is full or forbidden: a reload shows an empty page.
    }
  }
}
