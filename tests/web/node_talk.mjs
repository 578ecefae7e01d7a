/** A conversation from Node, with the SDK as it is: `node node_talk.mjs ADDRESS`. Prints what came, as JSON. */

import { WebSocket } from '../../web/node_modules/ws/wrapper.mjs';
import { connect, RoomsApi } from '../../web/sdk/index.js';

const url = process.argv[2];
const voice = await connect({ url, room: 'default', name: 'Node', WebSocket });
const once = (type, wanted = () => true) => new Promise((resolve) => {
  const off = voice.on(type, (event) => {
    if (!wanted(event)) return;
    off();
    resolve(event);
  });
});

const { session } = voice.joined;
let samples = 0;
voice.on('audio', (frame) => (samples += frame.samples.length));
const answered = once('reply', ({ final }) => final);
voice.sendText('what is your name');
const { agent, text, unheard } = await answered;
const answer = { agent, text, unheard };

const speaking = once('words');
voice.sendText('tell me a story');
await speaking;
await once('playhead', ({ offset }) => offset > 12_000);
const cut = once('reply', ({ final }) => final);
voice.interrupt();
const story = await cut;

const back = once('state', ({ state }) => state === 'open');
voice.client.link.socket.terminate(); // the line breaks
await back;
const resumed = voice.joined.session === session;
const { participants } = await new RoomsApi({ url }).participants('default');
voice.leave();
console.log(JSON.stringify({ wire: 'websocket', answer, samples, interrupted: story.interrupted, heard: story.text,
  unheard: story.unheard.length, resumed, participants: participants.map((one) => one.name) }));
