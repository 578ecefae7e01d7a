/**
 * What can go wrong on the way to a conversation. The code is for programs; a page has its own words for each.
 *
 * @typedef {'insecure-origin' | 'unsupported' | 'permission-refused' | 'permission-system' | 'no-microphone'
 *   | 'microphone-busy' | 'microphone-lost' | 'microphone-failed' | 'no-speaker' | 'worklet-missing' | 'sound-blocked'
 *   | 'unreachable' | 'refused' | 'removed' | 'replaced' | 'protocol' | 'not-connected'} ErrorCode
 */

import { CloseCode } from './protocol.js';

/** An error with a code to act on, and a sentence for the log. */
export class HubbubError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {{cause?: unknown, serverCode?: string}} [more]  `serverCode`: the code of the server's `error` event
   */
  constructor(code, message, more = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'HubbubError';
    this.code = code;
    this.serverCode = more.serverCode ?? '';
  }
}

/**
 * The HubbubError that the end of a connection means.
 *
 * @param {import('./transport/link.js').Closing} close
 * @param {import('./protocol.js').ServerFault | null} said  the server's last `error` event on it
 */
export function explainClose(close, said) {
  const more = { serverCode: said?.code ?? '' };
  const { code, reason } = close;
  if (code === CloseCode.REPLACED) return new HubbubError('replaced', reason || 'the session was taken over', more);
  if (code === CloseCode.REFUSED || said?.fatal) {
    return new HubbubError('refused', said?.message || reason || 'the server refused', more);
  }
  if (code === CloseCode.BAD_MESSAGE || code === CloseCode.TOO_BIG) {
    return new HubbubError('protocol', said?.message || reason || 'the server did not understand', more);
  }
  return new HubbubError('unreachable', reason || `the connection was closed (code ${code})`, more);
}

/**
 * The HubbubError that an error of `getUserMedia` means.
 *
 * @param {unknown} error
 * @returns {HubbubError}
 */
export function microphoneError(error) {
  const name = error instanceof Error ? error.name : '';
  const said = error instanceof Error ? error.message : String(error);
  const cause = { cause: error };
  if (name === 'NotAllowedError' || name === 'SecurityError') {
    // Chromium says "Permission denied by system" where the operating system, not the person, said no.
    if (/system/i.test(said)) return new HubbubError('permission-system', said, cause);
    return new HubbubError('permission-refused', said, cause);
  }
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return new HubbubError('no-microphone', said, cause);
  if (name === 'NotReadableError' || name === 'AbortError') return new HubbubError('microphone-busy', said, cause);
  return new HubbubError('microphone-failed', said || name, cause);
}
