/** What the page remembers of this person: language, theme, name. And what the address asks for. */

import { currentLanguage, pickLanguage, setLanguage, t, translate } from '../i18n.js';
import { tabStorage } from '../sdk/index.js';
import { byId, setIcon, setLabel } from './dom.js';

/** @typedef {'auto' | 'light' | 'dark'} Theme */

/** What the address asks for: `?room=`, `?name=`, `?lang=`, and `?mic=raw` (no echo cancelling, for measurements). */
export const asked = new URLSearchParams(location.search);

/**
 * The token that the address gives. It is taken out of the address, so that it is in no history and in no link that is copied,
 * and kept for a reload in this tab alone.
 */
export function takeToken() {
  const storage = tabStorage();
  const given = asked.get('token') ?? new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    const clean = new URL(location.href);
    clean.searchParams.delete('token');
    clean.hash = '';
    history.replaceState(null, '', clean);
    storage?.setItem('hubbub.token', given);
  }
  return given ?? storage?.getItem('hubbub.token') ?? '';
}

/** @param {string} key @returns {string | null} */
export function recall(key) {
  try {
    return localStorage.getItem(`hubbub.${key}`);
  } catch {
    return null; // storage is forbidden here
  }
}

/** @param {string} key @param {string} value */
export function remember(key, value) {
  try {
    localStorage.setItem(`hubbub.${key}`, value);
  } catch {
    // Storage is forbidden here: the choice lasts as long as the page.
  }
}

/** @type {readonly Theme[]} */
const THEMES = ['auto', 'light', 'dark'];
const systemDark = matchMedia('(prefers-color-scheme: dark)');

/**
 * Sets language and theme, and their buttons.
 *
 * @param {() => void} onChange  called when what is on the screen must be written or painted anew
 */
export function startSettings(onChange) {
  let theme = THEMES.find((each) => each === recall('theme')) ?? 'auto';

  const applyTheme = () => {
    const dark = theme === 'dark' || (theme === 'auto' && systemDark.matches);
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    const button = byId('theme');
    button.dataset.themeChoice = theme;
    setIcon(button, theme);
    setLabel(button, t(`theme.${theme}`));
    onChange();
  };

  const applyLanguage = () => {
    document.documentElement.lang = currentLanguage() === 'zh' ? 'zh-CN' : 'en';
    const button = byId('language');
    button.textContent = t('app.language.other');
    button.lang = currentLanguage() === 'zh' ? 'en' : 'zh-CN';
    translate(document);
    applyTheme();
  };

  byId('theme').addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    remember('theme', theme);
    applyTheme();
  });
  byId('language').addEventListener('click', () => {
    setLanguage(currentLanguage() === 'zh' ? 'en' : 'zh');
    remember('language', currentLanguage());
    applyLanguage();
  });
  systemDark.addEventListener('change', applyTheme);

  setLanguage(pickLanguage(asked.get('lang') ?? recall('language'), navigator.languages));
  applyLanguage();
}
