"""Who answers, a person or a machine: the detector of outgoing calls against greetings that espeak-ng speaks over a telephone line.

`python benchmarks/greetings.py` prints Markdown. Twelve voices speak what people say when they pick up, and what machines say, those with a
beep of one of four pitches behind it or none. Each comes as mu-law with room noise at -60 dBFS, 1 % of the frames lost in bursts.

*right* is how often the first verdict was right, *verdict* when it fell after the call was answered, *beep early* how often a
machine was taken to record before its greeting had ended, and *beep* how long after the beep began (where there is none, after the greeting
ended) it was known. By lengths alone, as carriers' own do it, who picks up with a long sentence is taken for a machine, and a short
announcement without a beep for a person; `--words` has the offline recogniser listen, too (five minutes of a core). Needs espeak-ng.
"""

import argparse
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from hubbub.voice.asr.base import ASRContext, ASREngine, ASREvent, ASRFinal, ASRMemory, ASRPartial, ASRStream
from hubbub.voice.asr.decoder import Recogniser
from hubbub.voice.asr.moonshine import FIRST_MS, INSTALL, PARTIAL_MS, meant
from hubbub.voice.asr.moonshine_model import MoonshineModel, find_model
from hubbub.voice.audio.conceal import Concealer
from hubbub.voice.audio.g711 import decode_ulaw, encode_ulaw
from hubbub.voice.audio.resample import resample
from hubbub.voice.audio.widen import EarResampler
from hubbub.voice.gateway.telephony.greeting import FRAME_MS, GreetingDetector
from hubbub.voice.gateway.telephony.greeting_words import GreetingWords
from hubbub.voice.testing.network import gilbert_loss

RATE_HZ = 8000
ESPEAK_HZ, WAV_HEADER_BYTES = 22_050, 44  # espeak-ng's voices, and what it writes before their sound
VOICES = ("en-us", "en-gb", "en-us+f2", "en-us+f5", "en-gb+m3", "en-us+m7", "en-gb-scotland", "en-us+klatt3",
          "de", "fr", "es", "en-us+croak")  # fmt: skip
PEOPLE = ("Hello?", "Yes?", "Hello, this is Maria.", "Smith speaking.", "Hello? Who is this?",
          "Good morning, city bakery, how can I help you?")  # fmt: skip
MACHINES = (
    "Hi, you have reached Maria. I can't come to the phone right now. Please leave a message after the tone.",
    "The person you are calling is not available. At the tone, please record your message. When you have finished, you may hang up.",
    "Hey, it's Tom. Leave a message.",
    "You have reached the offices of Smith and Sons. Our opening hours are Monday to Friday from nine to five. For sales, press one.",
)
OTHER_PEOPLE = (
    "Acme Limited, this is Bob speaking, what can I do for you today?", "Hi there, who's calling please?",
    "Hello, thanks for calling the garden centre, how may I help?", "Doctor Brown's practice, just a moment please.",
)
OTHER_MACHINES = (
    "Sorry, nobody is home. Leave your name and number.", "Voicemail box of John. Please talk after the beep.",
    "We're out. Please leave a message.", "This is Anna. I can't take your call just now.",
)
"""What nothing was chosen by (`--others`)."""
BEEPS_HZ = (440, 850, 1000, 1400, None)

Sound = npt.NDArray[np.float64]


@dataclass
class Row:
    """What came of one kind of greeting."""

    right: int = 0
    count: int = 0
    verdict_ms: list[float] = field(default_factory=list)
    early: int = 0
    beep_ms: list[float] = field(default_factory=list)


def speak(text: str, voice: str) -> Sound:
    """A greeting, at -20 dBFS of its loud part, at 8 kHz."""
    spoken = subprocess.run(["espeak-ng", "-v", voice, "--stdout", text], check=True, capture_output=True).stdout
    spoken = spoken[WAV_HEADER_BYTES : len(spoken) // 2 * 2]
    pcm = np.frombuffer(resample(spoken, ESPEAK_HZ, RATE_HZ), "<i2").astype(float)
    loud = np.abs(pcm) > np.abs(pcm).max() * 0.1
    trimmed = pcm[np.flatnonzero(loud)[0] : np.flatnonzero(loud)[-1]]
    return np.asarray(trimmed * (3277 / np.sqrt((trimmed[np.abs(trimmed) > np.abs(trimmed).max() * 0.1] ** 2).mean())))


def call(greeting: Sound, beep_hz: int | None, seed: int) -> tuple[bytes, float, float]:
    """The line from when it is answered; when the greeting ends and when the beep begins (or the greeting ends), in ms."""
    random = np.random.default_rng(seed)
    parts = [np.zeros(int(random.integers(200, 900)) * 8), greeting]
    ends = beeps = sum(map(len, parts)) / 8
    if beep_hz is not None:
        beeps += 600
        parts += [np.zeros(600 * 8), 4000 * np.sin(2 * np.pi * beep_hz * np.arange(400 * 8) / RATE_HZ)]
    sound = np.concatenate([*parts, np.zeros(5000 * 8)])
    sound += random.normal(0, 33, len(sound))
    return np.clip(sound, -32768, 32767).astype("<i2").tobytes(), ends, beeps


class InlineMoonshine(ASREngine):
    """Moonshine, in the time of the sound: what it says comes with the frame that it says it of."""

    name = "moonshine"

    def __init__(self) -> None:
        folder = find_model()
        if folder is None:
            raise SystemExit(f"Moonshine's network was not found: {INSTALL}")
        self.model = MoonshineModel(folder)

    def open(
        self, on_event: Callable[[ASREvent], None], *, context: ASRContext, memory: ASRMemory | None = None
    ) -> ASRStream:
        return InlineMoonshineStream(self.model, on_event)


class InlineMoonshineStream(ASRStream):
    def __init__(self, model: MoonshineModel, on_event: Callable[[ASREvent], None]) -> None:
        self._model, self._on_event = model, on_event
        self._sound, self._heard = bytearray(), 0

    def feed(self, pcm: bytes) -> None:
        self._sound += pcm
        if len(self._sound) - self._heard >= (PARTIAL_MS if self._heard else FIRST_MS) * 32:
            self._heard = len(self._sound)
            self._on_event(ASRPartial(meant(self._model.recognise(bytes(self._sound)))))

    def end(self) -> None:
        self._on_event(ASRFinal(meant(self._model.recognise(bytes(self._sound)))))

    def cancel(self) -> None:
        self._sound.clear()


class InlineSphinx(ASREngine):
    """pocketsphinx, in the time of the sound: what it says comes with the frame that it says it of."""

    name = "pocketsphinx"

    def __init__(self) -> None:
        self.recogniser = Recogniser()

    def open(
        self, on_event: Callable[[ASREvent], None], *, context: ASRContext, memory: ASRMemory | None = None
    ) -> ASRStream:
        self.recogniser.begin(context)
        return InlineSphinxStream(self.recogniser, on_event)


class InlineSphinxStream(ASRStream):
    def __init__(self, recogniser: Recogniser, on_event: Callable[[ASREvent], None]) -> None:
        self._recogniser, self._on_event = recogniser, on_event

    def feed(self, pcm: bytes) -> None:
        if (partial := self._recogniser.feed(pcm)) is not None:
            self._on_event(ASRPartial(partial.text))

    def end(self) -> None:
        self._on_event(ASRFinal(self._recogniser.finish().text))

    def cancel(self) -> None:
        self._recogniser.abort()


RECOGNISERS: dict[str, Callable[[], ASREngine]] = {"moonshine": InlineMoonshine, "pocketsphinx": InlineSphinx}


def judge(line: bytes, seed: int, asr: ASREngine | None) -> list[tuple[str, float]]:
    """What the detector says, and when, in ms."""
    detector, concealer, ear = GreetingDetector(RATE_HZ), Concealer(RATE_HZ), EarResampler(RATE_HZ, conceals=False)
    size = RATE_HZ * FRAME_MS // 1000 * 2
    lost = gilbert_loss(len(line) // size + 1, 0.01, length=5.0, seed=seed)
    found: list[tuple[str, float]] = []

    def take_words(words: str | None) -> None:
        if (verdict := detector.hear_words(words)) is not None:
            found.append((verdict, float(detector.at_ms)))

    words = None if asr is None else GreetingWords(asr, "en", take_words)
    if words is not None:
        detector.words = ""
    for place in range(len(line) // size):
        frame = line[place * size : (place + 1) * size]
        heard = concealer.push(bytes(size) if lost[place] else decode_ulaw(encode_ulaw(frame)))
        if (verdict := detector.hear(heard)) is not None:
            found.append((verdict, float(detector.at_ms)))
        if words is not None and detector.verdict is None:
            words.hear(ear.push(heard), detector.quiet_ms)
    if words is not None:
        words.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", choices=RECOGNISERS, nargs="?", const="moonshine", help="have an offline recogniser listen")
    parser.add_argument("--others", action="store_true", help="other sentences, machines without a beep")
    parser.add_argument("--voices", nargs="+", default=VOICES, help="of espeak-ng")
    arguments = parser.parse_args()
    asr = RECOGNISERS[arguments.words]() if arguments.words else None
    people, machines, beeps_hz = (OTHER_PEOPLE, OTHER_MACHINES, (None,)) if arguments.others else (PEOPLE, MACHINES, BEEPS_HZ)
    rows = {"a person": Row(), "a machine": Row(), "a machine without a beep": Row()}
    wrong: list[str] = []
    seed = 0
    for voice in arguments.voices:
        for text in people + machines:
            greeting = speak(text, voice)
            for beep_hz in beeps_hz if text in machines else (None,):
                seed += 1
                line, ends, beeps = call(greeting, beep_hz, seed)
                row = rows["a person" if text in people else "a machine" if beep_hz else "a machine without a beep"]
                found = judge(line, seed, asr)
                wanted = "human" if text in people else "machine"
                first, at = found[0] if found else ("none", 0.0)
                row.count += 1
                row.right += first == wanted
                row.verdict_ms.append(at)
                if first != wanted:
                    wrong.append(f"{voice}: {text[:40]!r} ({ends:.0f} ms): {found}")
                elif wanted == "machine" and len(found) > 1:
                    row.early += found[1][1] < ends
                    row.beep_ms.append(found[1][1] - beeps)
    print("| who answers | calls | right | verdict ms p50 / p95 | beep early | beep ms p50 / p95 |\n|---|--:|--:|--:|--:|--:|")
    for name, row in ((name, row) for name, row in rows.items() if row.count):
        beep = f"{np.percentile(row.beep_ms, 50):.0f} / {np.percentile(row.beep_ms, 95):.0f}" if row.beep_ms else ""
        early = f"{row.early}" if row.beep_ms else ""
        verdict = f"{np.percentile(row.verdict_ms, 50):.0f} / {np.percentile(row.verdict_ms, 95):.0f}"
        print(f"| {name} | {row.count} | {100 * row.right / row.count:.0f} % | {verdict} | {early} | {beep} |")
    print("\nWrong:", *wrong, sep="\n- " if wrong else " none")


if __name__ == "__main__":
    main()
