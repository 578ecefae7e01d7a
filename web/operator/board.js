/**
 * The figures of a server: sessions, rooms, latency, turns, errors, recordings.
 *
 * @typedef {import('../sdk/operator.js').Overview} Overview
 * @typedef {import('../sdk/operator.js').SessionInfo} SessionInfo
 * @typedef {import('../sdk/operator.js').Percentiles} Percentiles
 */

import { formatMs, listNames, t } from '../i18n.js';
import { byId, el } from '../page/dom.js';
import { bar, PARTS } from '../page/latency.js';

const TURNS_SHOWN = 12;

/** "4:05" or "1:02:09". @param {number} seconds */
export function formatSpan(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A time of day as this reader writes it. @param {string} iso */
export function formatTime(iso) {
  return new Date(iso).toLocaleString(document.documentElement.lang, { dateStyle: 'short', timeStyle: 'medium' });
}

/** @param {Overview} overview @param {Percentiles | undefined} total */
export function showTiles(overview, total) {
  const late = overview.clock.late_ticks;
  const tiles = /** @type {const} */ ([
    [overview.sessions.length, 'op.tile.sessions', ''], [overview.rooms.filter((room) => room.open).length, 'op.tile.rooms', ''],
    [total ? formatMs(total.p50) : '–', 'op.tile.median', ''], [total ? formatMs(total.p95) : '–', 'op.tile.p95', ''],
    [overview.counters.turns ?? 0, 'op.tile.turns', ''], [late, 'op.tile.late', late > overview.clock.ticks / 1000 ? 'warn' : ''],
  ]);
  byId('tiles').replaceChildren(...tiles.map(([value, key, tone]) =>
    el('li', { data: { tone } }, el('b', { text: String(value) }), el('span', { text: t(key) }))));
}

/** @param {Overview} overview @param {(session: string, on: boolean) => void} record */
export function showSessions(overview, record) {
  const { sessions, recording } = overview;
  if (!sessions.length) return void byId('sessions').replaceChildren(el('p', { class: 'muted', text: t('op.sessions.none') }));
  const rows = sessions.map((one) => {
    const state = one.connected ? 'on' : 'away';
    const wire = one.connected ? one.connection ?? '' : t('op.lost', { time: formatSpan(one.away_s ?? 0) });
    const button = el('button', { type: 'button', class: 'small', text: t(one.recording ? 'op.record.off' : 'op.record.on'),
      'aria-label': `${t(one.recording ? 'op.record.off' : 'op.record.on')}: ${one.name}`, click: () => record(one.id, !one.recording) });
    return [el('b', { text: one.name, title: `${one.name} ${one.id}` }), one.room,
      el('span', { class: 'state', data: { state } }, el('i', { 'aria-hidden': 'true' }), el('span', { text: wire })),
      formatSpan(one.age_s), one.ear, one.mouth, one.last_turn ? formatMs(one.last_turn.total_ms) : '–', recording.on ? button : '–'];
  });
  byId('sessions').replaceChildren(table(
    ['op.col.caller', 'op.col.room', 'op.col.wire', 'op.col.age', 'op.col.ear', 'op.col.mouth', 'op.col.last', 'op.col.record'], rows));
}

/** @param {Overview} overview */
export function showRooms({ rooms }) {
  const busiest = [...rooms].sort((a, b) => b.callers.length - a.callers.length || Number(b.open) - Number(a.open));
  byId('rooms').replaceChildren(el('ul', { class: 'plain-rows' }, ...busiest.map((room) => {
    const who = room.open ? t('op.rooms.callers', { count: room.callers.length }) : t('op.rooms.closed');
    return el('li', {}, el('div', {}, el('b', { text: room.title || room.name }), ' ',
      el('span', { text: t('op.rooms.agents', { names: listNames(room.agents) }) })), el('span', { text: who }));
  })));
}

/** @param {import('../sdk/operator.js').Latency} latency */
export function showLatency({ parts }) {
  const most = parts.total?.p95 || 1;
  const rows = [...PARTS, /** @type {const} */ ('total_ms')].flatMap((part) => {
    const figures = parts[part.replace('_ms', '')];
    if (!figures) return [];
    const name = part === 'total_ms' ? t('op.latency.total') : t(`latency.${part}`);
    const row = [name, spread(figures, part, most), ...[figures.p50, figures.p95, figures.p99].map(formatMs)];
    return [{ row, total: part === 'total_ms' }];
  });
  if (!rows.length) return void byId('latency').replaceChildren(el('p', { class: 'muted', text: t('op.latency.none') }));
  const grid = table(['op.col.part', 'op.col.spread', 'p50', 'p95', 'p99'], rows.map(({ row }) => row));
  grid.querySelectorAll('tbody tr').forEach((tr, n) => tr.classList.toggle('total', rows[n].total));
  byId('latency').replaceChildren(grid);
}

/** Two bars in one: the median solid, the 95th percentile pale. @param {Percentiles} figures @param {string} part @param {number} most */
function spread({ p50, p95 }, part, most) {
  const lane = el('span', { class: 'spread', 'aria-hidden': 'true' });
  for (const value of [p95, p50]) {
    const piece = el('i', { data: { part: part === 'total_ms' ? 'endpoint_ms' : part } });
    piece.style.width = `${Math.min(100, (100 * value) / most)}%`;
    lane.append(piece);
  }
  return lane;
}

/** @param {readonly import('../sdk/operator.js').AnsweredTurn[]} turns */
export function showTurns(turns) {
  if (!turns.length) return void byId('turns').replaceChildren(el('p', { class: 'muted', text: t('op.latency.none') }));
  const last = turns.slice(0, TURNS_SHOWN);
  const longest = Math.max(1000, ...last.map((turn) => turn.latency.total_ms));
  byId('turns').replaceChildren(el('ol', { class: 'turn-rows' }, ...last.map((turn) =>
    el('li', {}, el('span', { text: `${turn.speaker} → ${turn.agent}`, title: `${turn.room} ${turn.session} ${turn.at}` }),
      bar(turn.latency, longest), el('b', { text: formatMs(turn.latency.total_ms) })))));
}

/** @param {readonly import('../sdk/operator.js').LoggedError[]} errors */
export function showErrors(errors) {
  if (!errors.length) return void byId('errors').replaceChildren(el('p', { class: 'muted', text: t('op.errors.none') }));
  byId('errors').replaceChildren(el('ol', { class: 'errors', tabindex: '0', 'aria-label': t('op.errors') }, ...errors.map((error) => {
    const where = [formatTime(error.at), error.room, error.session, error.times > 1 ? t('op.errors.times', { times: error.times }) : ''];
    const item = el('li', { data: { level: error.level } }, el('span', { class: 'muted', text: where.filter(Boolean).join(' · ') }), error.message);
    if (error.detail) item.append(el('pre', { text: error.detail }));
    return item;
  })));
}

/** @param {{on: boolean, recordings: import('../sdk/operator.js').RecordingInfo[]}} all */
export function showRecordings({ on, recordings }) {
  if (!recordings.length) {
    byId('recordings').replaceChildren(el('p', { class: 'muted', text: t(on ? 'op.recordings.none' : 'op.recordings.off') }));
    return;
  }
  const rows = recordings.map((one) => [el('b', { text: one.caller || one.name, title: one.name }), one.room, formatTime(one.started),
    formatSpan(one.seconds), one.problem || one.state,
    el('a', { href: `#recording/${encodeURIComponent(one.name)}`, text: t('op.open'), class: 'back', 'aria-label': `${t('op.open')}: ${one.caller} ${one.name}` })]);
  byId('recordings').replaceChildren(table(
    ['op.col.caller', 'op.col.room', 'op.col.started', 'op.col.length', 'op.col.state', 'op.col.open'], rows));
}

/**
 * @param {readonly string[]} heads  keys of texts, or words that are the same in every language
 * @param {readonly (readonly (string | Node)[])[]} rows
 */
function table(heads, rows) {
  const name = (/** @type {string} */ head) => (head.startsWith('op.') ? t(/** @type {import('../i18n.js').Key} */ (head)) : head);
  // The roles are said since a narrow window lays the table out otherwise, and browsers then take it for none.
  return el('table', { role: 'table' },
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, ...heads.map((head) => el('th', { role: 'columnheader', scope: 'col', text: name(head) })))),
    el('tbody', { role: 'rowgroup' }, ...rows.map((row) => el('tr', { role: 'row' }, ...row.map((cell, place) =>
      el('td', { role: 'cell', data: { head: name(heads[place]) } }, cell))))));
}
