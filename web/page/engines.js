/** Which engine serves each stage, and the honest word about it. */

import { currentLanguage, hasText, t } from '../i18n.js';
import { el } from './dom.js';

/** @typedef {import('../sdk/protocol.js').EngineInfo} EngineInfo */

const STAGES = /** @type {const} */ (['vad', 'asr', 'model', 'tts']);

/**
 * @param {HTMLElement} root
 * @param {Record<string, EngineInfo>} engines
 */
export function showEngines(root, engines) {
  const rows = STAGES.flatMap((stage) => {
    const engine = engines[stage];
    if (!engine) return [];
    const what = el('dd', {}, el('b', { text: engine.name }));
    if (engine.why) what.append(el('span', { class: 'why', text: engine.why }));
    const note = localNote(engine);
    if (note) what.append(el('p', { class: 'note', text: note }));
    return [el('dt', { text: t(`engine.${stage}`) }), what];
  });
  root.replaceChildren(...rows);
}

/** The server's notes are English; of the engines that come with it the page knows them in Chinese. @param {EngineInfo} engine */
function localNote(engine) {
  const key = `engine.note.${engine.name.toLowerCase().split(/[\s:(-]/)[0]}`;
  return engine.note && currentLanguage() !== 'en' && hasText(key) ? t(key) : engine.note;
}
