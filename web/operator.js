/** The operator's page: the figures of the server, and one recording at a time. */

import { t } from './i18n.js';
import * as board from './operator/board.js';
import { RecordingView } from './operator/recording.js';
import { byId } from './page/dom.js';
import { Notices } from './page/notices.js';
import { describe } from './page/problems.js';
import { startSettings, takeToken } from './page/settings.js';
import { HubbubError, OperatorApi, tabStorage } from './sdk/index.js';

const REFRESH_MS = 2000;

class Operator {
  constructor() {
    this.notices = new Notices(byId('notices'), byId('alerts'));
    this.api = new OperatorApi({ url: document.baseURI, token: takeToken() });
    this.recording = new RecordingView(this.api);
    /** @type {import('./sdk/operator.js').Overview | null} */
    this.overview = null;
    startSettings(() => this.render());
    byId('key-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#useKey(/** @type {HTMLInputElement} */ (byId('key')).value.trim());
    });
    addEventListener('hashchange', () => void this.#route());
    void this.#route();
    void this.#keepLooking();
  }

  render() {
    this.recording?.render();
    if (this.overview) void this.look();
  }

  /** Asks for all figures and shows them. @returns {Promise<void>} */
  async look() {
    try {
      const [overview, latency, turns, errors, recordings] = await Promise.all([
        this.api.overview(), this.api.latency(), this.api.turns(), this.api.errors(), this.api.recordings()]);
      this.overview = overview;
      byId('key-form').hidden = true;
      this.notices.hide('unreachable');
      this.#say('open', t('op.server', { version: overview.version, time: board.formatSpan(overview.uptime_s) }));
      board.showTiles(overview, latency.parts.total);
      board.showSessions(overview, (session, on) => void this.#record(session, on));
      board.showRooms(overview);
      board.showLatency(latency);
      board.showTurns(turns.turns);
      board.showErrors(errors.errors);
      board.showRecordings(recordings);
      byId('board').hidden = !byId('recording').hidden;
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    if (error instanceof HubbubError && error.code === 'refused') {
      byId('key-form').hidden = false;
      byId('board').hidden = true;
      this.#say('closed', error.message);
    } else {
      this.#say('waiting', t('op.away'));
      this.notices.show('unreachable', { ...describe(error), lasting: true });
    }
  }

  async #keepLooking() {
    for (;;) {
      const waits = !byId('key-form').hidden; // for the key: asking again would only be refused again
      const busy = document.hidden || !byId('recording').hidden || waits || holdsFocus();
      if (!busy) await this.look();
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    }
  }

  /** @param {string} key */
  #useKey(key) {
    this.api.token = key;
    tabStorage()?.setItem('hubbub.token', key);
    void this.look().then(() => this.#route());
  }

  /** @param {string} session @param {boolean} on */
  async #record(session, on) {
    try {
      await this.api.record(session, on);
      this.notices.hide('record');
    } catch (error) {
      this.notices.show('record', describe(error));
    }
    await this.look();
  }

  /** What the address asks for: the figures, or a recording. */
  async #route() {
    const [, name] = /^#recording\/(.+)$/.exec(location.hash) ?? [];
    byId('recording').hidden = !name;
    byId('board').hidden = !!name || !this.overview;
    this.notices.hide('recording');
    if (!name) {
      this.recording.close();
      if (this.overview) await this.look();
      return;
    }
    try {
      await this.recording.open(decodeURIComponent(name));
    } catch (error) {
      this.notices.show('recording', describe(error));
    }
  }

  /** @param {string} state @param {string} text */
  #say(state, text) {
    byId('server').dataset.state = state;
    const line = /** @type {HTMLElement} */ (byId('server').lastElementChild);
    if (line.textContent !== text) line.textContent = text;
  }
}

/** Whether somebody is at a button or a link of the tables, which writing anew would take from under him. */
function holdsFocus() {
  const { activeElement } = document;
  return activeElement instanceof HTMLElement && byId('board').contains(activeElement) && activeElement.matches('button, a');
}

/** For tests, and for the curious at the console. */
Object.assign(globalThis, { hubbub: new Operator() });
