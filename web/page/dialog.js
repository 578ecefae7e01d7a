/** Windows over the page: native dialogs, which keep the focus and go with Esc. */

import { byId } from './dom.js';

/**
 * A dialog of the page whose cross and whose backdrop close it.
 *
 * @param {string} id
 * @returns {HTMLDialogElement}
 */
export function dialog(id) {
  const box = /** @type {HTMLDialogElement} */ (byId(id));
  box.querySelector('[data-close]')?.addEventListener('click', () => box.close());
  box.addEventListener('click', (event) => event.target === box && box.close());
  return box;
}

/** Whether any stands open. */
export function dialogOpen() {
  return document.querySelector('dialog[open]') !== null;
}
