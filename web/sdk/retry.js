/** When a lost connection is tried again. Pure. */

import { CloseCode } from './protocol.js';

const FIRST_MS = 500;
const LAST_MS = 15_000;

/** The one farewell after which it is worth coming back: another server may take its place. */
export const CLOSING = 'the server is closing';

/** @type {readonly number[]} closes after which trying again would only be refused again */
export const FINAL_CODES = [CloseCode.NORMAL, CloseCode.BAD_MESSAGE, CloseCode.TOO_BIG, CloseCode.REFUSED, CloseCode.REPLACED];

/**
 * How long to wait before the next try: doubling, up to a limit, and spread so that a server that comes back is not met by
 * all its callers at once.
 *
 * @param {number} attempt  how many tries have failed
 * @param {number} random  from 0 to 1
 */
export function retryDelayMs(attempt, random) {
  const full = Math.min(LAST_MS, FIRST_MS * 2 ** attempt);
  return Math.round(full * (0.75 + random / 4));
}
