/** The page: from the door into a room and back. */

import { t } from './i18n.js';
import { Details } from './page/details.js';
import { byId } from './page/dom.js';
import { drawHero } from './page/hero.js';
import { Lobby } from './page/lobby.js';
import { Notices } from './page/notices.js';
import { describe } from './page/problems.js';
import { RoomView } from './page/room.js';
import { asked, startSettings } from './page/settings.js';
import { HubbubError } from './sdk/errors.js';
import { HubbubClient } from './sdk/hubbub.js';
import { Microphone } from './sdk/microphone.js';
import { Player, SilentPlayer } from './sdk/player.js';

const OUTPUT_RATE_HZ = 24000;
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** @typedef {import('./page/lobby.js').Wish} Wish */

class App {
  constructor() {
    this.notices = new Notices(byId('notices'), byId('alerts'));
    this.details = new Details();
    /** @type {RoomView | null} */
    this.view = null;
    /** @type {Wish | null} what was asked for last */
    this.wish = null;
    /** @type {HubbubClient | null} */
    this.client = null;
    /** @type {import('./sdk/talk.js').AnyPlayer | null} */
    this.player = null;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.countdown = undefined;
    drawHero(byId('hero'));
    this.lobby = new Lobby(this.notices, (wish) => void this.enter(wish));
    startSettings(() => this.render());
    byId('leave').addEventListener('click', () => this.client?.leave());
    byId('details-toggle').addEventListener('click', () => this.details.show(!this.details.open));
    byId('details-close').addEventListener('click', () => {
      this.details.show(false);
      byId('details-toggle').focus();
    });
    addEventListener('online', () => this.client?.retryNow());
    addEventListener('pagehide', () => this.client?.leave());
  }

  render() {
    this.lobby?.render();
    this.details.render();
    this.view?.render();
    this.view?.dock.strip.repaint();
    this.#writeConnection(this.client?.state ?? 'closed');
  }

  /** @param {Wish} wish */
  async enter(wish) {
    this.wish = wish;
    for (const key of ['join', 'microphone', 'ended', 'room-unknown']) this.notices.hide(key);
    this.lobby.setBusy(true, t(wish.voice ? 'lobby.allow' : 'lobby.joining'));
    const opening = openPlayer(); // in the click itself: later the browser may hold the sound back
    let microphone = null;
    let player = null;
    try {
      if (wish.voice) microphone = await openMicrophone();
      const opened = await opening;
      player = opened.player;
      this.lobby.setBusy(true, t('lobby.joining'));
      await this.#join(wish);
      this.#show(wish, player, microphone);
      if (opened.error) this.#silent(opened.error);
    } catch (error) {
      await microphone?.close();
      await (player ?? (await opening).player).close();
      this.#refused(error, wish);
    } finally {
      this.lobby.setBusy(false);
    }
  }

  /** @param {Wish} wish */
  async #join({ room, name }) {
    const url = new URL('api/voice', document.baseURI);
    url.protocol = url.protocol.replace('http', 'ws');
    url.search = '';
    const client = new HubbubClient({ url, room: room.name, name, audio: { output_rate_hz: OUTPUT_RATE_HZ } });
    this.client = client;
    client.on('state', (change) => this.#state(change));
    await client.join();
  }

  /**
   * @param {Wish} wish
   * @param {import('./sdk/talk.js').AnyPlayer} player
   * @param {Microphone | null} microphone
   */
  #show({ room }, player, microphone) {
    const client = /** @type {HubbubClient} */ (this.client);
    this.player = player;
    document.body.dataset.view = 'room';
    this.lobby.show(false);
    byId('room').hidden = false;
    this.details.latency.clear();
    this.details.setFact('version', this.lobby.house?.version ?? '');
    this.details.setFact('microphone', microphone?.label || t('details.microphone.none'));
    this.details.setFact('output', player.latencyMs);
    this.view = new RoomView({ client, player, microphone, room, notices: this.notices, details: this.details, openMicrophone,
      onEnd: (error) => void this.#ended(error) });
    this.#writeConnection(client.state);
    document.title = room.title === 'Hubbub' ? room.title : `${room.title || room.name} · Hubbub`;
    byId(microphone ? 'mute' : 'text').focus({ preventScroll: true });
  }

  /** The session is over: back to the door. @param {HubbubError | null} error */
  async #ended(error) {
    const { view } = this;
    this.view = null;
    this.player = null;
    clearInterval(this.countdown);
    this.notices.hide('lost');
    this.notices.hide('microphone-silent');
    document.body.dataset.view = 'lobby';
    document.title = 'Hubbub';
    byId('room').hidden = true;
    byId('room-title').hidden = true;
    this.lobby.show(true);
    byId('join-voice').focus();
    const { wish } = this;
    const actions = wish ? [{ label: t('notice.rejoin'), act: () => void this.enter(wish) }] : [];
    if (error) this.notices.show('ended', { ...describe(error), actions });
    else byId('join-progress').textContent = t('room.left.text');
    await view?.close();
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
    const actions = error.code === 'sound-blocked' ? [{ label: t('notice.wake'), act: () => void this.#wake() }] : [];
    this.notices.show('sound', { ...describe(error), tone: 'info', actions });
  }

  async #wake() {
    const { view } = this;
    const { player, error } = await openPlayer();
    if (error || !view) return void player.close();
    this.notices.hide('sound');
    await view.usePlayer(player);
    this.player = player;
  }

  /** @param {import('./sdk/hubbub.js').StateChange} change */
  #state({ state, retryAt }) {
    this.#writeConnection(state);
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

  /** @param {import('./sdk/hubbub.js').State} state */
  #writeConnection(state) {
    const shown = state === 'idle' ? 'closed' : state;
    const pill = byId('connection');
    pill.dataset.state = shown;
    const text = t(`connection.${shown}`);
    const label = /** @type {HTMLElement} */ (pill.lastElementChild);
    if (label.textContent !== text) label.textContent = text;
  }
}

/** The loudspeaker; where the browser has none, one that only keeps time, and the reason. */
async function openPlayer() {
  try {
    return { player: await Player.open(OUTPUT_RATE_HZ), error: null };
  } catch (error) {
    const reason = error instanceof HubbubError ? error : new HubbubError('worklet-missing', String(error), { cause: error });
    return { player: new SilentPlayer(OUTPUT_RATE_HZ), error: reason };
  }
}

function openMicrophone() {
  return Microphone.open({ constraints: asked.get('mic') === 'raw' ? RAW : {} });
}

const app = new App();

/** For tests, and for the curious at the console. */
Object.assign(globalThis, { hubbub: app });
