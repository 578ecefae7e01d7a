/** Beginning and ending an AudioContext, which browsers do each in their own way. */

import { HubbubError } from './errors.js';

/** A browser without a sound card to keep time by (Firefox) leaves a context waiting for ever, as one does that wants a click. */
const START_PATIENCE_MS = 1500;

/** @type {WeakMap<AudioContext, Promise<void>>} */
const closing = new WeakMap();

/** @param {AudioContext} context @throws {HubbubError} `sound-blocked` where the browser does not let the sound begin */
export async function startContext(context) {
  const patience = new Promise((resolve) => setTimeout(resolve, START_PATIENCE_MS));
  await Promise.race([context.resume(), patience]);
  if (context.state !== 'running') {
    throw new HubbubError('sound-blocked', `the browser did not start the sound (its state is "${context.state}")`);
  }
}

/** Closes it, once: some refuse a second time, others have closed it by then. @param {AudioContext} context */
export function closeContext(context) {
  const before = closing.get(context);
  if (before) return before;
  const closed = context.state === 'closed' ? Promise.resolve() : context.close();
  closing.set(context, closed);
  return closed;
}
