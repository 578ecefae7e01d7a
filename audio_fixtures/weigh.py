"""Fits the weights of `voice/asr/over.py`: does speech over a reply ask for the floor? Prints them, and how well they do.

    python audio_fixtures/weigh.py                 10 clips a voice and kind of phrase: about 20 minutes on two quiet cores
    python audio_fixtures/weigh.py --each 2        a quick look

It makes its own speech: espeak-ng in many voices, speeds and pitches, and, where they are installed, flite and festival, whose voices
are pieced together from recordings of people and so are nearer to callers (Debian: flite, festival, festvox-kdlpc16k,
festvox-us-slt-hts). Every clip goes through the recogniser as in a call. Each engine's row is what weights fitted *without that
engine* make of it; the voices of `voice/evaluate/blind.py` and of the fixtures are never fitted to.
"""

import argparse
import asyncio
import multiprocessing
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from clips import SPEAKERS
from hubbub.agents.model.embedded import EmbeddedModel
from hubbub.voice.asr.base import ASRContext
from hubbub.voice.asr.decoder import Recogniser
from hubbub.voice.asr.over import features
from hubbub.voice.audio.resample import resample
from hubbub.voice.audio.wav import read_audio
from hubbub.voice.evaluate.blind import VOICES
from hubbub.voice.room import BARGE_IN_WEIGHT
from hubbub.voice.tts.base import Voice
from hubbub.voice.tts.espeak import EspeakTTS
from hubbub.voice.turn.words import BACKCHANNELS_OVER_A_REPLY, CLAIMS_OVER_A_REPLY, OVER_A_REPLY

Numbers = npt.NDArray[np.float64]

RATE_HZ, PIECE = 16_000, 1600
BEFORE, AFTER = 5120, 2080
"""Samples around the speech: the pre-roll, and the silence after which a held reply's words are asked for."""
EARLIEST_MS = 300
"""Partials before that decide nothing."""

BLIND = {name.partition("+")[2] for name in VOICES} | {speaker.voice.partition("+")[2] for speaker in SPEAKERS.values()}
ESPEAK = [name for name in (
    "m1 m2 m5 m6 m8 f1 f4 Alex Alicia Andy Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Mike RicishayMax anika antonio "
    "aunty benjamin boris caleb david ed grandma grandpa iven john kaukovalta klatt klatt2 klatt4 marcelo michel miguel norbert pablo "
    "paul pedro quincy rob robert sandro shelby steph steph3 travis zac"
).split() if name not in BLIND]  # fmt: skip
LANGUAGES = ("en-us", "en-us", "en-us", "en-gb", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029")
FLITE = ("kal16", "awb", "rms", "slt")
FESTIVAL = ("cmu_us_slt_arctic_hts", "ked_diphone")

PASSING = {
    "hum": ("um hum", "uh huh", "aha", "oh"), "yeah": ("yeah", "yes", "yep", "yeah yeah", "yeah yeah yeah", "yes yes"),
    "okay": ("okay", "okay okay", "oh okay", "okay right", "yeah okay"), "right": ("right", "all right", "oh right", "that's right"),
    "sure": ("sure", "great", "good", "cool", "nice", "of course", "got it", "i see", "oh really", "exactly", "fine", "perfect"),
}  # fmt: skip
ASKING = {
    "stop": ("stop", "stop it", "stop stop", "please stop", "um okay stop", "can you stop"),
    "wait": ("wait", "wait wait", "wait a minute", "but wait", "yeah but wait", "wait a second"),
    "no": ("no", "no no", "no wait", "nope", "no thanks", "no that's wrong"), "hold": ("hold on", "hang on", "one moment", "hold up"),
    "short": ("what", "why", "sorry", "excuse me", "hey", "but", "actually", "who", "i have a question", "never mind", "not now"),
    "other": ("two people", "book a room", "tomorrow", "half an hour", "what time is it", "can i ask you something", "seven", "how much",
              "that is not what i asked", "we need to leave now", "there is a problem", "my name is alice", "today", "something else"),
}  # fmt: skip
AGREES_FIRST = ("yeah", "okay", "um", "yes")
"""A beginning that sounds like a backchannel says nothing yet."""


@dataclass(frozen=True)
class Clip:
    """One thing said. `sound`: int16 at 16 kHz, without the silence around."""

    engine: str
    voice: str
    kind: str
    text: str
    sound: npt.NDArray[np.int16]


@dataclass(frozen=True)
class Row:
    """What the decoders made of a clip, or of its beginning."""

    clip: Clip
    final: bool
    values: tuple[float, ...]


def phrases(each: int, chance: random.Random) -> Iterator[tuple[str, str]]:
    """So many phrases of every kind, as (kind, text)."""
    for kind, texts in {**PASSING, **ASKING}.items():
        for text in (chance.choices(texts, k=each) if each > len(texts) else chance.sample(texts, each)):
            yield kind, text


async def espeak(each: int, chance: random.Random) -> list[Clip]:
    """A third as many clips as other engines' voices get, of each of a hundred voices' worth."""
    engine, clips = EspeakTTS(), []
    await engine.start()
    try:
        for kind, text in phrases(each * 3, chance):
            name = chance.choice([*ESPEAK, *sorted(BLIND)])
            spoken = f"{chance.choice(LANGUAGES)}+{name}" if name else "en-gb"
            voice = Voice(spoken, "en", chance.uniform(0.7, 1.4), chance.uniform(0.8, 1.3))
            pcm = b"".join([chunk.pcm async for chunk in engine.synthesize(text, voice)])
            sound = np.frombuffer(resample(pcm, engine.rate_hz, RATE_HZ), np.int16)
            clips.append(Clip("blind" if name in BLIND else "espeak", name, kind, text, sound))
    finally:
        await engine.close()
    return clips


def flite(each: int, chance: random.Random, folder: Path) -> list[Clip]:
    """flite's voices; none where it is not installed."""
    clips = []
    for voice in FLITE if shutil.which("flite") else ():
        for kind, text in phrases(each, chance):
            path, stretch = folder / "flite.wav", chance.uniform(0.75, 1.5)
            subprocess.run(["flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.2f}", "-t", text, "-o", path], check=True)
            clips.append(Clip("flite", voice, kind, text, np.frombuffer(read_audio(path, RATE_HZ), np.int16)))
    return clips


def festival(each: int, chance: random.Random, folder: Path) -> list[Clip]:
    """festival's voices; none where it is not installed."""
    if not shutil.which("festival"):
        return []
    jobs, script = [], []
    for voice in FESTIVAL:
        script.append(f"(voice_{voice})")
        for kind, text in phrases(each, chance):
            path = folder / f"festival-{len(jobs)}.wav"
            jobs.append((voice, kind, text, path))
            script.append(f"(Parameter.set 'Duration_Stretch {chance.uniform(0.75, 1.5):.2f})")
            script.append(f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{path}")')
    (folder / "speak.scm").write_text("\n".join(script))
    subprocess.run(["festival", "-b", folder / "speak.scm"], check=True, stderr=subprocess.DEVNULL)
    return [Clip("festival", voice, kind, text, np.frombuffer(read_audio(path, RATE_HZ), np.int16)) for voice, kind, text, path in jobs]


def trimmed(clip: Clip) -> Clip:
    """Without silence around, and at one peak."""
    loud = np.flatnonzero(np.abs(clip.sound.astype(float)) > np.abs(clip.sound.astype(float)).max() * 0.01)
    sound = clip.sound[max(0, loud[0] - 160) : loud[-1] + 320].astype(float)
    return replace(clip, sound=(sound * 8000 / np.abs(sound).max()).astype(np.int16))


_recogniser: Recogniser | None = None
_context: ASRContext | None = None


def decode(clip: Clip) -> list[Row]:
    """What the recogniser makes of a clip over a reply: a row for every 100 ms from `EARLIEST_MS` on, and the final one."""
    global _recogniser, _context
    if _recogniser is None or _context is None:
        model = EmbeddedModel()
        _recogniser = Recogniser()
        _context = ASRContext("en", (*model.phrases, *OVER_A_REPLY * BARGE_IN_WEIGHT), ("Ava", *model.vocabulary),
                              BACKCHANNELS_OVER_A_REPLY, CLAIMS_OVER_A_REPLY)  # fmt: skip
    noise = np.random.default_rng(len(clip.sound)).normal(0, 8, BEFORE + len(clip.sound) + AFTER)
    sound = (noise + np.concatenate([np.zeros(BEFORE), clip.sound, np.zeros(AFTER)])).astype(np.int16)
    length_ms, rows = len(clip.sound) / 16, []
    _recogniser.begin(_context)
    for at in range(0, len(sound), PIECE):
        _recogniser.feed(sound[at : at + PIECE].tobytes())
        said_ms = (at + PIECE - BEFORE) / 16
        enough = 0.7 * length_ms if clip.kind in ASKING and clip.text.startswith(AGREES_FIRST) else EARLIEST_MS
        if max(EARLIEST_MS, enough) <= said_ms <= length_ms:
            rows.append(Row(clip, False, _look(_recogniser)))
    rows.append(Row(clip, True, _look(_recogniser)))
    _recogniser.abort()
    return [row for row in rows if row.values]


def _look(recogniser: Recogniser) -> tuple[float, ...]:
    best, backchannel, claim, voiced = recogniser.opinions()
    return features(best, backchannel, claim) if voiced else ()


def fit(rows: list[Row], penalty: float = 0.5) -> tuple[Numbers, float]:
    """Logistic regression by Newton's method, with a small penalty on the weights; answers them and the bias."""
    table = np.array([(*row.values, 1.0) for row in rows])
    truth = np.array([row.clip.kind in ASKING for row in rows], float)
    share = np.where(truth > 0, 0.5 / max(truth.mean(), 1e-9), 0.5 / max(1 - truth.mean(), 1e-9))  # neither side by its number
    ridge = np.diag([penalty] * (table.shape[1] - 1) + [1e-6])
    weights = np.zeros(table.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(table @ weights, -30, 30)))
        slope = table.T @ (share * (truth - chance)) - ridge @ weights
        bend = (table * (share * chance * (1 - chance) + 1e-9)[:, None]).T @ table + ridge
        weights = weights + np.linalg.solve(bend, slope)
    return weights[:-1], float(weights[-1])


def told(name: str, rows: list[Row], fitted: tuple[Numbers, float]) -> str:
    """One line: how often a backchannel is taken for a claim, and a claim missed."""
    weights, bias = fitted
    claims = np.array([float(np.dot(row.values, weights) + bias) > 0 for row in rows])
    truth = np.array([row.clip.kind in ASKING for row in rows])
    wrong, missed = claims[~truth].mean(), (~claims)[truth].mean()
    return f"{name:9} {len(rows):5} looks: {wrong:6.1%} of backchannels taken for claims, {missed:6.1%} of claims missed"


def main() -> None:
    """Makes, decodes, fits, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=10, help="clips of each kind of phrase, a voice")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    chance = random.Random(20261129)
    with tempfile.TemporaryDirectory() as folder:
        clips: list[Clip] = asyncio.run(espeak(arguments.each, chance))
        clips += flite(arguments.each, chance, Path(folder)) + festival(arguments.each, chance, Path(folder))
    clips = [trimmed(clip) for clip in clips]
    chance.shuffle(clips)
    rows: list[Row] = []
    with multiprocessing.get_context("spawn").Pool(arguments.jobs) as pool:
        for count, found in enumerate(pool.imap_unordered(decode, clips, chunksize=4), 1):
            rows += found
            if count % 50 == 0:
                print(f"{count} of {len(clips)} clips decoded", flush=True)
    for final in (True, False):
        _report([row for row in rows if row.final is final], "FINAL" if final else "PARTIAL")


def _report(rows: list[Row], name: str) -> None:
    engines: dict[str, Any] = dict.fromkeys(row.clip.engine for row in rows)
    for engine in engines:
        rest = [row for row in rows if row.clip.engine not in (engine, "blind")]
        print(told(engine, [row for row in rows if row.clip.engine == engine], fit(rest)))
    weights, bias = fit([row for row in rows if row.clip.engine != "blind"])
    print(f"{name} = ({', '.join(f'{weight:.2f}' for weight in weights)})\n{name}_BIAS = {bias:.2f}\n")


if __name__ == "__main__":
    main()
