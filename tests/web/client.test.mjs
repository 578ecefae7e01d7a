import assert from 'node:assert/strict';
import test from 'node:test';
import { HubbubClient } from '../../web/sdk/hubbub.js';

/** A socket whose other end is the test. */
class Wire {
  static opened = [];

  constructor(url) {
    this.url = url;
    this.sent = [];
    this.bufferedAmount = 0;
    Wire.opened.push(this);
  }

  send(data) {
    this.sent.push(typeof data === 'string' ? JSON.parse(data) : data);
  }

  close(code = 1000, reason = '') {
    this.onclose?.({ code, reason });
  }

  receive(event) {
    this.onmessage({ data: event instanceof ArrayBuffer ? event : JSON.stringify(event) });
  }

  welcome(session = 's', token = 't') {
    this.onopen();
    this.receive({ type: 'joined', session, resume_token: token, name: 'Ann', participants: [], engines: {}, audio: {} });
  }
}

function connected() {
  Wire.opened = [];
  const client = new HubbubClient({ url: 'ws://x/api/voice', room: 'r', name: 'Ann', WebSocket: Wire, fetch });
  const joining = client.join();
  const wire = Wire.opened[0];
  wire.welcome();
  return { client, wire, joining };
}

/** Nobody tells why a socket was refused. */
const fetch = async () => {
  throw new TypeError('fetch failed');
};

const soon = () => new Promise((resolve) => setImmediate(resolve));

test('joins with what it was given, and says so', async () => {
  const { client, wire, joining } = connected();
  assert.equal((await joining).session, 's');
  assert.equal(client.state, 'open');
  assert.deepEqual(wire.sent[0], { type: 'join', protocol: 1, room: 'r', name: 'Ann',
    audio: { input_rate_hz: 16000, output_rate_hz: 24000, playhead: true }, resume: null });
  client.leave();
  assert.equal(client.state, 'closed');
  assert.equal(wire.sent.at(-1).type, 'leave');
});

test('gives each event under its type, and sound as frames', async () => {
  const { client, wire } = connected();
  const seen = [];
  client.on('transcript', (event) => seen.push(event.text));
  client.on('fault', (event) => seen.push(event.code));
  client.on('audio', (frame) => seen.push(frame.samples.length));
  wire.receive({ type: 'transcript', text: 'hello' });
  wire.receive({ type: 'error', code: 'slow_model', message: '' });
  wire.receive(Uint8Array.from([1, 0, 1, 0, 0, 0, 0, 0, 1, 0]).buffer);
  assert.deepEqual(seen, ['hello', 'slow_model', 1]);
  client.leave();
});

test('sends bytes of sound as they are, none while muted, none over a line that is choked or closing', () => {
  const { client, wire } = connected();
  const sounds = () => wire.sent.filter((message) => message instanceof ArrayBuffer);
  client.sendAudio(Int16Array.from([1, -2]));
  assert.deepEqual(new Int16Array(sounds()[0]), Int16Array.from([1, -2]));
  client.mute(true);
  client.sendAudio(new Int16Array(320));
  client.mute(false);
  wire.bufferedAmount = 100_000;
  client.sendAudio(new Int16Array(320));
  assert.equal(client.droppedMessages, 1);
  wire.bufferedAmount = 0;
  wire.readyState = 2; // it is being closed, and its `close` event is still to come
  client.sendAudio(new Int16Array(320));
  assert.equal(sounds().length, 1);
  assert.equal(client.droppedMessages, 2);
  client.leave();
});

test('a refusal tells the server\'s reason and is not tried again', async () => {
  Wire.opened = [];
  const client = new HubbubClient({ url: 'ws://x', WebSocket: Wire, fetch });
  const joining = client.join();
  const [wire] = Wire.opened;
  wire.onopen();
  wire.receive({ type: 'error', code: 'room_full', message: 'the room is full', fatal: true });
  wire.close(4003);
  await assert.rejects(joining, { code: 'refused', serverCode: 'room_full', message: 'the room is full' });
  assert.equal(client.state, 'closed');
  assert.equal(Wire.opened.length, 1);
});

test('a server that is not there is said to be unreachable', async () => {
  Wire.opened = [];
  const joining = new HubbubClient({ url: 'ws://x', WebSocket: Wire, fetch }).join();
  Wire.opened[0].close(1006);
  await assert.rejects(joining, { code: 'unreachable' });
});

test('why a handshake was refused is asked of the same address', async () => {
  Wire.opened = [];
  const asked = [];
  const ask = async (url, { headers }) => {
    asked.push([url.href, headers.authorization]);
    return Response.json({ error: { code: 'unauthorized', message: 'the token has expired' } }, { status: 401 });
  };
  const joining = new HubbubClient({ url: 'wss://x/', token: 'abc', WebSocket: Wire, fetch: ask }).join();
  assert.equal(Wire.opened[0].url.href, 'wss://x/api/voice?token=abc');
  Wire.opened[0].close(1006);
  await assert.rejects(joining, { code: 'refused', serverCode: 'unauthorized', message: 'the token has expired' });
  assert.deepEqual(asked, [['https://x/api/voice', 'Bearer abc']]);
});

test('who comes back says what it has, and is told the rest', async () => {
  const { client, wire } = connected();
  wire.receive({ type: 'transcript', seq: 41, text: 'hello' });
  wire.receive({ type: 'reply', seq: 42, reply: 3, text: 'hi', final: false });
  client.playhead(3, 4800);
  wire.close(1006);
  client.retryNow();
  Wire.opened[1].welcome();
  await soon();
  const { resume, after, heard } = Wire.opened[1].sent[0];
  assert.deepEqual({ resume, after, heard }, { resume: 't', after: 42, heard: { reply: 3, offset: 4800 } });
  client.leave();
});

test('a page that was loaded anew takes its seat back, or another where that is gone', async () => {
  Wire.opened = [];
  const client = new HubbubClient({ url: 'ws://x', resume: 'old', after: 9, WebSocket: Wire, fetch });
  const joining = client.join();
  assert.deepEqual([Wire.opened[0].url.href, client.resume], ['ws://x/api/voice?resume=old', 'old']);
  Wire.opened[0].onopen();
  assert.equal(Wire.opened[0].sent[0].resume, 'old');
  assert.equal(Wire.opened[0].sent[0].after, 9);
  Wire.opened[0].receive({ type: 'error', code: 'unknown_session', message: 'gone', fatal: true });
  Wire.opened[0].close(4003);
  await soon();
  Wire.opened[1].welcome('s2', 't2');
  assert.equal((await joining).session, 's2');
  assert.equal(Wire.opened[1].sent[0].resume, null);
  assert.equal(Wire.opened[1].sent[0].after, undefined);
  client.leave();
});

test('the other callers\' voices and the keys of a telephone go their ways', () => {
  const { client, wire } = connected();
  const seen = [];
  client.on('voices', (samples) => seen.push(samples.length));
  wire.receive(Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0]).buffer);
  client.dtmf('12#');
  assert.deepEqual(seen, [2]);
  assert.deepEqual(wire.sent.at(-1), { type: 'dtmf', digits: '12#' });
  client.leave();
});

test('where there is no WebRTC, "auto" is WebSocket at once', async () => {
  Wire.opened = [];
  const client = new HubbubClient({ url: 'http://x/', transport: 'auto', WebSocket: Wire, fetch });
  const joining = client.join();
  Wire.opened[0].welcome();
  await joining;
  assert.equal(client.wire, 'websocket');
  client.leave();
  await assert.rejects(new HubbubClient({ url: 'http://x/', transport: 'webrtc', fetch }).join(), { code: 'unsupported' });
});

test('after a lost connection it comes back to its seat, muted as it was', async () => {
  const { client, wire } = connected();
  client.mute(true);
  wire.close(1006);
  assert.equal(client.state, 'waiting');
  assert.throws(() => client.sendText('hello'), { code: 'not-connected' });
  client.retryNow();
  const second = Wire.opened[1];
  second.welcome();
  await soon();
  assert.equal(second.sent[0].resume, 't');
  assert.deepEqual(second.sent[1], { type: 'mute', muted: true });
  assert.equal(client.state, 'open');
  client.leave();
});

test('where the seat is gone it takes a new one', async () => {
  const { client, wire } = connected();
  wire.close(1001);
  client.retryNow();
  Wire.opened[1].onopen();
  Wire.opened[1].receive({ type: 'error', code: 'unknown_session', message: 'gone', fatal: true });
  Wire.opened[1].close(4003);
  await soon();
  assert.equal(client.state, 'waiting');
  client.retryNow();
  Wire.opened[2].welcome('s2', 't2');
  await soon();
  assert.equal(Wire.opened[2].sent[0].resume, null);
  assert.equal(client.joined.session, 's2');
  client.leave();
});

test('it keeps its token while the server is away', async () => {
  const { client, wire } = connected();
  wire.close(1006);
  for (const n of [1, 2, 3]) {
    client.retryNow();
    if (n === 2) Wire.opened[n].onopen();
    Wire.opened[n].close(1006);
    await soon();
    assert.equal(client.state, 'waiting');
  }
  client.retryNow();
  Wire.opened[4].welcome();
  await soon();
  assert.equal(Wire.opened[4].sent[0].resume, 't');
  assert.equal(client.state, 'open');
  client.leave();
});

test('a session that was taken over elsewhere stays closed', async () => {
  const { client, wire } = connected();
  const states = [];
  client.on('state', ({ state, error }) => states.push([state, error?.code]));
  wire.close(4009);
  assert.deepEqual(states, [['closed', 'replaced']]);
});

test('who was sent away is told why and stays out; from a server that closes one comes back', () => {
  const first = connected();
  const states = [];
  first.client.on('state', ({ state, error }) => states.push([state, error?.code, error?.message]));
  first.wire.receive({ type: 'left', reason: 'a moderator took this seat away' });
  first.wire.close(4003);
  assert.deepEqual(states, [['closed', 'removed', 'a moderator took this seat away']]);
  const second = connected();
  second.wire.receive({ type: 'left', reason: 'the server is closing' });
  second.wire.close(1001);
  assert.equal(second.client.state, 'waiting');
  second.client.leave();
});

test('leaving while it waits ends the waiting', async () => {
  const { client, wire } = connected();
  wire.close(1006);
  client.leave();
  assert.equal(client.state, 'closed');
  client.retryNow();
  assert.equal(Wire.opened.length, 1);
});

test('a line that falls quiet is said to be so, and given up when it stays so, or when somebody asks', async (t) => {
  let now = 100_000;
  t.mock.method(performance, 'now', () => now);
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const pass = (ms) => {
    for (const end = now + ms; now < end;) {
      now += 50;
      t.mock.timers.tick(50);
    }
  };
  const { client, wire } = connected();
  const told = [];
  client.on('quiet', (quiet) => told.push(quiet));
  client.on('roundtrip', (ms) => told.push(ms));
  const pings = (each = wire) => each.sent.filter((message) => message.type === 'ping');
  pass(1000);
  assert.equal(pings().length, 1);
  now += 40;
  wire.receive({ type: 'pong', id: pings()[0].id });
  assert.equal(told.length, 1);
  for (let n = 0; n < 5; n++) {
    pass(1000);
    wire.receive({ type: 'floor', mouth: 'idle' });
  }
  assert.equal(told.length, 1, 'any word will do');
  pass(5000);
  assert.equal(told.at(-1), true);
  assert.equal(client.state, 'open');
  wire.receive({ type: 'transcript', text: 'hello' });
  assert.equal(told.at(-1), false);

  client.retryNow();
  assert.equal(Wire.opened.length, 1, 'a line that is well is kept');
  pass(5000);
  client.retryNow();
  assert.equal(Wire.opened.length, 2);
  assert.equal(told.at(-1), false);
  Wire.opened[1].welcome();
  await Promise.resolve();
  assert.equal(Wire.opened[1].sent[0].resume, 't');

  const states = [];
  client.on('state', ({ state, error }) => states.push([state, error?.code]));
  now += 60_000; // the machine slept
  pass(1000);
  assert.equal(client.state, 'open');
  pass(14_000);
  assert.deepEqual(states[0], ['waiting', 'unreachable']);
  client.leave();
});

test('a socket is closed as browsers let a page close one', () => {
  const closes = [];
  const close = Wire.prototype.close;
  Wire.prototype.close = function closed(...how) {
    closes.push(how);
    if (how.length && how[0] !== 1000 && how[0] < 3000) throw new DOMException('', 'InvalidAccessError');
  };
  try {
    connected().client.hangUp();
    connected().client.leave();
  } finally {
    Wire.prototype.close = close;
  }
  assert.deepEqual(closes, [[], [1000, 'left']]);
});
