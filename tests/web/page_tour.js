/** Everything of the SDK that needs a browser: its devices and its players, over both transports. Answers what it met, for the test. */

import { canChooseSpeaker, connect, connectMicrophone, connectPlayer, HubbubClient, listDevices, Microphone, Player, recallSeat, SilentPlayer,
  tabStorage, watchDevices } from '/static/sdk/index.js';

const url = location.origin;
const until = async (look) => {
  for (let n = 0; n < 400; n++) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it did not come to pass: ${look}`);
};
const same = (found, wanted, what) => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what}: ${JSON.stringify(found)} is not ${JSON.stringify(wanted)}`);
};
const refuses = async (promise, code) => same(await promise.then(() => 'nothing', (error) => error.code), code, 'the refusal');

/** @param {'webrtc' | 'websocket'} transport @param {string} room */
async function talks(transport, room) {
  const steps = [];
  const voice = await connect({ url, room, name: 'Ann', transport, keep: true, speaker: '', constraints: { echoCancellation: false },
    onStep: (step) => steps.push(step) });
  same(steps, ['microphone', 'joining'], 'what it waits for');
  same(voice.client.wire, transport, 'the wire');
  same(recallSeat(tabStorage(), voice.client.endpoints.root, room).session, voice.joined.session, 'the seat that is kept');
  const seen = {};
  const undo = ['level', 'muted', 'microphone', 'speaker', 'playhead', 'running', 'roundtrip', 'quiet', 'hold'].map((type) =>
    voice.on(type, (detail) => (seen[type] = detail)));
  await until(() => seen.level > 0.1 && voice.levels().microphone > 0.1);

  voice.mute(true);
  same([seen.muted, voice.muted, voice.levels().microphone], [true, true, 0], 'muted');
  voice.press(true);
  same(voice.muted, false, 'the key is down');
  voice.press(false);
  await until(() => voice.muted);

  voice.sendText('tell me a story');
  await until(() => seen.playhead?.offset > 4000 && voice.levels().room > 0.01);
  voice.volume = 0.5;
  await until(() => Math.abs(voice.player.volume - 0.5) < 0.05);
  voice.interrupt();
  await until(() => voice.levels().room < 0.001);
  voice.player.chime();
  await until(() => voice.levels().room > 0.05);
  await until(() => voice.levels().room < 0.001);
  await until(() => seen.roundtrip > 0);

  const { microphones, speakers } = await listDevices();
  await voice.useMicrophone(microphones.at(-1).id);
  same([seen.microphone.microphone.device, voice.microphone.label], [microphones.at(-1).id, microphones.at(-1).label], 'the microphone');
  await refuses(voice.useMicrophone('nowhere'), 'no-microphone');
  same(voice.microphone.device, microphones.at(-1).id, 'the one before');
  await voice.dropMicrophone();
  same([voice.microphone, seen.microphone.error], [null, null], 'no microphone');
  await voice.useSpeaker(speakers.at(-1).id);
  same(voice.player.context.sinkId, speakers.at(-1).id, 'the loudspeaker');
  await refuses(voice.useSpeaker('nowhere'), 'no-speaker');
  same(voice.speakerError.code, 'no-speaker', 'what is amiss');
  await voice.useSpeaker(speakers.at(-1).id);
  same(await without(speakers.at(-1).id, () => until(() => seen.speaker.error)), 'no-speaker', 'the loudspeaker that is pulled out');
  await until(() => !seen.speaker.error && voice.player.context.sinkId === speakers.at(-1).id);
  await voice.player.context.suspend();
  await until(() => seen.running === false);
  await voice.wake();
  await until(() => seen.running === true);

  if (transport === 'webrtc') await blocked(voice, seen);
  else same(voice.client.link.playedRtp(), null, 'a stream that is not there');
  await voice.useMicrophone();
  voice.microphone.track.dispatchEvent(new Event('ended')); // it is pulled out
  await until(() => seen.microphone.error?.code === 'microphone-lost' && !voice.microphone);
  undo.forEach((off) => off());
  voice.leave();
  same(voice.state, 'closed', 'the end');
  same(recallSeat(tabStorage(), voice.client.endpoints.root, room), null, 'the seat that is kept');
}

/** What happens while a device is not there. Simulated devices cannot be pulled out: the browser's word for it is. */
async function without(device, look) {
  const all = navigator.mediaDevices;
  const ask = all.enumerateDevices.bind(all);
  all.enumerateDevices = async () => (await ask()).filter((one) => one.deviceId !== device);
  all.dispatchEvent(new Event('devicechange'));
  try {
    return (await look()).code;
  } finally {
    delete all.enumerateDevices;
    all.dispatchEvent(new Event('devicechange'));
  }
}

/** A browser that wants a click before a stream sounds. */
async function blocked(voice, seen) {
  const { remote } = voice.player;
  remote.audio.play = async () => {
    throw new DOMException('play() failed', 'NotAllowedError');
  };
  seen.running = true;
  await remote.play();
  same(seen.running, false, 'the sound that is held back');
  delete remote.audio.play;
  await voice.wake();
  same(seen.running, true, 'the sound that is let out');
  remote.stream.dispatchEvent(new Event('addtrack')); // one that is measured already
}

/** Servers that say no, and none at all. */
async function refused() {
  const real = window.fetch;
  const answer = (make) => (window.fetch = async (where, request) => (request?.method === 'POST' ? make() : real(where, request)));
  try {
    answer(() => Response.json({ error: { code: 'room_full', message: 'the room is full' } }, { status: 409 }));
    const full = await connect({ url, room: 's0', transport: 'webrtc', microphone: false }).catch((error) => error);
    same([full.code, full.serverCode, full.message], ['refused', 'room_full', 'the room is full'], 'a full room');
    answer(() => {
      throw new TypeError('no network');
    });
    await refuses(connect({ url, room: 's0', transport: 'webrtc', microphone: false }), 'unreachable');
  } finally {
    window.fetch = real;
  }
}

/** A page that was loaded anew takes its seat back; the connection of before hears so. */
async function comesBack() {
  const options = { url, room: 's3', name: 'Ann', transport: 'websocket', keep: true, microphone: false, speaker: false };
  const voice = await connect(options);
  const { session } = voice.joined;
  const over = new Promise((resolve) => voice.on('state', resolve));
  const again = await connect(options);
  same(again.joined.session, session, 'the seat');
  same([(await over).state, (await over).error.code], ['closed', 'replaced'], 'the connection of before');
  again.leave();
}

/** A page that plays nothing, and lets itself be heard later. */
async function silent() {
  const voice = await connect({ url, room: 's2', name: 'Ann', transport: 'websocket', microphone: false, speaker: false });
  same(voice.player instanceof SilentPlayer, true, 'no sound');
  let offset = 0;
  voice.on('playhead', (at) => (offset = at.offset));
  voice.sendText('tell me a story');
  await until(() => offset > 4000);
  await voice.player.choose('anything');
  voice.player.hold(1);
  voice.player.resume(1);
  voice.player.voices(new Int16Array(480));
  voice.player.listen(null);
  await voice.player.wake();
  voice.player.clear(1);
  voice.player.reset();
  same(voice.player.playhead, { reply: 0, offset: 0 }, 'another session');
  await voice.wake();
  same(voice.player instanceof Player, true, 'sound');
  voice.commit();
  voice.dtmf('1');
  await voice.close();
  voice.client.hangUp();
}

/** The parts by themselves, as a page that brings its own would join them. */
async function parts() {
  same(canChooseSpeaker(), true, 'a choice of loudspeakers');
  let changes = 0;
  const unwatch = watchDevices(() => changes++);
  navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  unwatch();
  navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  same(changes, 1, 'changes of devices');

  const client = new HubbubClient({ url, room: 's3', name: 'Ann', transport: 'websocket' });
  await client.join();
  const player = await Player.open(24000);
  const microphone = await Microphone.open();
  const undo = [connectPlayer(client, player), connectMicrophone(client, microphone)];
  microphone.mute(true); // nobody is answered while he speaks
  client.mute(true);
  client.sendText('tell me a story');
  await until(() => player.playhead.offset > 4000 && player.level() > 0.01);
  player.hold(1);
  await until(() => player.level() < 0.001);
  player.resume(1);
  await until(() => player.level() > 0.01);
  player.clear(1);
  await until(() => player.level() < 0.001);
  player.voices(new Int16Array(4800).fill(9000));
  await until(() => player.level() > 0.01);
  player.reset();
  await microphone.wake();
  await player.wake();
  undo.forEach((off) => off());
  client.leave();
  await microphone.close();
  await player.close();
}

/** @param {'webrtc' | 'websocket' | 'silent' | 'parts' | 'refused' | 'comes back'} what */
export async function tour(what) {
  if (what === 'silent') return silent();
  if (what === 'parts') return parts();
  if (what === 'refused') return refused();
  if (what === 'comes back') return comesBack();
  return talks(what, what === 'webrtc' ? 's0' : 's1');
}
