/** In the audio thread: a thin skin of PlaybackBuffer. */

import { PlaybackBuffer } from '../playback-buffer.js';

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.buffer = new PlaybackBuffer(sampleRate);
    this.running = true;
    this.port.onmessage = (message) => this.receive(message.data);
  }

  /** @param {import('../player.js').Order} order */
  receive(order) {
    if (order.do === 'play') this.buffer.push(order.frame);
    else if (order.do === 'hold') this.buffer.hold(order.reply);
    else if (order.do === 'resume') this.buffer.resume(order.reply);
    else if (order.do === 'clear') this.buffer.clear(order.reply);
    else if (order.do === 'reset') this.buffer.reset();
    else this.running = false;
    this.report();
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, outputs) {
    const [left, ...others] = outputs[0];
    this.buffer.pull(left);
    for (const other of others) other.set(left);
    this.report();
    return this.running;
  }

  report() {
    if (this.buffer.reports.length) this.port.postMessage(this.buffer.takeReports());
  }
}

registerProcessor('hubbub-playback', Playback);
