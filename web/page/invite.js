/** The window that invites others: a link, the same as a QR code, and another agent. */

import { t } from '../i18n.js';
import { HubbubError } from '../sdk/index.js';
import qrcode from '../vendor/qrcode.js';
import { dialog } from './dialog.js';
import { byId } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';

const TOKEN_S = 24 * 3600;

/** The address that leads to a room's door. @param {string} room @param {string} base @param {string} [token] */
export function inviteLink(room, base, token = '') {
  const link = new URL(base);
  link.search = '';
  link.hash = '';
  link.searchParams.set('room', room);
  if (token) link.hash = `token=${token}`; // what is behind the # goes to no server and into no log
  return link.href;
}

/** A QR code as one path of unit squares. @param {string} text @returns {{size: number, path: string}} */
export function qrPath(text) {
  const code = qrcode(0, 'M');
  code.addData(text, 'Byte');
  code.make();
  const size = code.getModuleCount();
  let path = '';
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) if (code.isDark(row, column)) path += `M${column} ${row}h1v1h-1z`;
  }
  return { size, path };
}

export class Invite {
  /** @param {import('../sdk/index.js').RoomsApi} api */
  constructor(api) {
    this.api = api;
    this.room = '';
    this.box = dialog('invite');
    this.link = /** @type {HTMLInputElement} */ (byId('invite-link'));
    this.name = /** @type {HTMLInputElement} */ (byId('invite-agent-name'));
    byId('invite-copy').addEventListener('click', () => void this.#copy());
    this.link.addEventListener('focus', () => this.link.select());
    byId('invite-agent').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#seat();
    });
  }

  /** @param {string} room @param {{token: boolean, moderator: boolean}} how  `token`: the server wants one of everybody */
  open(room, { token, moderator }) {
    this.room = room;
    byId('invite-hint').textContent = t(!token ? 'invite.hint' : moderator ? 'invite.hint.mine' : 'invite.hint.token');
    byId('invite-said').textContent = '';
    byId('invite-agent').hidden = !moderator;
    this.#show(inviteLink(room, document.baseURI));
    if (token && moderator) void this.#makeToken();
    this.box.showModal();
  }

  close() {
    this.box.close();
  }

  async #makeToken() {
    try {
      const { token } = await this.api.makeToken({ room: this.room, role: 'speaker', for_s: TOKEN_S });
      this.#show(inviteLink(this.room, document.baseURI, token));
    } catch (error) {
      byId('invite-said').textContent = error instanceof HubbubError ? error.message : String(error);
    }
  }

  /** @param {string} link */
  #show(link) {
    this.link.value = link;
    const { size, path } = qrPath(link);
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
    const dark = document.createElementNS(SVG, 'path');
    dark.setAttribute('d', path);
    svg.append(dark);
    byId('invite-qr').replaceChildren(svg);
  }

  async #copy() {
    this.link.select();
    try {
      await navigator.clipboard.writeText(this.link.value);
      byId('invite-said').textContent = t('invite.copied');
    } catch {
      byId('invite-said').textContent = t('invite.copy.yourself'); // forbidden, or no secure origin
    }
  }

  async #seat() {
    const name = this.name.value.trim();
    if (!name) return this.name.focus();
    try {
      await this.api.inviteAgent(this.room, { name });
      this.name.value = '';
      byId('invite-said').textContent = t('invite.agent.done', { name });
    } catch (error) {
      byId('invite-said').textContent = error instanceof HubbubError ? error.message : String(error);
    }
  }
}
