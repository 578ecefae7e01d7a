import assert from 'node:assert/strict';
import test from 'node:test';
import { PlaybackBuffer } from '../../web/sdk/playback-buffer.js';

const RATE_HZ = 24000;
const FRAME = 480;

/** A frame of a rising line, so that each sample says where it stands in its reply. */
function frame(reply, offset, { last = false, count = FRAME } = {}) {
  const samples = Int16Array.from({ length: count }, (_, i) => offset + i + 1);
  return { reply, offset, last, samples };
}

function filled(frames, reply = 1) {
  const buffer = new PlaybackBuffer(RATE_HZ);
  for (let n = 0; n < frames; n++) buffer.push(frame(reply, n * FRAME, { last: n === frames - 1 }));
  return buffer;
}

function pull(buffer, count) {
  const out = new Float32Array(count);
  for (let at = 0; at < count; at += 128) buffer.pull(out.subarray(at, Math.min(count, at + 128)));
  return out;
}

/** The place in the reply that a full-volume sample came from. */
const place = (sample) => Math.round(sample * 32768) - 1;

test('plays a reply from its first sample to its last, and says when it ends', () => {
  const buffer = filled(10);
  const out = pull(buffer, 10 * FRAME + 1000);
  assert.equal(place(out[500]), 500);
  assert.equal(place(out[10 * FRAME - 1]), 10 * FRAME - 1);
  assert.ok(out.subarray(10 * FRAME).every((sample) => sample === 0));
  const moments = buffer.takeReports();
  assert.equal(moments[0].moment, 'start');
  assert.deepEqual(moments.at(-1), { moment: 'end', reply: 1, offset: 10 * FRAME });
});

test('waits for 40 ms of sound before it begins, but not for ever', () => {
  const buffer = new PlaybackBuffer(RATE_HZ);
  buffer.push(frame(1, 0));
  assert.ok(pull(buffer, 512).every((sample) => sample === 0));
  buffer.push(frame(1, FRAME));
  assert.ok(pull(buffer, 256).some((sample) => sample > 0));

  const slow = new PlaybackBuffer(RATE_HZ);
  slow.push(frame(1, 0));
  assert.ok(pull(slow, 2048).some((sample) => sample > 0), 'a short piece alone is played after 40 ms');
});

test('a short reply that is complete begins at once', () => {
  const buffer = new PlaybackBuffer(RATE_HZ);
  buffer.push(frame(1, 0, { last: true, count: 200 }));
  assert.ok(pull(buffer, 128).some((sample) => sample > 0));
});

test('a hold is silent after 5 ms, keeps what is there, and a resume goes on with the very next sample', () => {
  const buffer = filled(20);
  pull(buffer, 1280);
  buffer.hold(1);
  const after = pull(buffer, 1024);
  assert.ok(after.subarray(0, 60).some((sample) => sample > 0), 'it fades rather than clicks');
  assert.ok(after.subarray(120).every((sample) => sample === 0), '5 ms at 24 kHz are 120 samples');
  const held = buffer.takeReports().find(({ moment }) => moment === 'hold');
  assert.equal(held?.offset, 1280);
  buffer.resume(1);
  const again = pull(buffer, 512);
  assert.equal(place(again[300]), 1280 + 300);
});

test('while it is held nothing is played, however much comes', () => {
  const buffer = filled(5);
  pull(buffer, 256);
  buffer.hold(1);
  pull(buffer, 256);
  for (let n = 0; n < 5; n++) buffer.push(frame(1, (5 + n) * FRAME));
  assert.ok(pull(buffer, 4096).every((sample) => sample === 0));
  assert.equal(buffer.position.offset, 256);
});

test('a cleared reply is dropped with every frame of it that comes later; the next one plays', () => {
  const buffer = filled(10);
  pull(buffer, 640);
  buffer.clear(1);
  assert.deepEqual(buffer.takeReports().at(-1), { moment: 'clear', reply: 1, offset: 640 });
  buffer.push(frame(1, 10 * FRAME));
  assert.equal(buffer.buffered, 0);
  assert.ok(pull(buffer, 2048).subarray(128).every((sample) => sample === 0));
  for (let n = 0; n < 4; n++) buffer.push(frame(2, n * FRAME));
  assert.equal(place(pull(buffer, 512)[400]), 400);
});

test('a clear of a reply that waits behind another leaves that one alone', () => {
  const buffer = filled(4, 1);
  for (let n = 0; n < 4; n++) buffer.push(frame(2, n * FRAME));
  pull(buffer, 256);
  buffer.clear(2);
  assert.equal(place(pull(buffer, 256)[10]), 266);
  assert.equal(buffer.buffered, 4 * FRAME - 512);
});

test('where it runs dry it says how far it came, and goes on when sound comes', () => {
  const buffer = new PlaybackBuffer(RATE_HZ);
  for (let n = 0; n < 3; n++) buffer.push(frame(1, n * FRAME));
  pull(buffer, 3 * FRAME + 512);
  assert.deepEqual(buffer.takeReports().at(-1), { moment: 'dry', reply: 1, offset: 3 * FRAME });
  for (let n = 3; n < 6; n++) buffer.push(frame(1, n * FRAME));
  assert.equal(place(pull(buffer, 512)[400]), 3 * FRAME + 400);
});

test('no step of the sound is larger than the fade allows', () => {
  const buffer = new PlaybackBuffer(RATE_HZ);
  const loud = new Int16Array(FRAME).fill(30000);
  for (let n = 0; n < 20; n++) buffer.push({ reply: 1, offset: n * FRAME, last: false, samples: loud.slice() });
  const sounds = [pull(buffer, 1024)];
  buffer.hold(1);
  sounds.push(pull(buffer, 512));
  buffer.resume(1);
  sounds.push(pull(buffer, 1024));
  buffer.clear(1);
  sounds.push(pull(buffer, 512));
  let before = 0;
  for (const sample of sounds.flatMap((sound) => [...sound])) {
    assert.ok(Math.abs(sample - before) < 0.02, `a step of ${Math.abs(sample - before)}`);
    before = sample;
  }
});

test('what exceeds the limit is dropped and counted', () => {
  const buffer = new PlaybackBuffer(RATE_HZ, { limitMs: 100 });
  for (let n = 0; n < 10; n++) buffer.push(frame(1, n * FRAME));
  assert.equal(buffer.buffered, 5 * FRAME);
  assert.equal(buffer.dropped, 5 * FRAME);
});

test('any cutting of the pulls plays the same sound', () => {
  for (const size of [1, 7, 128, 1000]) {
    const buffer = filled(6);
    const out = new Float32Array(6 * FRAME);
    for (let at = 0; at < out.length; at += size) buffer.pull(out.subarray(at, Math.min(out.length, at + size)));
    assert.equal(place(out[6 * FRAME - 1]), 6 * FRAME - 1, `pulls of ${size}`);
  }
});

test('a reset forgets the dead, since replies are counted anew', () => {
  const buffer = filled(4);
  buffer.clear(1);
  buffer.reset();
  for (let n = 0; n < 4; n++) buffer.push(frame(1, n * FRAME));
  assert.equal(place(pull(buffer, 512)[400]), 400);
});
