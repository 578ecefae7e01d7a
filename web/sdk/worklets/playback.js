/** In the audio thread: a thin skin of PlaybackBuffer and VoicesBuffer. */

import { PlaybackBuffer } from '../playback-buffer.js';
import { VoicesBuffer } from '../voices-buffer.js';

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.buffer = new PlaybackBuffer(sampleRate);
    this.voices = new VoicesBuffer(sampleRate);
    this.running = true;
    this.port.onmessage = (message) => this.receive(message.data);
  }

  /** @param {import('../player.js').Order} order */
  receive(order) {
    if (order.do === 'voices') return this.voices.push(order.samples);
    if (order.do === 'play') this.buffer.push(order.frame);
    else if (order.do === 'hold') this.buffer.hold(order.reply);
    else if (order.do === 'resume') this.buffer.resume(order.reply);
    else if (order.do === 'clear') this.buffer.clear(order.reply);
    else if (order.do === 'reset') {
      this.buffer.reset();
      this.voices.reset();
    } else this.running = false;
    this.report();
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, outputs) {
    const [left, ...others] = outputs[0];
    this.buffer.pull(left);
    this.voices.addTo(left);
    for (const other of others) other.set(left);
    this.report();
    return this.running;
  }

  report() {
    if (this.buffer.reports.length) this.port.postMessage(this.buffer.takeReports());
  }
}

registerProcessor('hubbub-playback', Playback);
