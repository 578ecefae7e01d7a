import assert from 'node:assert/strict';
import test from 'node:test';
import { PlayheadClock } from '../../web/sdk/playhead-clock.js';
import { VoicesBuffer } from '../../web/sdk/voices-buffer.js';

const RATE = 24_000;
const frame = (value, ms = 20) => new Int16Array((RATE * ms) / 1000).fill(value);

function heard(buffer, ms) {
  const out = new Float32Array((RATE * ms) / 1000);
  buffer.addTo(out);
  return out;
}

test('voices wait until there is enough against the jitter, and then flow', () => {
  const buffer = new VoicesBuffer(RATE, { startMs: 50 });
  buffer.push(frame(16384));
  buffer.push(frame(16384));
  assert.ok(heard(buffer, 10).every((sample) => sample === 0));
  buffer.push(frame(16384));
  assert.ok(heard(buffer, 60).every((sample) => sample === 0.5));
});

test('voices are added to what is there, and never beyond full loudness', () => {
  const buffer = new VoicesBuffer(RATE, { startMs: 20 });
  buffer.push(frame(16384));
  const out = new Float32Array(480).fill(0.75);
  buffer.addTo(out);
  assert.ok(out.every((sample) => sample === 1));
});

test('voices that pile up lose their oldest part, so that the delay does not stay', () => {
  const buffer = new VoicesBuffer(RATE, { startMs: 40, limitMs: 200 });
  for (let n = 1; n <= 30; n++) buffer.push(frame(n * 100));
  assert.ok(buffer.buffered <= (RATE * 200) / 1000);
  assert.equal(buffer.buffered + buffer.dropped, 30 * 480);
  const out = heard(buffer, 200);
  const last = out.filter((sample) => sample !== 0).at(-1);
  assert.ok(Math.abs(last - 3000 / 32768) < 1e-6, 'the newest is there');
});

test('voices that run dry wait anew', () => {
  const buffer = new VoicesBuffer(RATE, { startMs: 40 });
  buffer.push(frame(1000, 40));
  assert.equal(heard(buffer, 60).filter((sample) => sample !== 0).length, 960);
  buffer.push(frame(1000, 20));
  assert.ok(heard(buffer, 20).every((sample) => sample === 0));
});

test('a stream\'s playhead is exact where the browser tells what it plays', () => {
  const clock = new PlayheadClock(RATE);
  clock.take({ type: 'playing', reply: 3, offset: 4800, rtp: 0xffff_ff00 }, 0);
  assert.deepEqual(clock.at(0, 0xffff_fe00), { reply: 3, offset: 4800 }, 'what sounds is still from before');
  assert.deepEqual(clock.at(500, (0xffff_ff00 + 48_000) >>> 0), { reply: 3, offset: 4800 + 24_000 }, 'and the numbers go round');
  clock.take({ type: 'hold', reply: 3 }, 500);
  assert.equal(clock.flowing, false);
});

test('what was on its way at a hold is known to be heard, and shown no further', () => {
  const clock = new PlayheadClock(RATE);
  clock.take({ type: 'playing', reply: 3, offset: 0, rtp: 1000 }, 0);
  clock.take({ type: 'hold', reply: 3 }, 500, 1000 + 24_000);
  assert.equal(clock.at(560, 1000 + 26_880).offset, 12_000, 'captions stand still');
  assert.deepEqual(clock.known(560, 1000 + 26_880), { reply: 3, offset: 13_440 });
  assert.equal(clock.known(560, null), null, 'where the browser does not tell, nobody does');
  assert.equal(clock.known(2000, 1000 + 90_000), null, 'what comes later is no sound of the reply');
  clock.take({ type: 'resume', reply: 3 }, 3000);
  assert.equal(clock.known(3001, 1000 + 144_000), null, 'the stream went on without it');
  clock.take({ type: 'playing', reply: 3, offset: 13_440, rtp: 200_000 }, 3010);
  assert.deepEqual(clock.known(3050, 199_000), { reply: 3, offset: 13_440 });
  clock.take({ type: 'clear', reply: 3 }, 3100, 200_960);
  assert.equal(clock.known(3100, 200_960), null, 'what was cut has been counted');
});

test('a stream\'s playhead follows the floor and the clock where nothing better is told', () => {
  const clock = new PlayheadClock(RATE);
  clock.take({ type: 'reply', reply: 1, final: false }, 0);
  clock.take({ type: 'floor', mouth: 'speaking' }, 100);
  const start = clock.at(1190).offset;
  assert.equal(start, 24_000, 'a second after it began to be heard');
  clock.take({ type: 'hold', reply: 1 }, 1190);
  assert.equal(clock.at(5000).offset, 24_000);
  clock.take({ type: 'resume', reply: 1 }, 5000);
  assert.equal(clock.at(5500).offset, 36_000);
  clock.take({ type: 'clear', reply: 1 }, 5500);
  assert.equal(clock.at(9000).offset, 36_000);
  clock.take({ type: 'words', reply: 1 }, 9000);
  clock.take({ type: 'floor', mouth: 'speaking' }, 9000);
  assert.equal(clock.at(9500).offset, 36_000, 'a reply that was cut sounds no more');
  clock.take({ type: 'words', reply: 2 }, 9600);
  assert.deepEqual(clock.at(9600 + 90 + 1000), { reply: 2, offset: 24_000 });
});

test('another session begins with nothing of the one before', () => {
  const clock = new PlayheadClock(RATE);
  clock.take({ type: 'reply', reply: 7, text: 'one', final: false }, 0);
  clock.take({ type: 'playing', reply: 7, offset: 4800, rtp: 0 }, 0);
  assert.deepEqual(clock.at(0), { reply: 7, offset: 4800 });
  clock.reset();
  assert.deepEqual(clock.at(100), { reply: 0, offset: 0 });
  clock.take({ type: 'playing', reply: 1, offset: 240, rtp: 0 }, 100);
  assert.deepEqual(clock.at(100), { reply: 1, offset: 240 }, 'replies are counted anew');

  const buffer = new VoicesBuffer(RATE, { startMs: 20 });
  buffer.push(new Int16Array(RATE / 10).fill(8000));
  buffer.reset();
  const out = new Float32Array(480);
  buffer.addTo(out);
  assert.ok(out.every((sample) => sample === 0));
});
