import assert from 'node:assert/strict';
import test from 'node:test';
import { formatMs, hasText, missingKeys, pickLanguage, setLanguage, t } from '../../web/i18n.js';
import { cutAtWords, mergeWords, stateWhileSpeaking, wordsBegun } from '../../web/page/reply-text.js';
import { barLength } from '../../web/page/strip.js';

const word = (start, end, at = 0) => ({ start, end, at });

test('a text is cut at its words, and the pieces are the text', () => {
  const text = 'Hello, Ann! How are you?';
  const pieces = cutAtWords(text, [word(0, 5), word(7, 10), word(12, 15), word(16, 19), word(20, 23)]);
  assert.equal(pieces.map((piece) => piece.text).join(''), text);
  assert.deepEqual(pieces.filter((piece) => piece.word >= 0).map((piece) => piece.text),
    ['Hello,', 'Ann!', 'How', 'are', 'you']);
});

test('places are counted in characters as the server counts them', () => {
  const pieces = cutAtWords('👋🏽 hi there', [word(3, 5), word(6, 11)]);
  assert.deepEqual(pieces.filter((piece) => piece.word >= 0).map((piece) => piece.text), ['hi', 'there']);
});

test('words beyond the text so far wait for it', () => {
  const pieces = cutAtWords('one two', [word(0, 3), word(4, 7), word(8, 13)]);
  assert.equal(pieces.map((piece) => piece.text).join(''), 'one two');
});

test('the word being heard is the last that has begun', () => {
  const words = [word(0, 1, 0), word(2, 3, 1000), word(4, 5, 2000)];
  assert.equal(wordsBegun(words, 999), 1);
  assert.equal(wordsBegun(words, 1000), 2);
  assert.equal(wordsBegun(words, 99999), 3);
  assert.deepEqual([0, 1, 2].map((index) => stateWhileSpeaking(index, 2)), ['heard', 'now', 'coming']);
});

test('words told twice are known once, in order', () => {
  assert.deepEqual(mergeWords([word(0, 1), word(4, 5)], [word(4, 5, 7), word(2, 3)]), [word(0, 1), word(2, 3), word(4, 5, 7)]);
});

test('every text is there in Chinese', () => {
  assert.deepEqual(missingKeys('zh'), []);
});

test('the language is the one asked for, else the first that is known', () => {
  assert.equal(pickLanguage('zh', ['en-GB']), 'zh');
  assert.equal(pickLanguage(null, ['fr', 'zh-TW', 'en']), 'zh');
  assert.equal(pickLanguage('xx', ['de']), 'en');
});

test('a text takes its parameters as they are', () => {
  setLanguage('en');
  assert.equal(t('caption.joined', { name: '<b>$&' }), '<b>$& came in');
  assert.equal(hasText('no.such.key'), false);
});

test('times read well', () => {
  assert.equal(formatMs(48.4), '48 ms');
  assert.equal(formatMs(1234), '1.23 s');
  assert.equal(formatMs(12345), '12.3 s');
});

test('the meter is empty in silence and full when loud', () => {
  assert.equal(barLength(0), 0);
  assert.equal(barLength(1), 1);
  assert.ok(barLength(0.1) > barLength(0.01));
});
