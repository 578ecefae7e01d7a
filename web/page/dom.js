/** Small helpers for the document. Text always goes in as text, never as markup. */

/**
 * An element of the page that must be there.
 *
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @returns {E}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element #${id}`);
  return /** @type {E} */ (found);
}

/**
 * Makes an element.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {{class?: string, text?: string, data?: Record<string, string>} & Record<string, any>} [props]  other names are
 *   attributes, or listeners where the value is a function
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'class') node.className = value;
    else if (name === 'text') node.textContent = value;
    else if (name === 'data') Object.assign(node.dataset, value);
    else if (typeof value === 'function') node.addEventListener(name, value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/**
 * An icon of the sprite in index.html.
 *
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Changes the icon of a button. @param {Element} button @param {string} name */
export function setIcon(button, name) {
  button.querySelector('use')?.setAttribute('href', `#i-${name}`);
}

/** Names a button, for the eye (tooltip) and for the ear. @param {Element} button @param {string} label */
export function setLabel(button, label) {
  button.setAttribute('aria-label', label);
  button.setAttribute('title', label);
}

const HUES = 8;
const HUES_REMEMBERED = 200;
/** @type {Map<string, number>} */
const hues = new Map();

/**
 * The colour that goes with a name, the same everywhere on the page: by the name itself, or the next one that is free where two
 * names fall on the same.
 *
 * @param {string} name
 */
export function hueOf(name) {
  const known = hues.get(name);
  if (known !== undefined) return String(known);
  let hash = 0x811c9dc5; // FNV-1a
  for (const char of name) hash = Math.imul(hash ^ /** @type {number} */ (char.codePointAt(0)), 0x01000193);
  const taken = new Set(hues.values());
  const first = ((hash ^ (hash >>> 15)) >>> 0) % HUES;
  let hue = first;
  while (taken.has(hue) && taken.size < HUES) hue = (hue + 3) % HUES; // 3 and 8 have no common factor: all come up
  if (hues.size < HUES_REMEMBERED) hues.set(name, hue);
  return String(hue);
}

/** The disc with a name's first letter. @param {string} name @param {string} kind */
export function avatar(name, kind) {
  const letter = Array.from(name.trim())[0] ?? '?';
  return el('span', { class: 'avatar', 'aria-hidden': 'true', data: { hue: hueOf(name), kind }, text: letter.toUpperCase() });
}
