/**
 * One reply on the screen: words to come are pale, the word being heard is lit, words heard are solid, and what was cut off
 * is struck through.
 *
 * @typedef {import('../sdk/protocol.js').Reply} Reply
 * @typedef {import('../sdk/protocol.js').WordTime} WordTime
 * @typedef {import('./captions.js').Frame} Frame
 */

import { hasText, t } from '../i18n.js';
import { el } from './dom.js';
import { cutAtWords, mergeWords, stateWhileSpeaking, wordsBegun } from './reply-text.js';

const MOST_UNHEARD_CHARS = 260;

export class ReplyCaption {
  /** @param {Frame} frame @param {string} agent @param {string} me */
  constructor(frame, agent, me) {
    this.frame = frame;
    this.agent = agent;
    this.me = me;
    this.text = '';
    this.final = false;
    this.begun = 0;
    this.offset = 0;
    /** @type {WordTime[]} */
    this.words = [];
    /** @type {HTMLElement[]} by number of the word */
    this.spans = [];
    frame.item.dataset.state = 'speaking';
  }

  /** @param {Reply} event */
  update(event) {
    if (this.final) return;
    if (event.final) this.#finish(event);
    else if (event.text !== this.text) {
      this.text = event.text;
      this.#write();
    }
  }

  /** @param {readonly WordTime[]} words */
  addWords(words) {
    if (this.final) return;
    this.words = mergeWords(this.words, words);
    this.#write();
  }

  /** @param {number} offset  the playhead, in samples */
  heard(offset) {
    if (this.final) return;
    this.offset = offset;
    const begun = wordsBegun(this.words, offset);
    const from = Math.max(0, Math.min(this.begun, begun) - 1);
    for (let index = from; index < Math.max(this.begun, begun); index++) this.#paint(index, begun);
    this.begun = begun;
  }

  #write() {
    this.spans = [];
    this.begun = wordsBegun(this.words, this.offset);
    const nodes = cutAtWords(this.text, this.words).map(({ text, word }) => {
      if (word < 0) return el('span', { text, data: { word: 'coming' } });
      const span = el('span', { text });
      this.spans[word] = span;
      this.#paint(word, this.begun);
      return span;
    });
    this.frame.text.replaceChildren(...nodes);
  }

  /** @param {number} index @param {number} begun */
  #paint(index, begun) {
    const span = this.spans[index];
    if (span) span.dataset.word = stateWhileSpeaking(index, begun);
  }

  /** The words are no longer needed one by one. @param {Reply} event */
  #finish(event) {
    this.final = true;
    this.frame.item.dataset.state = 'final';
    const parts = [el('span', { text: event.text, data: { word: 'heard' } })];
    const unheard = event.unheard.trimStart();
    if (unheard) {
      parts.push(el('span', { text: event.unheard.slice(0, event.unheard.length - unheard.length) }));
      parts.push(el('span', { class: 'sr', text: ` (${t('caption.unheard')}` }), ...struck(unheard), el('span', { class: 'sr', text: ')' }));
    }
    this.frame.text.replaceChildren(...parts);
    const reason = reasonText(event, this.me);
    if (reason) this.frame.foot.prepend(el('span', { class: 'tag cut', text: reason }));
  }
}

/**
 * What was not heard, struck through; a long piece shows its beginning, and the rest when asked for.
 *
 * @param {string} text
 */
function struck(text) {
  const words = text.split(/(?<=\s)/);
  const piece = (/** @type {string} */ part) => el('s', { text: part, data: { word: 'unheard' } });
  if (text.length <= MOST_UNHEARD_CHARS) return [piece(text)];
  let shown = 0;
  while (shown < words.length && words.slice(0, shown + 1).join('').length <= MOST_UNHEARD_CHARS / 2) shown++;
  const more = el('button', { type: 'button', class: 'more', text: t('caption.more', { count: words.length - shown }) });
  const rest = piece(words.slice(shown).join(''));
  more.addEventListener('click', () => more.replaceWith(rest));
  return [piece(words.slice(0, shown).join('')), more];
}

/** The reason of an end that was not the planned one, for people. @param {Reply} event @param {string} me */
function reasonText(event, me) {
  if (event.interrupted || event.reason === 'interrupted') {
    const by = event.interrupted_by;
    return by ? t('caption.cut', { name: by === me ? t('room.you') : by }) : t('caption.cut.nobody');
  }
  const key = `caption.${event.reason}`;
  return hasText(key) ? t(key) : '';
}
