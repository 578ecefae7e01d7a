import { connect } from '/static/sdk/index.js'; // from npm: import { connect } from 'hubbub-voice'

const byId = (id) => document.getElementById(id);
const write = (who, text) => byId('said').append(Object.assign(document.createElement('li'), { textContent: `${who}: ${text}` }));
let voice = null;

byId('talk').onclick = async () => {
  try {
    voice = await connect({ url: location.origin, room: 'default', name: 'Ann' });
  } catch (error) {
    return write('Hubbub', `${error.code}: ${error.message}`); // no microphone? connect({ …, microphone: false }) types and reads
  }
  byId('talk').disabled = true;
  voice.on('transcript', ({ speaker, text, final }) => final && write(speaker, text));
  voice.on('reply', ({ agent, text, final }) => final && write(agent, text));
  voice.on('floor', ({ mouth }) => (byId('stop').disabled = mouth === 'idle'));
};
byId('stop').onclick = () => voice.interrupt();
byId('type').onsubmit = (event) => {
  event.preventDefault();
  voice?.sendText(byId('text').value);
  byId('text').value = '';
};
