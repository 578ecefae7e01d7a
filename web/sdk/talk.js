/**
 * Joins a client, a loudspeaker and a microphone: sound both ways, holds and cuts, and the playhead's way back.
 *
 * @typedef {import('./hubbub.js').HubbubClient} HubbubClient
 * @typedef {import('./microphone.js').Microphone} Microphone
 * @typedef {import('./player.js').Player | import('./player.js').SilentPlayer} AnyPlayer
 */

/** How often the server hears of a playhead that moves; every stop it hears of at once. */
const PLAYHEAD_MS = 100;

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
  const undo = [
    client.on('audio', (frame) => player.play(frame)),
    client.on('hold', (event) => player.hold(event.reply)),
    client.on('resume', (event) => player.resume(event.reply)),
    client.on('clear', (event) => player.clear(event.reply)),
    client.on('joined', (event) => {
      if (event.session !== session) player.reset();
      session = event.session;
    }),
    player.on('playhead', report),
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
 * Sends what the microphone hears. Returns what undoes it.
 *
 * @param {HubbubClient} client
 * @param {Microphone} microphone
 * @returns {() => void}
 */
export function connectMicrophone(client, microphone) {
  return microphone.on('sound', ({ pcm }) => client.sendAudio(pcm));
}
