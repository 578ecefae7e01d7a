/** In the audio thread: the microphone's samples, mixed to one channel, brought to the wire's rate, cut into messages. */

import { Resampler } from '../resampler.js';

class Capture extends AudioWorkletProcessor {
  /** @param {AudioWorkletNodeOptions} options */
  constructor(options) {
    super();
    const { rateHz, messageMs } = options.processorOptions;
    this.resampler = new Resampler(sampleRate, rateHz);
    this.message = new Int16Array(Math.round((rateHz * messageMs) / 1000));
    this.filled = 0;
    this.squares = 0;
    this.running = true;
    this.port.onmessage = () => (this.running = false);
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const channels = inputs[0];
    if (channels.length) this.take(this.resampler.process(mix(channels)));
    return this.running;
  }

  /** @param {Float32Array} samples */
  take(samples) {
    for (const sample of samples) {
      const clipped = Math.max(-1, Math.min(1, sample));
      this.message[this.filled++] = Math.round(clipped * 32767);
      this.squares += clipped * clipped;
      if (this.filled === this.message.length) this.send();
    }
  }

  send() {
    const level = Math.sqrt(this.squares / this.filled);
    const pcm = this.message;
    this.message = new Int16Array(pcm.length);
    this.filled = 0;
    this.squares = 0;
    this.port.postMessage({ pcm, level }, [pcm.buffer]);
  }
}

/** @param {Float32Array[]} channels */
function mix(channels) {
  if (channels.length === 1) return channels[0];
  const out = new Float32Array(channels[0].length);
  for (const channel of channels) {
    for (let i = 0; i < out.length; i++) out[i] += channel[i] / channels.length;
  }
  return out;
}

registerProcessor('hubbub-capture', Capture);
