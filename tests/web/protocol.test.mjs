import assert from 'node:assert/strict';
import test from 'node:test';
import { microphoneError } from '../../web/sdk/errors.js';
import { retryDelayMs } from '../../web/sdk/retry.js';
import { unpackBinary, unwrapReply } from '../../web/sdk/protocol.js';
import { playheadReporter } from '../../web/sdk/talk.js';

test('reads an audio frame as the server packs it', () => {
  // hubbub.voice.protocol.pack_audio(AudioFrame(258, 70000, True, b"\x01\x00\xff\xff"))
  const bytes = Uint8Array.from([1, 1, 2, 1, 0x70, 0x11, 1, 0, 1, 0, 0xff, 0xff]);
  const frame = { reply: 258, offset: 70000, last: true, samples: Int16Array.from([1, -1]) };
  assert.deepEqual(unpackBinary(bytes.buffer), { kind: 'reply', frame });
});

test('reads the other callers\' voices', () => {
  // hubbub.voice.protocol.pack_voices(b"\x01\x00\xff\xff")
  const bytes = Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xff, 0xff]);
  assert.deepEqual(unpackBinary(bytes.buffer), { kind: 'voices', samples: Int16Array.from([1, -1]) });
});

test('a frame of a kind that is not known, or of half a sample, is nothing', () => {
  assert.equal(unpackBinary(Uint8Array.from([9, 0, 0, 0, 0, 0, 0, 0]).buffer), null);
  assert.equal(unpackBinary(Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0, 5]).buffer), null);
  assert.equal(unpackBinary(new ArrayBuffer(3)), null);
});

test('the number of a reply survives its 16 bits on the wire', () => {
  for (const reply of [1, 65535, 65536, 65537, 131072, 200000]) {
    for (const newest of [reply - 3, reply, reply + 3]) {
      assert.equal(unwrapReply(reply & 0xffff, Math.max(0, newest)), reply);
    }
  }
});

test('tries come less and less often, up to 15 s, and not all at once', () => {
  assert.ok(retryDelayMs(0, 1) <= 500);
  assert.ok(retryDelayMs(3, 0) > retryDelayMs(0, 1));
  assert.equal(retryDelayMs(99, 1), 15000);
  assert.notEqual(retryDelayMs(4, 0.1), retryDelayMs(4, 0.9));
});

test('each way of not getting a microphone has its own code', () => {
  const code = (name, message = '') => microphoneError(Object.assign(new Error(message), { name })).code;
  assert.equal(code('NotAllowedError', 'Permission denied'), 'permission-refused');
  assert.equal(code('NotAllowedError', 'Permission denied by system'), 'permission-system');
  assert.equal(code('NotFoundError'), 'no-microphone');
  assert.equal(code('NotReadableError'), 'microphone-busy');
  assert.equal(code('TypeError'), 'microphone-failed');
});

test('the playhead is told at its first movement, every 100 ms, and at every stop', () => {
  const told = [];
  let now = 0;
  const report = playheadReporter((reply, offset) => told.push([reply, offset]), () => now);
  const at = (ms, moment, reply, offset) => {
    now = ms;
    report({ moment, reply, offset });
  };
  at(0, 'start', 1, 0);
  at(10, 'progress', 1, 240);
  at(60, 'progress', 1, 1440);
  at(110, 'progress', 1, 2640);
  at(160, 'progress', 1, 3840);
  at(170, 'hold', 1, 4000);
  at(171, 'clear', 1, 4000);
  at(180, 'progress', 2, 100);
  assert.deepEqual(told, [[1, 240], [1, 2640], [1, 4000], [1, 4000], [2, 100]]);
});
