/**
 * What a room token says of its bearer. It is read, not checked: that is for the server.
 *
 * @typedef {{room: string | null, name: string | null, role: import('./protocol.js').Role, expires: number}} Claims
 *   `expires`: in ms since the epoch, 0 for never
 */

/** @param {string} token  a JWT @returns {Claims | null}  null for none, or for something else */
export function readToken(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0));
    const { room = null, name = null, role = 'speaker', exp = 0 } = JSON.parse(new TextDecoder().decode(bytes));
    return { room, name, role, expires: exp * 1000 };
  } catch {
    return null;
  }
}
