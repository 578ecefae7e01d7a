/** The line to the server, as one tells of it. */

/**
 * Whether nothing comes over a connection that stands, or this machine says that it has no network.
 *
 * @param {import('../sdk/hubbub.js').HubbubClient} client
 */
export function lineIsQuiet(client) {
  return client.state === 'open' && (client.quiet || !navigator.onLine);
}
