/**
 * Joins a client, a loudspeaker and a microphone: sound both ways, holds and cuts, and the playhead's way back.
 *
 * @typedef {import('./hubbub.js').HubbubClient} HubbubClient
 * @typedef {import('./microphone.js').Microphone} Microphone
 * @typedef {import('./player.js').Player | import('./player.js').SilentPlayer} AnyPlayer
 */

import { PlayheadClock } from './playhead-clock.js';

/** How often the server hears of a playhead that moves; every stop it hears of at once. */
const PLAYHEAD_MS = 100;
/** How often the clock of a stream's playhead is read: words change no faster. */
const CLOCK_MS = 50;

/**
 * Plays what comes from the server. Returns what undoes it.
 *
 * @param {HubbubClient} client
 * @param {AnyPlayer} player
 * @returns {() => void}
 */
export function connectPlayer(client, player) {
  let session = client.joined?.session ?? '';
  const report = playheadReporter((reply, offset) => client.playhead(reply, offset));
  const clock = new PlayheadClock(client.audio.output_rate_hz);
  let streams = false;
  const rtp = () => client.link?.playedRtp() ?? null;
  const follow = () => {
    const [now, sounds] = [performance.now(), rtp()];
    const known = clock.known(now, sounds);
    const heard = known && { reply: known.reply, offset: Math.max(0, known.offset - onItsWay()) };
    const { reply, offset } = heard && clock.flowing ? heard : clock.at(now, sounds);
    if (reply) player.follow(reply, offset);
    if (heard) report({ moment: 'progress', ...heard });
  };
  /** Samples between the browser's mixer, which tells what it plays, and the ear. */
  const onItsWay = () => Math.ceil((player.latencyMs * client.audio.output_rate_hz) / 1000);
  const choose = () => {
    streams = client.wire === 'webrtc';
    player.listen(client.link?.stream ?? null);
  };
  choose();
  const timer = setInterval(() => clock.sounding(performance.now()) && follow(), CLOCK_MS);
  const undo = [
    client.on('link', choose),
    client.on('audio', (frame) => player.play(frame)),
    client.on('voices', (samples) => player.voices(samples)),
    client.on('hold', (event) => player.hold(event.reply)),
    client.on('resume', (event) => player.resume(event.reply)),
    client.on('clear', (event) => player.clear(event.reply)),
    client.on('joined', (event) => {
      if (event.session !== session) {
        player.reset();
        clock.reset();
      }
      session = event.session;
    }),
    client.on('event', (event) => {
      if (!streams) return;
      clock.take(event, performance.now(), rtp());
      if (event.type === 'hold' || event.type === 'clear') follow();
    }),
    player.on('playhead', (moved) => streams || report(moved)),
    () => clearInterval(timer),
    () => player.listen(null),
  ];
  return () => undo.forEach((off) => off());
}

/**
 * Thins a playhead out for the wire: the first movement of a reply and every stop are told at once, the rest every 100 ms.
 *
 * @param {(reply: number, offset: number) => void} send
 * @param {() => number} [nowMs]
 * @returns {(report: import('./playback-buffer.js').Report) => void}
 */
export function playheadReporter(send, nowMs = () => performance.now()) {
  let toldAt = -Infinity;
  let told = { reply: 0, offset: 0 };
  return ({ moment, reply, offset }) => {
    const stops = moment !== 'start' && moment !== 'progress';
    const fresh = reply !== told.reply || told.offset === 0;
    if (!stops && (offset === 0 || (!fresh && nowMs() - toldAt < PLAYHEAD_MS - 10))) return;
    told = { reply, offset };
    toldAt = nowMs();
    send(reply, offset);
  };
}

/**
 * Sends what the microphone hears, in whichever way the wire wants it. Returns what undoes it.
 *
 * @param {HubbubClient} client
 * @param {Microphone} microphone
 * @returns {() => void}
 */
export function connectMicrophone(client, microphone) {
  client.setTrack(microphone.track);
  const off = microphone.on('sound', ({ pcm }) => client.sendAudio(pcm));
  return () => {
    off();
    if (client.track === microphone.track) client.setTrack(null);
  };
}
