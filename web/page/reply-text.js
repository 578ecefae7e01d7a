/**
 * The words of a reply and what became of them. Pure: no document.
 *
 * @typedef {import('../sdk/protocol.js').WordTime} WordTime
 * @typedef {{text: string, word: number}} Piece  word: which word it is, or -1 for what stands between words
 * @typedef {'heard' | 'now' | 'coming' | 'unheard'} WordState
 */

/**
 * Cuts a text at its words. Punctuation goes with the word before it. The server counts characters as code points, so this
 * does, too: an emoji is one.
 *
 * @param {string} text
 * @param {readonly WordTime[]} words  in order
 * @returns {Piece[]}  together they are the text
 */
export function cutAtWords(text, words) {
  const points = Array.from(text);
  /** @type {Piece[]} */
  const pieces = [];
  const add = (/** @type {number} */ from, /** @type {number} */ to, word = -1) => {
    if (to > from) pieces.push({ text: points.slice(from, to).join(''), word });
  };
  let done = 0;
  words.forEach((word, index) => {
    if (word.start < done || word.start >= points.length) return;
    add(done, word.start);
    const next = words[index + 1];
    let end = Math.min(points.length, Math.max(word.end, next ? next.start : word.end));
    while (end > word.end && /\s/.test(points[end - 1])) end--;
    add(word.start, end, index);
    done = end;
  });
  add(done, points.length);
  return pieces;
}

/**
 * How many words have begun to sound.
 *
 * @param {readonly WordTime[]} words  in order
 * @param {number} offset  the playhead, in samples
 */
export function wordsBegun(words, offset) {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle].at <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * @param {number} index  of the word
 * @param {number} begun  how many have begun to sound
 * @returns {WordState}
 */
export function stateWhileSpeaking(index, begun) {
  if (index === begun - 1) return 'now';
  return index < begun ? 'heard' : 'coming';
}

/**
 * Adds words to those known, in order of their place, each place once.
 *
 * @param {readonly WordTime[]} known
 * @param {readonly WordTime[]} more
 * @returns {WordTime[]}
 */
export function mergeWords(known, more) {
  const places = new Map(known.map((word) => [word.start, word]));
  for (const word of more) places.set(word.start, word);
  return [...places.values()].sort((a, b) => a.start - b.start);
}
