/**
 * Microphones and loudspeakers of this machine.
 *
 * @typedef {{id: string, label: string}} Device
 * @typedef {{microphones: Device[], speakers: Device[]}} Devices  labels are empty until the microphone was allowed once
 */

/** @returns {Promise<Devices>}  empty lists where the browser tells nothing */
export async function listDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  const of = (/** @type {string} */ kind) => all.filter((one) => one.kind === kind && one.deviceId)
    .map((one) => ({ id: one.deviceId, label: one.label }));
  return { microphones: of('audioinput'), speakers: canChooseSpeaker() ? of('audiooutput') : [] };
}

/** Whether the browser lets a page choose where its sound goes. */
export function canChooseSpeaker() {
  return typeof AudioContext === 'function' && 'setSinkId' in AudioContext.prototype;
}

/** Calls `listener` when a device is plugged in or pulled out. Returns what ends that. @param {() => void} listener */
export function watchDevices(listener) {
  navigator.mediaDevices?.addEventListener?.('devicechange', listener);
  return () => navigator.mediaDevices?.removeEventListener?.('devicechange', listener);
}
