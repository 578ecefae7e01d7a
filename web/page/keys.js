/**
 * The keys of the room. They do nothing while one types or a window stands open.
 *
 * @typedef {object} Keys
 * @property {() => void} interrupt  Esc
 * @property {() => void} mute  M
 * @property {() => void} text  /
 * @property {() => void} details  D
 * @property {() => void} invite  I
 * @property {(down: boolean) => boolean} talk  the space bar; false where it is not wanted
 */

import { dialogOpen } from './dialog.js';

/** Listens. Returns what ends that. @param {Keys} keys */
export function listenToKeys(keys) {
  const listening = new AbortController();
  const { signal } = listening;
  document.addEventListener('keydown', (event) => down(event, keys), { signal });
  document.addEventListener('keyup', (event) => {
    if (event.code === 'Space' && keys.talk(false)) event.preventDefault();
  }, { signal });
  addEventListener('blur', () => keys.talk(false), { signal }); // the key's end would not be heard of
  return () => listening.abort();
}

/** @param {KeyboardEvent} event @param {Keys} keys */
function down(event, keys) {
  if (event.defaultPrevented || event.isComposing || dialogOpen()) return;
  if (event.key === 'Escape') return keys.interrupt();
  if (event.ctrlKey || event.metaKey || event.altKey || types(event.target)) return;
  if (event.code === 'Space') {
    if (pressable(event.target)) return; // it presses what has the focus
    if (keys.talk(true)) event.preventDefault();
    return;
  }
  if (event.repeat) return;
  const act = { m: keys.mute, '/': keys.text, d: keys.details, i: keys.invite }[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
}

/** @param {EventTarget | null} target */
function pressable(target) {
  return target instanceof HTMLElement && target.id !== 'mute' && target.closest('button, a, summary') !== null;
}

/** @param {EventTarget | null} target */
function types(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
