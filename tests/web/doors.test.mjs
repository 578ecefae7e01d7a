import assert from 'node:assert/strict';
import test from 'node:test';
import { inviteLink, qrPath } from '../../web/page/invite.js';
import { steps } from '../../web/page/timeline.js';
import { endpoints, withParameters } from '../../web/sdk/endpoints.js';
import { keepSeat, recallSeat } from '../../web/sdk/seat.js';
import { readToken } from '../../web/sdk/token.js';
import { iceServersOf } from '../../web/sdk/transport/webrtc.js';

test('a server\'s address leads to all its doors, however it is given', () => {
  for (const url of ['https://h.example/', 'https://h.example/?room=x#token=y', 'wss://h.example/api/voice']) {
    const { root, voice, webrtc } = endpoints(url);
    assert.deepEqual([root.href, voice.href, webrtc.href],
      ['https://h.example/', 'wss://h.example/api/voice', 'https://h.example/api/webrtc']);
  }
  assert.equal(endpoints('http://127.0.0.1:8080/below/index.html').voice.href, 'ws://127.0.0.1:8080/below/api/voice');
});

test('what is no address of a server is said to be none', () => {
  assert.throws(() => endpoints('not an address'), { code: 'protocol' });
  assert.throws(() => endpoints('ftp://h.example/'), { code: 'protocol' });
});

test('parameters are escaped, and left out where they are empty', () => {
  const full = withParameters(new URL('http://h/api/webrtc'), { room: 'a b&c', name: '', role: null, resume: undefined });
  assert.equal(full.href, 'http://h/api/webrtc?room=a+b%26c');
});

test('the relays of a Link header are read with their passwords', () => {
  const header = '<stun:s.example:3478>; rel="ice-server", <turns:t.example:443?transport=tcp>; rel="ice-server"; '
    + 'username="hub"; credential="a\\"b, c"; credential-type="password"';
  assert.deepEqual(iceServersOf(header), [
    { urls: 'stun:s.example:3478' },
    { urls: 'turns:t.example:443?transport=tcp', username: 'hub', credential: 'a"b, c' },
  ]);
  assert.deepEqual(iceServersOf(''), []);
});

test('a seat is kept for its server and its room, and what is broken is none', () => {
  const store = new Map();
  const storage = { getItem: (key) => store.get(key) ?? null, setItem: (key, value) => store.set(key, value),
    removeItem: (key) => store.delete(key) };
  const seat = { token: 't', session: 's', name: 'Ann', after: 7 };
  keepSeat(storage, 'http://a/', 'r', seat);
  assert.deepEqual(recallSeat(storage, 'http://a/', 'r'), seat);
  assert.equal(recallSeat(storage, 'http://a/', 'other'), null);
  keepSeat(storage, 'http://a/', 'r', null);
  assert.equal(recallSeat(storage, 'http://a/', 'r'), null);
  store.set('hubbub.seat http://a/ r', '{"token": 5}');
  assert.equal(recallSeat(storage, 'http://a/', 'r'), null);
  assert.equal(recallSeat(null, 'http://a/', 'r'), null);
});

test('a token tells its room and role; anything else tells nothing', () => {
  const payload = Buffer.from(JSON.stringify({ room: 'r', name: '明', role: 'moderator', exp: 2 })).toString('base64url');
  assert.deepEqual(readToken(`x.${payload}.y`), { room: 'r', name: '明', role: 'moderator', expires: 2000 });
  for (const broken of ['', 'x', 'x.y.z', 'a.!!.b']) assert.equal(readToken(broken), null);
});

test('an invitation leads to the room, and hides its token behind the #', () => {
  assert.equal(inviteLink('the pub', 'https://h.example/x/?name=Ann&token=secret'), 'https://h.example/x/?room=the+pub');
  assert.equal(inviteLink('a', 'https://h.example/', 'abc'), 'https://h.example/?room=a#token=abc');
});

test('a QR code has the three corners that a camera looks for', () => {
  const { size, path } = qrPath('https://h.example/?room=default');
  const dark = new Set(path.split('z').map((each) => each.replace(/h1v1h-1$/, '')));
  for (const [x, y] of [[0, 0], [size - 7, 0], [0, size - 7]]) {
    for (let n = 0; n < 7; n++) assert.ok(dark.has(`M${x + n} ${y}`) && dark.has(`M${x} ${y + n}`));
    assert.ok(!dark.has(`M${x + 1} ${y + 1}`));
  }
});

test('the steps of a turn follow each other and fill the whole', () => {
  const latency = { endpoint_ms: 300, asr_ms: 0, model_ms: 100, sentence_ms: 50, tts_ms: 25, send_ms: 5, play_ms: 20, total_ms: 500 };
  const all = steps(latency);
  all.slice(1).forEach((step, n) => assert.ok(Math.abs(step.from - (all[n].from + all[n].share)) < 1e-9));
  assert.ok(Math.abs(all.at(-1).from + all.at(-1).share - 1) < 1e-9);
  assert.equal(all.reduce((sum, step) => sum + step.ms, 0), latency.total_ms);
});
