/**
 * Plays a MediaStream through an `<audio>` element, which is what the browser's echo canceller knows, and measures how loud it is.
 */
export class StreamPlayer {
  /** @param {MediaStream} stream @param {AudioContext} context  to measure with @param {() => void} onBlocked */
  constructor(stream, context, onBlocked) {
    this.stream = stream;
    this.context = context;
    this.onBlocked = onBlocked;
    this.audio = new Audio();
    this.audio.autoplay = true;
    this.audio.srcObject = stream;
    /** @type {MediaStreamAudioSourceNode | null} */
    this.source = null;
    this.analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.window = new Float32Array(this.analyser.fftSize);
    this.onTrack = () => this.#measure();
    stream.addEventListener('addtrack', this.onTrack);
    this.#measure();
    void this.play();
  }

  /** Lets it sound; where the browser wants a click first, it says so. */
  async play() {
    try {
      await this.audio.play();
    } catch (error) {
      // Taking the stream away again aborts a play that has not begun: that is no refusal.
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.onBlocked();
    }
  }

  /** From 0 to 1. @param {number} volume */
  set volume(volume) {
    this.audio.volume = volume;
    this.audio.muted = volume === 0; // iPhones know no volume
  }

  /** RMS from 0 to 1, whatever the volume. */
  level() {
    if (!this.source) return 0;
    this.analyser.getFloatTimeDomainData(this.window);
    return Math.sqrt(this.window.reduce((sum, sample) => sum + sample * sample, 0) / this.window.length);
  }

  /** @param {string} id  of the device; empty: the one that the system prefers */
  async choose(id) {
    const audio = /** @type {HTMLAudioElement & {setSinkId?: (id: string) => Promise<void>}} */ (this.audio);
    if (audio.setSinkId && id !== /** @type {any} */ (audio).sinkId) await audio.setSinkId(id).catch(() => {});
  }

  close() {
    this.stream.removeEventListener('addtrack', this.onTrack);
    this.source?.disconnect();
    this.audio.srcObject = null;
  }

  #measure() {
    if (this.source || !this.stream.getAudioTracks().length) return;
    try {
      this.source = new MediaStreamAudioSourceNode(this.context, { mediaStream: this.stream });
      this.source.connect(this.analyser);
    } catch {
      // Firefox joins no stream to a context of another rate: the sound plays, the level stays at nothing.
    }
  }
}
