/**
 * What was said, kept in the tab so that a reload of the page does not lose it.
 *
 * @typedef {import('../sdk/protocol.js').Transcript} Transcript
 * @typedef {import('../sdk/protocol.js').Reply} Reply
 */

import { tabStorage } from '../sdk/index.js';

const KEY = 'hubbub.script';
const MOST_EVENTS = 160;

export class ScriptStore {
  constructor() {
    this.session = '';
    /** @type {(Transcript | Reply)[]} final events only */
    this.events = [];
  }

  /** A session begins; answers what was said in it before. @param {string} session */
  begin(session) {
    this.session = session;
    this.events = [];
    try {
      const kept = JSON.parse(tabStorage()?.getItem(KEY) ?? 'null');
      if (kept?.session === session && Array.isArray(kept.events)) this.events = kept.events;
    } catch {
      // It was not ours, or storage is forbidden: begin with a clean page.
    }
    return this.events;
  }

  /** @param {Transcript | Reply} event */
  add(event) {
    if (!event.final) return;
    this.events = [...this.events, event].slice(-MOST_EVENTS);
    try {
      tabStorage()?.setItem(KEY, JSON.stringify({ session: this.session, events: this.events }));
    } catch {
      // The storage is full or forbidden: a reload shows an empty page.
    }
  }
}
