/** Everything of the SDK that speaks HTTP, from Node, against a server that records: `node node_apis.mjs ADDRESS KEY`. */

import assert from 'node:assert/strict';
import { WebSocket } from '../../web/node_modules/ws/wrapper.mjs';
import { connect, OperatorApi, readToken, RoomsApi } from '../../web/sdk/index.js';

const [url, token] = process.argv.slice(2);
const rooms = new RoomsApi({ url, token });
const operator = new OperatorApi({ url, token });
const until = async (look) => {
  for (let n = 0; n < 200; n++) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it did not come to pass: ${look}`);
};

// rooms
const listed = await rooms.list();
assert.ok(listed.rooms.some(({ name }) => name === 'default') && listed.version && listed.engines.vad.name);
assert.equal((await rooms.room('default')).agents[0].name, 'Ava');
assert.equal((await rooms.inviteAgent('default', { name: 'Kurt' })).kind, 'agent');
assert.equal((await rooms.changeAgent('default', 'Kurt', { muted: true })).muted, true);
await rooms.removeAgent('default', 'Kurt');
await assert.rejects(rooms.memory('default', 'Kurt'), { code: 'refused' });
const guest = await rooms.makeToken({ room: 'default', name: 'Guest', role: 'speaker', for_s: 60 });
assert.deepEqual({ ...readToken(guest.token), expires: 0 }, { room: 'default', name: 'Guest', role: 'speaker', expires: 0 });

// a caller who bears that token
const voice = await connect({ url, room: 'default', name: 'Guest', token: guest.token, WebSocket });
const heard = [];
for (const type of ['event', 'muted', 'playhead', 'floor']) voice.on(type, () => heard.push(type));
assert.equal(voice.state, 'open');
assert.deepEqual(voice.levels(), { microphone: 0, room: 0 });
const { participants } = await rooms.participants('default');
assert.deepEqual(participants.map(({ name }) => name), ['Ava', 'Guest']);
await assert.rejects(new RoomsApi({ url, token: guest.token }).removeAgent('default', 'Ava'), { code: 'refused' });

const said = new Promise((resolve) => voice.on('reply', (event) => event.final && resolve(event)));
await rooms.say('default', { text: 'Dinner is ready.' });
assert.equal((await said).text, 'Dinner is ready.');
const answered = new Promise((resolve) => voice.on('turn', resolve));
voice.sendText('what time is it');
assert.ok((await answered).latency.total_ms >= 0);
voice.press(true);
voice.client.sendAudio(new Int16Array(320));
voice.press(false);
await until(() => voice.muted);
voice.dtmf('12#');
voice.commit();
voice.interrupt();
assert.ok((await rooms.memory('default', 'Ava')).messages.some(({ text }) => text === 'what time is it'));
assert.equal((await rooms.changeCaller('default', 'Guest', { role: 'listener' })).role, 'listener');
for (const type of ['event', 'muted', 'playhead', 'floor']) assert.ok(heard.includes(type), type);

// who sees it all
assert.equal((await operator.overview()).rooms.find(({ name }) => name === 'default').callers[0], 'Guest');
assert.equal((await operator.errors()).since_start, 0);
assert.ok((await operator.latency(50)).parts.total.p50 >= 0);
const { turns: [turn] } = await operator.turns(5);
assert.equal(turn.speaker, 'Guest');
const { session } = voice.joined;
const sent = new Promise((resolve) => voice.on('state', resolve));
await rooms.removeCaller('default', 'Guest');
assert.equal((await sent).error.code, 'removed');
const recording = await until(async () => (await operator.recordings()).recordings.find((one) => one.session === session && one.state === 'complete'));
const timeline = await operator.timeline(recording.name, { peaks: 50, from_ms: 0, to_ms: 1000 });
assert.equal(timeline.caller, 'Guest');
const { id } = await operator.replay(recording.name);
const { outcome } = await until(async () => {
  const replay = await operator.outcome(id);
  return ['waiting', 'running'].includes(replay.state) ? null : replay;
});
assert.equal(outcome.same, true);
const where = await operator.sound(recording.name, 'played');
const sound = await fetch(where.played ?? where, { headers: { authorization: `Bearer ${token}` } });
assert.equal(sound.status, 200);
await operator.deleteRecording(recording.name);

const again = await connect({ url, room: 'default', name: 'Guest', token: guest.token, WebSocket });
await operator.record(again.joined.session, false);
again.client.hangUp();
assert.equal(again.state, 'closed');
console.log('all of it');
