/** WebRTC and WebSocket on the way to one seat, in simulated time: the faster one wins, and there is never a second seat. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { HubbubClient } from '../../web/sdk/hubbub.js';
import { HEAD_START_MS } from '../../web/sdk/transport/attempt.js';

/** A peer whose network is the test. */
class Peer {
  static made = [];
  static candidates = 'a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n';

  constructor() {
    this.iceGatheringState = 'complete';
    this.iceConnectionState = 'new';
    this.connectionState = 'new';
    this.closed = false;
    Peer.made.push(this);
  }

  createDataChannel() {
    this.channel = { readyState: 'connecting', send: () => {} };
    return this.channel;
  }

  addTransceiver() {
    return { sender: { replaceTrack: async () => {} }, receiver: {} };
  }

  async setLocalDescription() {
    this.localDescription = { sdp: `v=0\r\n${Peer.candidates}` };
  }

  async setRemoteDescription() {}

  setConfiguration() {}

  close() {
    this.closed = true;
  }

  ice(state) {
    this.iceConnectionState = state;
    this.oniceconnectionstatechange();
  }

  welcome() {
    this.channel.readyState = 'open';
    this.channel.onmessage({ data: JSON.stringify(JOINED) });
  }
}

class Socket {
  static made = [];

  constructor(url) {
    this.url = url;
    this.sent = [];
    Socket.made.push(this);
  }

  send(data) {
    this.sent.push(JSON.parse(data));
  }

  close(code, reason) {
    this.closed = { code, reason };
  }

  receive(event) {
    this.onmessage({ data: JSON.stringify(event) });
  }
}

const JOINED = { type: 'joined', session: 's', resume_token: 'seat', name: 'Ann', participants: [], engines: {}, audio: {} };
const flush = async () => {
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
};

/** A client that joins in a world of its own. @param {{resume?: string | null, webrtc?: boolean, candidates?: string}} [world] */
async function joins(t, { resume = 'seat', webrtc = true, candidates = 'a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n' } = {}) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  Object.assign(Peer, { made: [], candidates });
  Socket.made = [];
  const asked = [];
  const before = { RTCPeerConnection: globalThis.RTCPeerConnection, MediaStream: globalThis.MediaStream, fetch: globalThis.fetch };
  const answer = async (url, { method = 'GET' } = {}) => {
    asked.push(`${method} ${new URL(url).pathname}`);
    if (method === 'OPTIONS') return new Response(null, { status: webrtc ? 204 : 404 });
    if (method === 'POST') return new Response('v=0', { status: 201, headers: { location: '/api/webrtc/p1', ...(resume ? { 'hubbub-resume': resume } : {}) } });
    return new Response('{}', { status: method === 'DELETE' ? 200 : 426 });
  };
  Object.assign(globalThis, { RTCPeerConnection: Peer, MediaStream: class {}, fetch: answer });
  const client = new HubbubClient({ url: 'https://h.example/', name: 'Ann', token: 'once', transport: 'auto', WebSocket: Socket });
  t.after(() => {
    client.leave();
    Object.assign(globalThis, before);
  });
  const joining = client.join();
  joining.catch(() => {});
  await flush();
  return { client, joining, asked, tick: async (ms) => (t.mock.timers.tick(ms), flush()) };
}

test('where UDP finds no way, the WebSocket takes the same seat over after a second', async (t) => {
  const { client, joining, asked, tick } = await joins(t);
  await tick(HEAD_START_MS - 1);
  assert.equal(Socket.made.length, 0);
  await tick(1);
  const [socket] = Socket.made;
  assert.deepEqual([socket.url.searchParams.get('resume'), socket.sent.length], ['seat', 0], 'it stands by, and asks for nothing');
  await tick(60);
  socket.onopen();
  await flush();
  assert.ok(Peer.made[0].closed, 'WebRTC is given up before the seat is asked for');
  assert.equal(socket.sent.length, 1);
  const { type, resume, after } = socket.sent[0];
  assert.deepEqual({ type, resume, after }, { type: 'join', resume: 'seat', after: 0 });
  assert.deepEqual(asked, ['OPTIONS /api/webrtc', 'POST /api/webrtc'], 'nothing has let the seat go');
  socket.receive(JOINED);
  assert.equal((await joining).session, 's');
  assert.equal(client.wire, 'websocket');
  await flush();
  assert.deepEqual(asked.slice(2), ['DELETE /api/webrtc/p1'], 'the server need not wait for the peer');
  socket.onclose({ code: 1006, reason: '' });
  client.retryNow();
  assert.deepEqual([Peer.made.length, Socket.made.length], [1, 2], 'what is blocked is not tried again');
});

test('where the way opens at once, there is no WebSocket', async (t) => {
  const { client, joining, tick } = await joins(t);
  await tick(200);
  Peer.made[0].ice('connected');
  await tick(900);
  Peer.made[0].welcome();
  await joining;
  assert.deepEqual([client.wire, Socket.made.length], ['webrtc', 0]);
  await tick(30_000);
  assert.equal(Socket.made.length, 0);
});

test('where the way opens while the WebSocket sets out, WebRTC keeps the seat', async (t) => {
  const { client, joining, asked, tick } = await joins(t);
  await tick(HEAD_START_MS + 100);
  Peer.made[0].ice('connected');
  await tick(1500); // DTLS and SCTP have their own time
  Peer.made[0].welcome();
  await joining;
  assert.equal(client.wire, 'webrtc');
  assert.deepEqual([Socket.made[0].closed.code, Socket.made[0].sent], [1000, []]);
  assert.ok(!asked.some((request) => request.startsWith('DELETE')));
});

test('a WebSocket that is refused leaves WebRTC its time', async (t) => {
  const { client, joining, tick } = await joins(t);
  const faults = [];
  client.on('fault', (fault) => faults.push(fault));
  await tick(HEAD_START_MS);
  Socket.made[0].onclose({ code: 1006, reason: '' });
  await tick(500);
  Peer.made[0].ice('connected');
  Peer.made[0].welcome();
  await joining;
  assert.deepEqual([client.wire, faults], ['webrtc', []]);
});

test('a way that opens and leads nowhere is followed by the WebSocket, with the same seat', async (t) => {
  const { client, joining, tick } = await joins(t);
  await tick(300);
  Peer.made[0].ice('connected');
  await tick(1999);
  assert.equal(Socket.made.length, 0);
  await tick(1);
  const [socket] = Socket.made;
  socket.onopen();
  assert.equal(socket.sent[0].resume, 'seat');
  socket.receive(JOINED);
  await joining;
  assert.equal(client.wire, 'websocket');
});

test('a machine with nothing to send from, and a server without WebRTC, cost no time', async (t) => {
  await t.test('no address but for TCP, which the server does not take', async (t) => {
    const { asked } = await joins(t, { candidates: 'a=candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n' });
    assert.deepEqual(asked, ['OPTIONS /api/webrtc'], 'no seat was asked for');
    Socket.made[0].onopen();
    assert.equal(Socket.made[0].sent[0].resume, null);
  });
  await t.test('no door', async (t) => {
    const { asked } = await joins(t, { webrtc: false });
    assert.deepEqual(asked, ['OPTIONS /api/webrtc']);
    Socket.made[0].onopen();
    assert.equal(Socket.made[0].sent[0].resume, null);
  });
});

test('where the server tells no token of the seat, it is let go before another is taken', async (t) => {
  const { asked, tick } = await joins(t, { resume: null });
  await tick(HEAD_START_MS);
  const [socket] = Socket.made;
  socket.onopen();
  assert.deepEqual([socket.sent.length, asked.at(-1)], [0, 'DELETE /api/webrtc/p1']);
  await flush();
  assert.equal(socket.sent[0].resume, null);
});

test('who leaves in the middle leaves nothing behind', async (t) => {
  const { client, joining, asked, tick } = await joins(t);
  await tick(HEAD_START_MS);
  client.leave();
  await assert.rejects(joining, { code: 'unreachable' });
  await flush();
  assert.equal(asked.filter((request) => request === 'DELETE /api/webrtc/p1').length, 1);
  assert.ok(Peer.made[0].closed);
  assert.equal(Socket.made[0].closed.code, 1000);
  await tick(60_000);
  assert.deepEqual([client.state, Socket.made.length, Peer.made.length], ['closed', 1, 1]);
});

test('a refusal of the offer is the answer: no other wire is tried', async (t) => {
  const { joining } = await joins(t);
  Peer.made[0].channel.onmessage({ data: JSON.stringify({ type: 'error', code: 'room_full', message: 'the room is full', fatal: true }) });
  await assert.rejects(joining, { code: 'refused', serverCode: 'room_full' });
  assert.equal(Socket.made.length, 0);
});
