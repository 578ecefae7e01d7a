/**
 * Where a server's doors are, given its address. Pure.
 *
 * @typedef {{root: URL, voice: URL, webrtc: URL}} Endpoints  `root`: what `api/…` is below; `voice`: the WebSocket
 */

import { HubbubError } from './errors.js';

const VOICE_PATH = 'api/voice';

/**
 * Takes the server's address (`https://host/`, `http://host/hubbub/`) or that of its WebSocket (`wss://host/api/voice`).
 *
 * @param {string | URL} url
 * @returns {Endpoints}
 * @throws {HubbubError} `protocol` where that is no such address
 */
export function endpoints(url) {
  /** @type {URL} */
  let root;
  try {
    root = new URL(url);
  } catch (cause) {
    throw new HubbubError('protocol', `"${url}" is not an address: give one like https://host/`, { cause });
  }
  if (!['http:', 'https:', 'ws:', 'wss:'].includes(root.protocol)) {
    throw new HubbubError('protocol', `a server has an address with http, https, ws or wss, not ${root.protocol}`);
  }
  root.hash = '';
  root.search = '';
  root.protocol = root.protocol.replace('ws', 'http');
  if (root.pathname.endsWith(`/${VOICE_PATH}`)) root.pathname = root.pathname.slice(0, -VOICE_PATH.length);
  if (!root.pathname.endsWith('/')) root.pathname = root.pathname.replace(/[^/]*$/, '');
  const voice = new URL(VOICE_PATH, root);
  voice.protocol = voice.protocol.replace('http', 'ws');
  return { root, voice, webrtc: new URL('api/webrtc', root) };
}

/**
 * The same address with parameters, leaving out those that are empty.
 *
 * @param {URL} url
 * @param {Record<string, string | null | undefined>} parameters
 */
export function withParameters(url, parameters) {
  const full = new URL(url);
  for (const [name, value] of Object.entries(parameters)) {
    if (value) full.searchParams.set(name, value);
  }
  return full;
}
