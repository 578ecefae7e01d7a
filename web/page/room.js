/**
 * The room: joins the client's events to what is on the screen, and the buttons to the client.
 *
 * @typedef {import('../sdk/hubbub.js').HubbubClient} HubbubClient
 * @typedef {import('../sdk/hubbub.js').StateChange} StateChange
 * @typedef {import('../sdk/microphone.js').Microphone} Microphone
 * @typedef {import('../sdk/talk.js').AnyPlayer} AnyPlayer
 * @typedef {import('../sdk/protocol.js').Mouth} Mouth
 */

import { hasText, t } from '../i18n.js';
import { HubbubError } from '../sdk/errors.js';
import { connectPlayer } from '../sdk/talk.js';
import { Captions } from './captions.js';
import { byId, el } from './dom.js';
import { Dock } from './dock.js';
import { People } from './people.js';
import { describe } from './problems.js';

export class RoomView {
  /**
   * @param {object} parts
   * @param {HubbubClient} parts.client  joined
   * @param {AnyPlayer} parts.player
   * @param {Microphone | null} parts.microphone
   * @param {import('./lobby.js').Room} parts.room
   * @param {import('./notices.js').Notices} parts.notices
   * @param {import('./details.js').Details} parts.details
   * @param {() => Promise<Microphone>} parts.openMicrophone
   * @param {(error: HubbubError | null) => void} parts.onEnd
   */
  constructor({ client, player, microphone, room, notices, details, openMicrophone, onEnd }) {
    this.client = client;
    this.player = player;
    this.notices = notices;
    this.details = details;
    this.onEnd = onEnd;
    /** @type {Mouth} */
    this.mouth = 'idle';
    /** No reply up to this one speaks any more. */
    this.silenced = 0;
    this.agent = '';
    this.people = new People(byId('people'));
    this.captions = new Captions({ list: byId('captions'), scroll: byId('scroll'), newest: byId('newest'),
      announcer: byId('announcer'), empty: byId('empty'), tries: byId('tries') }, room.language || 'en');
    this.dock = new Dock({ client, player, microphone, notices, openMicrophone, onChange: () => this.render() });
    byId('room-title').textContent = room.title || room.name;
    byId('room-title').hidden = false;
    byId('room-title').classList.toggle('sr', room.title === 'Hubbub'); // the mark beside it says so already
    this.session = '';
    this.begin();
    this.undo = this.#listen();
    this.disconnectPlayer = this.#connectPlayer(player);
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.#key(event);
    document.addEventListener('keydown', this.onKey);
    this.render();
  }

  /** A connection began: of this session, or of a new one. */
  begin() {
    const { joined } = this.client;
    if (!joined) return;
    if (joined.session !== this.session) {
      this.captions.begin(joined.name);
      this.silenced = 0;
    }
    this.session = joined.session;
    this.people.begin(joined.participants, joined.name);
    this.setFloor('', 'idle');
    this.details.setEngines(joined.engines);
    this.details.setFact('room', joined.room);
    this.details.setFact('session', joined.session);
  }

  /** The language changed, or what the status line tells. */
  render() {
    this.people.render();
    this.dock.render(this.mouth);
    byId('empty-hint').textContent = t(this.dock.microphone ? 'room.empty.voice' : 'room.empty.typing');
    byId('tries').replaceChildren(...[1, 2, 3].map((number) => {
      const text = t(/** @type {import('../i18n.js').Key} */ (`room.try.${number}`));
      return el('button', { type: 'button', class: 'try', text, click: () => this.dock.send(text) });
    }));
    this.#writeStatus();
  }

  /** @param {string} agent @param {Mouth} mouth */
  setFloor(agent, mouth) {
    this.mouth = mouth;
    this.agent = agent || this.people.onlyAgent;
    this.people.setAgent(this.agent, mouth === 'idle' ? '' : mouth);
    this.dock.render(mouth);
    this.#writeStatus();
  }

  /** Plays through another loudspeaker from now on. @param {AnyPlayer} player */
  async usePlayer(player) {
    const before = this.player;
    this.disconnectPlayer();
    this.player = player;
    this.dock.player = player;
    this.disconnectPlayer = this.#connectPlayer(player);
    this.render();
    await before.close();
  }

  async close() {
    this.disconnectPlayer();
    document.removeEventListener('keydown', this.onKey);
    this.undo.forEach((off) => off());
    this.captions.close();
    await this.dock.close();
    await this.player.close();
    document.body.dataset.mouth = 'idle';
  }

  /** The browser stopped the sound, as phones do for a call, or let it go on. @param {boolean} running */
  #running(running) {
    if (running) return this.notices.hide('sound');
    const wake = () => {
      void this.player.wake();
      void this.dock.microphone?.wake();
    };
    const { title, advice } = describe(new HubbubError('sound-blocked', ''));
    this.notices.show('sound', { title, advice, tone: 'info', actions: [{ label: t('notice.wake'), act: wake }] });
  }

  #listen() {
    const { client, captions, people, details } = this;
    return [
      client.on('joined', () => this.begin()),
      client.on('transcript', (event) => captions.transcript(event)),
      client.on('backchannel', (event) => captions.backchannel(event)),
      client.on('reply', (event) => {
        captions.reply(event);
        this.notices.hide('fault-slow_model');
        if (event.final) this.silenced = Math.max(this.silenced, event.reply);
      }),
      client.on('clear', (event) => (this.silenced = Math.max(this.silenced, event.reply))),
      client.on('audio', (frame) => this.#sounds(frame.reply)),
      client.on('words', (event) => captions.words(event)),
      client.on('tool', (event) => captions.tool(event)),
      client.on('turn', (event) => {
        captions.turn(event);
        details.latency.add(event);
      }),
      client.on('participant_joined', ({ participant }) => {
        if (people.add(participant)) captions.came(participant, 'joined');
      }),
      client.on('participant_left', ({ participant }) => {
        people.remove(participant);
        captions.came(participant, 'gone');
      }),
      client.on('speech_started', (event) => this.#speaks(event.speaker, true)),
      client.on('speech_stopped', (event) => this.#speaks(event.speaker, false)),
      client.on('floor', (event) => this.#floor(event)),
      client.on('fault', (event) => this.#fault(event)),
      client.on('roundtrip', (ms) => details.setFact('roundtrip', ms)),
      client.on('state', (change) => this.#state(change)),
    ];
  }

  /** @param {AnyPlayer} player */
  #connectPlayer(player) {
    const undo = [
      connectPlayer(this.client, player),
      player.on('playhead', ({ reply, offset }) => this.captions.heard(reply, offset)),
      player.on('running', (running) => this.#running(running)),
    ];
    return () => undo.forEach((off) => off());
  }

  /** @param {string} name @param {boolean} speaking */
  #speaks(name, speaking) {
    this.people.set(name, speaking ? 'speaking' : '');
    this.#writeStatus();
  }

  /** The floor may name a caller who speaks, or the agent that does. @param {import('../sdk/protocol.js').Floor} event */
  #floor({ speaker, mouth }) {
    const agent = speaker && this.people.isAgent(speaker) ? speaker : '';
    this.setFloor(agent || (mouth === 'idle' ? '' : this.agent), mouth);
  }

  /** Sound says who speaks where the floor's change was missed, as after a lost connection. @param {number} reply */
  #sounds(reply) {
    if (this.mouth === 'idle' && reply > this.silenced) this.setFloor(this.captions.speakerOf(reply) ?? '', 'speaking');
  }

  /** @param {import('../sdk/protocol.js').ServerFault} fault */
  #fault({ code, message, fatal }) {
    if (fatal) return; // the close that follows says it
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

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Escape' || event.defaultPrevented || event.isComposing) return;
    if (this.details.covering) {
      this.details.show(false);
      byId('details-toggle').focus();
    } else this.dock.interrupt();
  }

  #writeStatus() {
    const status = byId('status');
    const callers = this.people.speakingCallers;
    const name = this.agent || t('status.someone');
    /** @type {[string, string]} */
    let [state, text] = ['listening', t('status.listening')];
    if (this.client.state !== 'open') [state, text] = ['waiting', t('connection.waiting')];
    else if (!this.dock.microphone) [state, text] = ['typing', t('status.typing')];
    else if (this.client.muted) [state, text] = ['muted', t('status.muted')];
    if (this.mouth === 'thinking') [state, text] = ['thinking', t('status.thinking', { name })];
    if (this.mouth === 'speaking') [state, text] = ['speaking', t('status.speaking', { name })];
    if (callers.length) {
      const who = callers.includes(this.people.me) ? t('status.you') : t('status.caller', { name: callers[0] });
      [state, text] = ['caller', who];
    }
    if (this.mouth === 'held') [state, text] = ['held', t('status.held', { name })];
    const line = /** @type {HTMLElement} */ (status.lastElementChild);
    if (line.textContent !== text) line.textContent = text;
    status.dataset.state = state;
    document.body.dataset.mouth = this.mouth;
  }
}
