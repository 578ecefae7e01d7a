/**
 * The page's words, in English and Chinese. English is the source: a key that is missing elsewhere shows in English.
 *
 * @typedef {'en' | 'zh'} Language
 * @typedef {keyof typeof en} Key
 */

import { en } from './texts/en.js';
import { zh } from './texts/zh.js';

/** @type {Record<Language, Partial<Record<Key, string>>>} */
const TEXTS = { en, zh };

/** @type {Language} */
let language = 'en';

/** @returns {Language} */
export function currentLanguage() {
  return language;
}

/**
 * Chooses the language: the one asked for, else the browser's, else English.
 *
 * @param {string | null | undefined} wanted
 * @param {readonly string[]} [preferred]
 * @returns {Language}
 */
export function pickLanguage(wanted, preferred = []) {
  for (const tag of [wanted ?? '', ...preferred]) {
    const short = tag.toLowerCase().split('-')[0];
    if (short === 'en' || short === 'zh') return short;
  }
  return 'en';
}

/** @param {Language} next */
export function setLanguage(next) {
  language = next;
}

/**
 * The text of a key in the language chosen, with `{name}` replaced by the parameters.
 *
 * @param {Key} key
 * @param {Record<string, string | number>} [params]
 */
export function t(key, params = {}) {
  const text = TEXTS[language][key] ?? en[key];
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(params[name] ?? whole));
}

/** Whether there is such a text. @param {string} key @returns {key is Key} */
export function hasText(key) {
  return Object.hasOwn(en, key);
}

/** Keys that are missing in a language, for the tests. @param {Language} which */
export function missingKeys(which) {
  return Object.keys(en).filter((key) => !Object.hasOwn(TEXTS[which], key));
}

/**
 * Joins names as the language does.
 *
 * @param {string[]} names
 */
export function listNames(names) {
  return new Intl.ListFormat(language === 'zh' ? 'zh-CN' : 'en', { type: 'conjunction' }).format(names);
}

/**
 * A duration for people: "640 ms", "1.2 s".
 *
 * @param {number} ms
 */
export function formatMs(ms) {
  return ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 9950 ? 2 : 1)} s`;
}

/**
 * Writes the texts into everything below `root` that asks for one: `data-t` (content), `data-t-label` (accessible name and
 * tooltip), `data-t-placeholder`.
 *
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const node of root.querySelectorAll('[data-t], [data-t-label], [data-t-placeholder]')) {
    const { t: text, tLabel: label, tPlaceholder: placeholder } = /** @type {HTMLElement} */ (node).dataset;
    if (text && hasText(text)) node.textContent = t(text);
    if (label && hasText(label)) {
      node.setAttribute('aria-label', t(label));
      if (node.matches('button')) node.setAttribute('title', t(label));
    }
    if (placeholder && hasText(placeholder)) node.setAttribute('placeholder', t(placeholder));
  }
}
