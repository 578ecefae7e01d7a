/**
 * Messages across the top: what happened, what to do, and a button that does it.
 *
 * @typedef {object} Notice
 * @property {string} title
 * @property {string} advice
 * @property {string} [detail]  the technical sentence, for those who ask
 * @property {'error' | 'info'} [tone]
 * @property {{label: string, act: () => void}[]} [actions]
 * @property {boolean} [lasting]  cannot be dismissed: it goes when what it tells of ends
 */

import { t } from '../i18n.js';
import { el, icon } from './dom.js';

export class Notices {
  /** @param {HTMLElement} root @param {HTMLElement} alerts  the region that screen readers read out at once */
  constructor(root, alerts) {
    this.root = root;
    this.alerts = alerts;
    /** @type {Map<string, {item: HTMLElement, advice: HTMLElement}>} */
    this.shown = new Map();
  }

  /**
   * Shows a notice, in place of the one of the same key.
   *
   * @param {string} key
   * @param {Notice} notice
   */
  show(key, { title, advice, detail = '', tone = 'error', actions = [], lasting = false }) {
    const text = el('p', { class: 'advice', text: advice });
    const body = el('div', { class: 'what' }, el('p', { class: 'title', text: title }), text);
    if (detail) body.append(el('p', { class: 'detail', text: t('notice.detail', { detail }) }));
    const buttons = actions.map(({ label, act }) => el('button', { type: 'button', class: 'small', text: label, click: act }));
    if (buttons.length) body.append(el('div', { class: 'row' }, ...buttons));
    const item = el('section', { class: 'notice', data: { tone, key, lasting: String(lasting) } }, icon(tone === 'error' ? 'alert' : 'info'), body);
    if (!lasting) {
      const close = el('button', { type: 'button', class: 'quiet icon', 'aria-label': t('notice.dismiss'),
        title: t('notice.dismiss'), click: () => this.hide(key) });
      close.append(icon('close'));
      item.append(close);
    }
    const before = this.shown.get(key);
    if (before) before.item.replaceWith(item);
    else this.root.append(item);
    this.shown.set(key, { item, advice: text });
    this.alerts.textContent = `${title}. ${advice}`;
  }

  /** Changes the advice of a notice that is shown, quietly. @param {string} key @param {string} advice */
  change(key, advice) {
    const notice = this.shown.get(key);
    if (notice && notice.advice.textContent !== advice) notice.advice.textContent = advice;
  }

  /** @param {string} key */
  hide(key) {
    this.shown.get(key)?.item.remove();
    this.shown.delete(key);
  }

  clear() {
    for (const key of [...this.shown.keys()]) this.hide(key);
  }
}
