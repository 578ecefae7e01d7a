/** The page: from the door into a room and back. */

import { t } from './i18n.js';
import { Details } from './page/details.js';
import { dialogOpen } from './page/dialog.js';
import { byId } from './page/dom.js';
import { drawHero } from './page/hero.js';
import { Invite } from './page/invite.js';
import { lineIsQuiet } from './page/line.js';
import { Lobby } from './page/lobby.js';
import { MemoryPanel } from './page/memory.js';
import { Notices } from './page/notices.js';
import { Person } from './page/person.js';
import { describe } from './page/problems.js';
import { RoomView } from './page/room.js';
import { asked, recall, startSettings, takeToken } from './page/settings.js';
import { SoundSettings } from './page/sound-settings.js';
import { connect, HubbubError, readToken, recallSeat, RoomsApi, tabStorage } from './sdk/index.js';

const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** @typedef {import('./page/lobby.js').Wish} Wish */

class App {
  constructor() {
    this.notices = new Notices(byId('notices'), byId('alerts'));
    this.details = new Details();
    this.token = takeToken();
    this.api = new RoomsApi({ url: document.baseURI, token: this.token });
    this.memory = new MemoryPanel(byId('memory'), this.api);
    this.invite = new Invite(this.api);
    this.person = new Person(this.api, (agent) => this.#showMemory(agent));
    this.sound = new SoundSettings(this.notices, (on) => this.view?.dock.setPushToTalk(on));
    /** @type {RoomView | null} */
    this.view = null;
    /** @type {Wish | null} what was asked for last */
    this.wish = null;
    /** @type {import('./sdk/index.js').Voice | null} */
    this.voice = null;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.countdown = undefined;
    drawHero(byId('hero'));
    this.lobby = new Lobby(this.notices, this.api, (wish) => void this.enter(wish));
    startSettings(() => this.render());
    this.#listen();
    void this.#comeBack();
  }

  /** The connection, for tests and the curious. */
  get client() {
    return this.voice?.client ?? null;
  }

  get player() {
    return this.voice?.player ?? null;
  }

  render() {
    this.lobby?.render();
    this.details.render();
    this.memory.render();
    this.view?.render();
    this.view?.dock.strip.repaint();
    this.#writeConnection();
  }

  /** @param {Wish} wish */
  async enter(wish) {
    this.wish = wish;
    for (const key of ['join', 'microphone', 'ended', 'room-unknown']) this.notices.hide(key);
    this.lobby.setBusy(true, t('lobby.joining'));
    try {
      this.voice = await connect({
        url: document.baseURI, room: wish.room.name, name: wish.name, token: this.token, keep: true,
        role: this.#role(),
        transport: /** @type {'auto'} */ (asked.get('transport') ?? 'auto'),
        microphone: wish.voice && (recall('microphone') || true),
        speaker: recall('speaker') || true,
        constraints: asked.get('mic') === 'raw' ? RAW : {},
        onStep: (step) => this.lobby.setBusy(true, t(step === 'microphone' ? 'lobby.allow' : 'lobby.joining')),
      });
      tabStorage()?.setItem('hubbub.voice', wish.voice ? 'on' : 'off');
      this.#show(wish, this.voice);
    } catch (error) {
      this.#refused(error, wish);
    } finally {
      this.lobby.setBusy(false);
    }
  }

  /** What is asked to be at the door: what the address says, or as much as the token makes of one. */
  #role() {
    const wanted = asked.get('role') ?? readToken(this.token)?.role ?? '';
    return /** @type {'' | import('./sdk/protocol.js').Role} */ (wanted === 'speaker' ? '' : wanted);
  }

  /** After a reload: back to the seat that this tab has kept. */
  async #comeBack() {
    await this.lobby.found;
    const room = this.lobby.chosen;
    const seat = room && recallSeat(tabStorage(), this.api.root, room.name);
    if (room && seat) await this.enter({ room, name: seat.name, voice: tabStorage()?.getItem('hubbub.voice') !== 'off' });
  }

  /** @param {Wish} wish @param {import('./sdk/index.js').Voice} voice */
  #show({ room }, voice) {
    document.body.dataset.view = 'room';
    this.lobby.show(false);
    byId('room').hidden = false;
    this.details.latency.clear();
    this.details.setFact('version', this.lobby.house?.version ?? '');
    this.details.setFact('output', voice.player.latencyMs);
    voice.on('state', (change) => this.#state(change));
    voice.on('quiet', () => this.#quiet());
    voice.on('speaker', () => this.#otherSpeaker(voice));
    this.view = new RoomView({ voice, room, notices: this.notices, details: this.details, memory: this.memory, person: this.person,
      pushToTalk: recall('ptt') === 'on', onInvite: () => this.#invite(), onEnd: (error) => this.#ended(error) });
    if (voice.soundError) this.#silent(voice.soundError);
    this.#otherSpeaker(voice);
    const device = voice.microphone?.device;
    if (device && recall('microphone') && device !== recall('microphone')) this.#tellOfDevice('other-microphone');
    this.#writeConnection();
    document.title = room.title === 'Hubbub' ? room.title : `${room.title || room.name} · Hubbub`;
    byId(voice.microphone ? 'mute' : 'text').focus({ preventScroll: true });
  }

  /** The session is over: back to the door. @param {HubbubError | null} error */
  #ended(error) {
    const { view, wish } = this;
    this.view = null;
    clearInterval(this.countdown);
    for (const key of ['lost', 'quiet', 'microphone-silent', 'sound', 'no-speaker', 'other-microphone']) this.notices.hide(key);
    for (const box of [this.invite, this.person, this.sound]) box.close();
    document.body.dataset.view = 'lobby';
    document.title = 'Hubbub';
    byId('room').hidden = true;
    byId('room-title').hidden = true;
    this.lobby.show(true);
    byId('join-voice').focus();
    const actions = wish ? [{ label: t('notice.rejoin'), act: () => void this.enter(wish) }] : [];
    if (error) this.notices.show('ended', { ...describe(error), actions });
    else byId('join-progress').textContent = t('room.left.text');
    view?.close();
  }

  /** @param {unknown} error @param {Wish} wish */
  #refused(error, wish) {
    const code = error instanceof HubbubError ? error.code : '';
    const atMicrophone = wish.voice && !['unreachable', 'refused', 'protocol', 'replaced'].includes(code);
    const actions = [{ label: t('notice.retry'), act: () => void this.enter(wish) }];
    if (atMicrophone) {
      actions.push({ label: t('notice.typing'), act: () => void this.enter({ ...wish, voice: false }) });
    }
    if (code === 'insecure-origin' || code === 'unsupported') actions.shift(); // trying again would change nothing
    this.notices.show('join', { ...describe(error), actions });
  }

  /** There is no sound: say why, and offer to try again where that may help. @param {HubbubError} error */
  #silent(error) {
    const wake = () => void this.voice?.wake().then(() => this.notices.hide('sound'), () => {});
    const actions = error.code === 'sound-blocked' ? [{ label: t('notice.wake'), act: wake }] : [];
    this.notices.show('sound', { ...describe(error), tone: 'info', actions });
  }

  /** @param {import('./sdk/hubbub.js').StateChange} change */
  #state({ state, retryAt }) {
    this.#quiet();
    clearInterval(this.countdown);
    if (!this.view) return;
    if (state === 'open') this.notices.hide('lost');
    if (state === 'connecting') this.notices.change('lost', t('error.lost.now'));
    if (state !== 'waiting') return;
    const advice = () => t('error.lost.do', { seconds: Math.max(0, Math.ceil((retryAt - Date.now()) / 1000)) });
    if (!this.notices.shown.has('lost')) {
      this.notices.show('lost', { title: t('error.lost.title'), advice: advice(), lasting: true,
        actions: [{ label: t('notice.now'), act: () => this.client?.retryNow() }] });
    }
    this.notices.change('lost', advice());
    this.countdown = setInterval(() => this.notices.change('lost', advice()), 250);
  }

  /** The loudspeaker that was chosen is not there, or is there again. @param {import('./sdk/index.js').Voice} voice */
  #otherSpeaker(voice) {
    if (voice.speakerError?.code === 'no-speaker') this.#tellOfDevice('no-speaker');
    else this.notices.hide('no-speaker');
  }

  /** @param {'no-speaker' | 'other-microphone'} what */
  #tellOfDevice(what) {
    this.notices.show(what, { title: t(`error.${what}.title`), advice: t(`error.${what}.do`), tone: 'info' });
  }

  /** Nothing comes over the line, or this machine has none: it is said before the connection is given up. */
  #quiet() {
    const { client, view } = this;
    const quiet = !!client && lineIsQuiet(client);
    if (!quiet || !view) this.notices.hide('quiet');
    else if (!this.notices.shown.has('quiet')) {
      this.notices.show('quiet', { title: t('error.quiet.title'), advice: t('error.quiet.do'), lasting: true });
    }
    this.#writeConnection();
    view?.writeStatus();
  }

  #writeConnection() {
    const state = this.notices.shown.has('quiet') ? 'waiting' : (this.client?.state ?? 'closed');
    const shown = state === 'idle' ? 'closed' : state;
    const pill = byId('connection');
    pill.dataset.state = shown;
    pill.dataset.wire = this.client?.wire ?? '';
    const text = t(`connection.${shown}`);
    const label = /** @type {HTMLElement} */ (pill.lastElementChild);
    if (label.textContent !== text) label.textContent = text;
  }

  #invite() {
    const { view } = this;
    if (view && !dialogOpen()) this.invite.open(view.voice.client.room, { token: !!this.token, moderator: view.moderator });
  }

  /** @param {string} agent */
  #showMemory(agent) {
    this.details.show(true);
    this.details.choose('memory');
    this.memory.choose(agent);
    byId('tab-memory').focus();
  }

  #listen() {
    this.details.onTab = (tab) => this.memory.look(this.details.open && tab === 'memory');
    byId('leave').addEventListener('click', () => this.voice?.leave());
    byId('invite-open').addEventListener('click', () => this.#invite());
    byId('devices-open').addEventListener('click', () => this.voice && void this.sound.open(this.voice));
    byId('details-toggle').addEventListener('click', () => this.details.show(!this.details.open));
    byId('details-close').addEventListener('click', () => {
      this.details.show(false);
      byId('details-toggle').focus();
    });
    addEventListener('offline', () => this.#quiet());
    addEventListener('online', () => {
      this.#quiet();
      this.client?.retryNow();
    });
  }
}

const app = new App();

/** For tests, and for the curious at the console. */
Object.assign(globalThis, { hubbub: app });
