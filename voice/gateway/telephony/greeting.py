"""Who answers an outgoing call, a person or a machine, told by how he greets. A pure state machine over frames of 20 ms.

Theory of operation
===================

A person says a short word and waits: "Hello?", "Smith speaking." A machine speaks for several seconds without waiting for anybody, and
ends with a beep. So what is measured is how long the greeting lasts, pauses within it counted, until a pause in which an answer is
expected:

- sound for `machine_ms` or longer, before such a pause: a machine;
- a pause of `pause_ms` after less: a person;
- where somebody tells the words (`GreetingWords`): a machine as soon as it says what machines say; and a sentence of more than `machine_ms`
  may be a person's, so that its end is waited for, but no longer than `worded_ms` (`helpful_ms` where he says what people say): a
  person if he has said that, else a machine;
- nothing at all for `silence_ms`: unknown, and whoever waits is told so, for somebody must speak;
- no verdict by `most_ms`: unknown.

After the verdict `machine` a beep is listened for: one steady tone, 160 ms and longer, which is told when it ends (what is said into it
is not recorded), or else `quiet_ms` of silence, which is where a machine that beeps too softly records.

The figures are those that carriers' own detectors use by default, or near them (Twilio's speech threshold is 2400 ms, its speech end
1200 ms, its silence timeout 5000 ms).

A frame is *voiced* where it is 12 dB over the noise of the line, which is learned from the quietest frames, and over -45 dBFS.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ...audio.level import rms_dbfs
from ...audio.pcm import to_samples
from .greeting_words import MACHINE, PERSON

FRAME_MS = 20

Verdict = Literal["human", "machine", "unknown", "beep"]

BEEP_MS = 160
"""Eight frames of one tone: voicemail beeps last 200 ms and more; no vowel keeps its pitch so long and so purely."""

LONGEST_BEEP_MS = 3000
"""A tone that goes on longer is not waited for."""

BEEP_SHARE = 0.85
"""Of a frame's power, how much one tone must carry."""

BEEP_HZ = (380.0, 2100.0)
"""Where beeps are. Below lies the ringing-back tone of several countries, above the tone of a fax machine (2100 Hz)."""

_NOISE_FRAMES = 100
_LOUDER_DB = 12.0
_LEAST_DBFS = -45.0


@dataclass(frozen=True, slots=True)
class GreetingPolicy:
    """The times that decide, all in ms."""

    machine_ms: int = 2400
    worded_ms: int = 3600
    helpful_ms: int = 6000
    pause_ms: int = 1000
    silence_ms: int = 5000
    most_ms: int = 12_000
    quiet_ms: int = 1500
    """Silence after a machine's greeting that stands for its beep."""


@dataclass(slots=True)
class GreetingDetector:
    """Listens to one answered call. Feed it every frame of the callee's sound, 20 ms of PCM16."""

    rate_hz: int
    policy: GreetingPolicy = GreetingPolicy()
    verdict: Verdict | None = None
    """The first verdict; `beep` never is."""
    done: bool = False
    """Nothing more will be told."""
    at_ms: int = 0
    words: str | None = None
    """What has been said, as far as it is known; None where nobody listens for words."""
    _greeting_began: int = -1
    _last_voice: int = -1
    _tone_ms: int = 0
    _tone_hz: float = 0.0
    _beeped: bool = False
    _levels: deque[float] = field(default_factory=lambda: deque(maxlen=_NOISE_FRAMES))

    def hear(self, frame: bytes) -> Verdict | None:
        """What is known now that was not before: a verdict, later perhaps a beep."""
        if self.done:
            return None
        self.at_ms += FRAME_MS
        level = rms_dbfs(frame)
        voiced = self._is_voiced(level)
        self._listen_for_beep(frame, voiced)
        if voiced:
            if self._greeting_began < 0:
                self._greeting_began = self.at_ms - FRAME_MS
            self._last_voice = self.at_ms
        if self.verdict is None:
            return self._judge()
        over = self._beeped and (not self._tone_ms or self._tone_ms >= LONGEST_BEEP_MS)
        if self.verdict == "machine" and (over or self.at_ms - self._last_voice >= self.policy.quiet_ms):
            self.done = True
            return "beep"
        return None

    def hear_words(self, words: str | None) -> Verdict | None:
        """All that has been said so far, in lower case, or that nobody tells it any more; what is known by that."""
        self.words = words
        if self.verdict is None and words and MACHINE.search(words):
            self.verdict = "machine"
            return self.verdict
        return None

    @property
    def quiet_ms(self) -> int:
        """How long nothing has been said."""
        return self.at_ms - max(0, self._last_voice)

    def _judge(self) -> Verdict | None:
        policy = self.policy
        spoken = self._last_voice - self._greeting_began if self._greeting_began >= 0 else 0
        if self._beeped or spoken >= self._machine_ms():
            self.verdict = "machine"
        elif self._greeting_began >= 0 and self.at_ms - self._last_voice >= policy.pause_ms:
            helpful = spoken < policy.machine_ms or PERSON.search(self.words or "")
            self.verdict = "human" if helpful else "machine"
        elif (self._greeting_began < 0 and self.at_ms >= policy.silence_ms) or self.at_ms >= policy.most_ms:
            self.verdict = "unknown"
        self.done = self.verdict in ("human", "unknown")
        return self.verdict

    def _machine_ms(self) -> int:
        if self.words is None:
            return self.policy.machine_ms
        return self.policy.helpful_ms if PERSON.search(self.words) else self.policy.worded_ms

    def _is_voiced(self, level: float) -> bool:
        self._levels.append(level)
        noise = sorted(self._levels)[len(self._levels) // 10]
        return level > max(_LEAST_DBFS, noise + _LOUDER_DB) or (level > _LEAST_DBFS + 10 and noise > level - 6)

    def _listen_for_beep(self, frame: bytes, voiced: bool) -> None:
        hz = _tone_of(frame, self.rate_hz) if voiced else 0.0
        same = hz > 0 and (not self._tone_ms or abs(hz - self._tone_hz) < 0.05 * self._tone_hz)
        self._tone_ms = self._tone_ms + FRAME_MS if same else FRAME_MS if hz else 0
        self._tone_hz = hz
        self._beeped = self._beeped or self._tone_ms >= BEEP_MS


def _tone_of(frame: bytes, rate_hz: int) -> float:
    """The pitch of a frame that is one pure tone, in Hz; 0.0 for any other sound."""
    samples = to_samples(frame).astype(np.float32)
    if samples.size < rate_hz // 100:
        return 0.0
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size), 1024)) ** 2
    top = int(power.argmax())
    hz = top * rate_hz / 1024
    width = max(2, round(2 * 1024 / samples.size * 1.2))  # a Hann window's main lobe
    if not BEEP_HZ[0] <= hz <= BEEP_HZ[1]:
        return 0.0
    share = float(power[max(0, top - width) : top + width + 1].sum()) / max(float(power.sum()), 1e-9)
    return hz if share >= BEEP_SHARE else 0.0
