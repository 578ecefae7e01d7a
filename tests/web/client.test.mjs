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
  const client = new HubbubClient({ url: 'ws://x/api/voice', room: 'r', name: 'Ann', WebSocket: Wire });
  const joining = client.join();
  const wire = Wire.opened[0];
  wire.welcome();
  return { client, wire, joining };
}

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

test('sends bytes of sound as they are, none while muted, none over a line that is choked', () => {
  const { client, wire } = connected();
  const sounds = () => wire.sent.filter((message) => message instanceof ArrayBuffer);
  client.sendAudio(Int16Array.from([1, -2]));
  assert.deepEqual(new Int16Array(sounds()[0]), Int16Array.from([1, -2]));
  client.mute(true);
  client.sendAudio(new Int16Array(320));
  client.mute(false);
  wire.bufferedAmount = 100_000;
  client.sendAudio(new Int16Array(320));
  assert.equal(sounds().length, 1);
  assert.equal(client.droppedMessages, 1);
  client.leave();
});

test('a refusal tells the server\'s reason and is not tried again', async () => {
  Wire.opened = [];
  const client = new HubbubClient({ url: 'ws://x', WebSocket: Wire });
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
  const joining = new HubbubClient({ url: 'ws://x', WebSocket: Wire }).join();
  Wire.opened[0].close(1006);
  await assert.rejects(joining, { code: 'unreachable' });
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

test('leaving while it waits ends the waiting', async () => {
  const { client, wire } = connected();
  wire.close(1006);
  client.leave();
  assert.equal(client.state, 'closed');
  client.retryNow();
  assert.equal(Wire.opened.length, 1);
});
