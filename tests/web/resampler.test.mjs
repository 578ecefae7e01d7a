import assert from 'node:assert/strict';
import test from 'node:test';
import { Resampler } from '../../web/sdk/resampler.js';

function tone(hz, rateHz, seconds = 0.5) {
  return Float32Array.from({ length: rateHz * seconds }, (_, n) => Math.sin((2 * Math.PI * hz * n) / rateHz));
}

function rms(samples) {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/** How much of the sound is this tone: 1 where it is nothing else. */
function purity(samples, hz, rateHz) {
  let [re, im] = [0, 0];
  samples.forEach((sample, n) => {
    re += sample * Math.cos((2 * Math.PI * hz * n) / rateHz);
    im += sample * Math.sin((2 * Math.PI * hz * n) / rateHz);
  });
  return (Math.hypot(re, im) * 2) / samples.length / (rms(samples) * Math.SQRT2);
}

const settled = (samples) => samples.subarray(200, samples.length - 200);

for (const fromHz of [8000, 22050, 44100, 48000, 96000]) {
  test(`a tone of 1 kHz comes through from ${fromHz} Hz as it was`, () => {
    const out = settled(new Resampler(fromHz, 16000).process(tone(1000, fromHz)));
    assert.ok(Math.abs(rms(out) * Math.SQRT2 - 1) < 0.01, `level ${rms(out) * Math.SQRT2}`);
    assert.ok(purity(out.subarray(0, 6400), 1000, 16000) > 0.999);
  });
}

for (const [fromHz, hz] of [[44100, 12000], [48000, 9500], [48000, 15000], [96000, 30000]]) {
  test(`${hz} Hz at ${fromHz} Hz does not come back as an alias at 16 kHz`, () => {
    const out = settled(new Resampler(fromHz, 16000).process(tone(hz, fromHz)));
    assert.ok(20 * Math.log10(rms(out)) < -60, `${20 * Math.log10(rms(out))} dB`);
  });
}

test('any cutting of the input gives the same output, of the right length', () => {
  const sound = tone(700, 44100, 0.3);
  const whole = new Resampler(44100, 16000).process(sound);
  assert.equal(whole.length, 4800);
  for (const size of [1, 127, 128, 1000]) {
    const resampler = new Resampler(44100, 16000);
    const parts = [];
    for (let at = 0; at < sound.length; at += size) parts.push(...resampler.process(sound.subarray(at, at + size)));
    assert.deepEqual(parts, [...whole], `pieces of ${size}`);
  }
});

test('equal rates change nothing', () => {
  const sound = tone(700, 16000, 0.01);
  assert.deepEqual(new Resampler(16000, 16000).process(sound), sound);
});

test('a rate of nothing is refused', () => {
  assert.throws(() => new Resampler(0, 16000), RangeError);
});
