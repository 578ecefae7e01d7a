/**
 * Where a seat's token is kept over a reload of the page: in the tab's own storage, which ends with the tab.
 *
 * @typedef {{token: string, session: string, name: string, after: number}} Seat  `after`: the number of the last event that came
 */

/** @param {string} root @param {string} room */
function keyOf(root, room) {
  return `hubbub.seat ${root} ${room}`;
}

/** The tab's storage, where there is one and it may be used. @returns {Storage | null} */
export function tabStorage() {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null; // storage is forbidden here
  }
}

/** @param {Storage | null} storage @param {string | URL} root @param {string} room @returns {Seat | null} */
export function recallSeat(storage, root, room) {
  try {
    const seat = JSON.parse(storage?.getItem(keyOf(String(root), room)) ?? 'null');
    return typeof seat?.token === 'string' ? seat : null;
  } catch {
    return null;
  }
}

/** @param {Storage | null} storage @param {string | URL} root @param {string} room @param {Seat | null} seat  null: forget it */
export function keepSeat(storage, root, room, seat) {
  try {
    if (seat) storage?.setItem(keyOf(String(root), room), JSON.stringify(seat));
    else storage?.removeItem(keyOf(String(root), room));
  } catch {
    // The storage is full or forbidden: a reload takes a new seat.
  }
}
