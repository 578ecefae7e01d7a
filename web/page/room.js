/**
 * The room: joins the voice's events to what is on the screen, and the buttons to the voice.
 *
 * @typedef {import('../sdk/index.js').Voice} Voice
 * @typedef {import('../sdk/hubbub.js').StateChange} StateChange
 * @typedef {import('../sdk/protocol.js').Mouth} Mouth
 */

import { hasText, t } from '../i18n.js';
import { HubbubError, readToken } from '../sdk/index.js';
import { Captions } from './captions.js';
import { byId, el } from './dom.js';
import { Dock } from './dock.js';
import { listenToKeys } from './keys.js';
import { lineIsQuiet } from './line.js';
import { People } from './people.js';
import { describe } from './problems.js';
import { ScriptStore } from './script-store.js';

/** So long after a line was quiet sound may come in a heap. */
const CATCHES_UP_MS = 15_000;

export class RoomView {
  /**
   * @param {object} parts
   * @param {Voice} parts.voice  joined
   * @param {import('./lobby.js').Room} parts.room
   * @param {import('./notices.js').Notices} parts.notices
   * @param {import('./details.js').Details} parts.details
   * @param {import('./memory.js').MemoryPanel} parts.memory
   * @param {import('./person.js').Person} parts.person
   * @param {boolean} parts.pushToTalk
   * @param {() => void} parts.onInvite
   * @param {(error: HubbubError | null) => void} parts.onEnd
   */
  constructor({ voice, room, notices, details, memory, person, pushToTalk, onInvite, onEnd }) {
    this.voice = voice;
    this.notices = notices;
    this.details = details;
    this.memory = memory;
    this.onEnd = onEnd;
    /** @type {Mouth} */
    this.mouth = 'idle';
    /** No reply up to this one speaks any more. */
    this.silenced = 0;
    this.agent = '';
    this.session = '';
    /** When the line last fell quiet, or ceased to be. */
    this.quietMs = -Infinity;
    this.script = new ScriptStore();
    this.people = new People(byId('people'), byId('queue'), (one) =>
      person.open(voice.client.room, one, { own: one.kind === 'caller' && one.name === this.people.me, moderator: this.moderator }));
    this.captions = new Captions({ list: byId('captions'), scroll: byId('scroll'), newest: byId('newest'),
      announcer: byId('announcer'), empty: byId('empty'), tries: byId('tries') }, room.language || 'en');
    /** @type {Dock | null} */
    this.ready = null;
    this.dock = new Dock({ voice, notices, pushToTalk, onChange: () => this.render(),
      onLevels: (own, others) => this.people.setLevels(own, others) });
    this.ready = this.dock;
    byId('room-title').textContent = room.title || room.name;
    byId('room-title').hidden = false;
    byId('room-title').classList.toggle('sr', room.title === 'Hubbub'); // the mark beside it says so already
    this.begin();
    this.undo = [...this.#listen(), this.#listenToKeys(onInvite)];
    this.render();
  }

  /** Whether this caller may change who speaks: by his token, or since an open server asks for none. */
  get moderator() {
    const { token } = this.voice.client;
    return token ? readToken(token)?.role === 'moderator' : this.people.own?.role !== 'listener';
  }

  /** A connection began: of this session, or of a new one. */
  begin() {
    const { joined } = this.voice;
    if (!joined) return;
    if (joined.session !== this.session) {
      this.captions.begin(joined.name);
      this.silenced = 0;
      this.captions.restore(this.script.begin(joined.session));
    }
    this.session = joined.session;
    this.people.begin(joined.participants, joined.name);
    this.#seats();
    this.setFloor('', 'idle');
    this.details.setEngines(joined.engines);
    this.details.setFact('room', joined.room);
    this.details.setFact('session', joined.session);
    this.details.setFact('transport', t(`details.transport.${this.voice.client.wire || 'websocket'}`));
  }

  /** The language changed, or what the status line tells. */
  render() {
    if (!this.ready) return;
    if (this.dock.microphone) this.people.setOwnMuted(this.voice.muted);
    this.people.render();
    this.dock.render(this.mouth);
    byId('empty-hint').textContent = t(this.dock.microphone ? 'room.empty.voice' : 'room.empty.typing');
    byId('tries').replaceChildren(...[1, 2, 3].map((number) => {
      const text = t(/** @type {import('../i18n.js').Key} */ (`room.try.${number}`));
      return el('button', { type: 'button', class: 'try', text, click: () => this.dock.send(text) });
    }));
    this.details.setFact('microphone', this.voice.microphone?.label || t('details.microphone.none'));
    this.writeStatus();
  }

  /** @param {string} agent @param {Mouth} mouth */
  setFloor(agent, mouth) {
    this.mouth = mouth;
    this.agent = agent || this.people.onlyAgent;
    this.people.setAgent(this.agent, mouth === 'idle' ? '' : mouth);
    this.dock.render(mouth);
    this.writeStatus();
  }

  close() {
    this.undo.forEach((off) => off());
    this.captions.close();
    this.script.close();
    this.dock.close();
    this.memory.close();
    document.body.dataset.mouth = 'idle';
  }

  /** The browser stopped the sound, as phones do for a call, or let it go on. @param {boolean} running */
  #running(running) {
    if (running) return this.notices.hide('sound');
    const { title, advice } = describe(new HubbubError('sound-blocked', ''));
    this.notices.show('sound', { title, advice, tone: 'info',
      actions: [{ label: t('notice.wake'), act: () => void this.voice.wake().catch(() => {}) }] });
  }

  #listen() {
    const { voice, captions, people, details, script, memory } = this;
    return [
      voice.on('joined', () => this.begin()),
      voice.on('playhead', ({ reply, offset }) => captions.heard(reply, offset)),
      voice.on('running', (running) => this.#running(running)),
      voice.on('transcript', (event) => {
        captions.transcript(event);
        script.add(event);
        if (event.final) memory.stale();
      }),
      voice.on('backchannel', (event) => captions.backchannel(event)),
      voice.on('reply', (event) => {
        captions.reply(event);
        script.add(event);
        this.notices.hide('fault-slow_model');
        if (!event.final) return;
        memory.stale();
        this.silenced = Math.max(this.silenced, event.reply);
      }),
      voice.on('clear', (event) => (this.silenced = Math.max(this.silenced, event.reply))),
      voice.on('audio', (frame) => this.#sounds(frame.reply)),
      voice.on('words', (event) => {
        captions.words(event);
        script.addWords(event);
      }),
      voice.on('gap', () => captions.gap()),
      voice.on('tool', (event) => captions.tool(event)),
      voice.on('turn', (event) => {
        captions.turn(event);
        details.latency.add(event);
      }),
      voice.on('participant_joined', ({ participant }) => {
        if (people.add(participant)) captions.came(participant, 'joined');
        this.#seats();
      }),
      voice.on('participant_left', ({ participant }) => {
        people.remove(participant);
        captions.came(participant, 'gone');
        this.#seats();
      }),
      voice.on('participant_changed', ({ participant }) => {
        people.change(participant);
        this.writeStatus();
      }),
      voice.on('speech_started', (event) => this.#speaks(event.speaker, true)),
      voice.on('speech_stopped', (event) => this.#speaks(event.speaker, false)),
      voice.on('floor', (event) => this.#floor(event)),
      voice.on('fault', (event) => this.#fault(event)),
      voice.on('roundtrip', (ms) => details.setFact('roundtrip', ms)),
      voice.on('state', (change) => this.#state(change)),
      voice.on('quiet', () => {
        this.quietMs = performance.now();
        this.writeStatus();
      }),
    ];
  }

  /** Who has a seat is another: what goes by it, too. */
  #seats() {
    this.memory.setRoom(this.voice.client.room, this.people.agents.map((one) => one.name));
  }

  /** @param {string} name @param {boolean} speaking */
  #speaks(name, speaking) {
    this.people.set(name, speaking ? 'speaking' : '');
    this.writeStatus();
  }

  /** The floor may name a caller who speaks, or the agent that does. @param {import('../sdk/protocol.js').Floor} event */
  #floor({ speaker, mouth, queue }) {
    const agent = speaker && this.people.isAgent(speaker) ? speaker : '';
    if (queue) this.people.setQueue(queue);
    this.setFloor(agent || (mouth === 'idle' ? '' : this.agent), mouth);
  }

  /** Sound says who speaks where the floor's change was missed, as after a lost connection. @param {number} reply */
  #sounds(reply) {
    if (this.mouth === 'idle' && reply > this.silenced) this.setFloor(this.captions.speakerOf(reply) ?? '', 'speaking');
  }

  /** @param {import('../sdk/protocol.js').ServerFault} fault */
  #fault({ code, message, fatal }) {
    if (fatal) return; // the close that follows says it
    if (code === 'too_fast' && performance.now() - this.quietMs < CATCHES_UP_MS) return; // what had piled up in a line that was quiet
    const key = `fault.${code}`;
    const notice = hasText(key) ? { title: t(key), advice: message } : { title: t('error.server.title'), advice: message };
    this.notices.show(`fault-${code}`, { ...notice, tone: code === 'slow_model' ? 'info' : 'error' });
  }

  /** @param {StateChange} change */
  #state({ state, error }) {
    if (state === 'open') this.dock.reconnected();
    if (state === 'waiting') {
      this.people.rest();
      this.setFloor('', 'idle');
    }
    if (state === 'closed') this.onEnd(error);
    this.render();
  }

  /** @param {() => void} onInvite */
  #listenToKeys(onInvite) {
    const { dock, details } = this;
    return listenToKeys({
      interrupt: () => {
        if (!details.covering) return dock.interrupt();
        details.show(false);
        byId('details-toggle').focus();
      },
      mute: () => void dock.toggle(),
      text: () => byId('text').focus(),
      details: () => details.show(!details.open),
      invite: onInvite,
      talk: (down) => {
        dock.press(down);
        return dock.pushToTalk && !!dock.microphone;
      },
    });
  }

  /** What happens now, beside the strip. */
  writeStatus() {
    const status = byId('status');
    const callers = this.people.speakingCallers;
    const name = this.agent || t('status.someone');
    const line = /** @type {HTMLElement} */ (status.lastElementChild);
    const [state, text] = this.#statusOf(callers, name);
    if (line.textContent !== text) line.textContent = text;
    status.dataset.state = state;
    document.body.dataset.mouth = this.mouth;
  }

  /** @param {string[]} callers  who speak @param {string} name  of the agent @returns {[string, string]} */
  #statusOf(callers, name) {
    if (this.mouth === 'held') return ['held', t('status.held', { name })];
    if (callers.includes(this.people.me)) return ['caller', t('status.you')];
    if (callers.length) return ['caller', t('status.caller', { name: callers[0] })];
    if (this.mouth === 'speaking') return ['speaking', t('status.speaking', { name })];
    if (this.mouth === 'thinking') return ['thinking', t('status.thinking', { name })];
    if (this.voice.state !== 'open' || lineIsQuiet(this.voice.client)) return ['waiting', t('connection.waiting')];
    if (this.people.own?.role === 'listener') return ['typing', t('status.listener')];
    if (!this.dock.microphone) return ['typing', t('status.typing')];
    if (this.voice.muted) return this.dock.pushToTalk ? ['listening', t('status.hold')] : ['muted', t('status.muted')];
    return ['listening', t('status.listening')];
  }
}
