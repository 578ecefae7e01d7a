"""Measures the offline recognisers; prints Markdown.

    python benchmarks/asr.py                                  # speech of audio_fixtures/ (espeak-ng) only
    HUBBUB_SHARED_AUDIO=FOLDER python benchmarks/asr.py       # human recordings as well

Word errors are counted four ways on the same sound: pocketsphinx with open English alone, with the room's phrases alone, and as its engine
does it, which decides for each utterance; and Moonshine, where it is installed, which knows of no phrases. Expected phrases are those of
asr_phrases.txt and the words of the fixtures.
"""

import asyncio
import json
import math
import os
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hubbub.voice.asr import decoder
from hubbub.voice.asr.base import ASRContext, ASREvent, ASRFinal, ASRPartial
from hubbub.voice.asr.decoder import Recogniser
from hubbub.voice.asr.domain import normalise
from hubbub.voice.asr.moonshine import meant
from hubbub.voice.asr.moonshine_model import MoonshineModel, find_model
from hubbub.voice.asr.pocketsphinx import PocketSphinxASR
from hubbub.voice.audio.wav import read_audio

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "audio_fixtures"
EAR_HZ = 16_000
SILENCE_MS = 300

EXPECTED_CLIPS = (
    "230pm book_a_room half_an_hour hello_gemini_are_you_there how_old_is_the_brooklyn_bridge mountain_view today two_people "
    "whats_the_weather_like"
).split()


@dataclass
class Clip:
    group: str
    text: str
    pcm: bytes
    context: ASRContext

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / EAR_HZ


@dataclass
class Score:
    errors: int = 0
    words: int = 0
    opened: int = 0
    clips: int = 0
    finals_ms: list[float] = field(default_factory=list)


def phrases() -> tuple[str, ...]:
    return tuple((HERE / "asr_phrases.txt").read_text().splitlines())


def quiet(pcm: bytes) -> bytes:
    """The clip in the hiss of a quiet room (-70 dBFS), with 300 ms of it before and after."""
    around = np.zeros(SILENCE_MS * EAR_HZ // 1000)
    samples = np.concatenate([around, np.frombuffer(pcm, np.int16), around])
    samples += np.random.default_rng(1).normal(0, 10, len(samples))
    return samples.clip(-32768, 32767).astype(np.int16).tobytes()


def errors(said: tuple[str, ...], heard: tuple[str, ...]) -> int:
    """Words inserted, left out or replaced, at the least."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        above, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (word != other)))
    return row[-1]


def fixture_clips() -> Iterator[Clip]:
    clips = json.loads((FIXTURES / "manifest.json").read_text())["clips"]
    spoken = {name: clip for name, clip in clips.items() if clip.get("text")}
    requests = tuple(clip["text"] for name, clip in spoken.items() if name.startswith("requests/"))
    context = ASRContext(phrases=phrases() + requests)
    for name, clip in spoken.items():
        kind = name.split("/")[0]
        if kind in ("requests", "sentences"):
            group = "espeak, expected" if kind == "requests" else "espeak, unexpected"
            yield Clip(group, clip["text"], quiet(read_audio(FIXTURES / f"{name}.wav", EAR_HZ)), context)


def human_clips(folder: Path) -> Iterator[Clip]:
    context = ASRContext(phrases=phrases(), vocabulary=("Gemini", "Hubbub"))
    listed = json.loads((folder / "manifest.json").read_text())
    texts = {entry["path"]: entry["transcript"] for entry in listed}

    def clip(group: str, name: str, context: ASRContext = context) -> Clip:
        return Clip(group, texts[name], quiet(read_audio(folder / name, EAR_HZ)), context)

    for name in EXPECTED_CLIPS:
        path = f"speech/{name}.wav"
        yield clip("human, expected", path)
        others = tuple(phrase for phrase in phrases() if texts[path] not in phrase and phrase not in texts[path])
        yield clip("human, its phrase left out", path, ASRContext(phrases=others, vocabulary=("Gemini", "Hubbub")))
    for path, text in texts.items():
        if path.startswith("speech/spk") and text:
            yield clip("human, unexpected", path)
        elif path.startswith("speech/digits/"):
            yield clip("human digits, 8 kHz", path)
    yield clip("human, a speech of 1961 (jfk)", "speech/jfk.flac")


def decode(recogniser: Recogniser, clip: Clip, context: ASRContext) -> tuple[str, str, float]:
    recogniser.begin(context)
    for at in range(0, len(clip.pcm), 640):
        recogniser.feed(clip.pcm[at : at + 640])
    before = time.perf_counter()
    done = recogniser.finish()
    return done.text, done.source, (time.perf_counter() - before) * 1000


def word_errors(recogniser: Recogniser, clips: list[Clip]) -> None:
    print("## Word errors\n")
    print("| sound | words | open English | room's phrases | both (pocketsphinx) | left to open English | Moonshine |")
    print("|---|---|---|---|---|---|---|")
    favour = decoder.EXPECTED
    folder = find_model()
    moonshine = MoonshineModel(folder) if folder is not None else None
    table: dict[str, dict[str, Score]] = {}
    took = [0.0, 0.0]
    for clip in clips:
        said = normalise(clip.text)
        for way in ("open", "domain", "both", "moonshine"):
            decoder.EXPECTED = math.inf if way == "domain" else favour
            if way != "moonshine":
                text, source, final_ms = decode(recogniser, clip, ASRContext() if way == "open" else clip.context)
            elif moonshine is not None:
                before, cpu = time.perf_counter(), time.process_time()
                text, source = meant(moonshine.recognise(clip.pcm)), ""
                final_ms = (time.perf_counter() - before) * 1000
                took = [took[0] + time.process_time() - cpu, took[1] + clip.seconds]
            else:
                continue
            score = table.setdefault(clip.group, {}).setdefault(way, Score())
            score.errors += errors(said, normalise(text.replace("?", "")))
            score.words += len(said)
            score.clips += 1
            score.opened += source == "open"
            score.finals_ms.append(final_ms)
    decoder.EXPECTED = favour
    for group, ways in table.items():
        both = ways["both"]
        rates = " | ".join(f"{ways[way].errors / ways[way].words:.2f}" for way in ("open", "domain", "both"))
        best = f"{ways['moonshine'].errors / ways['moonshine'].words:.2f}" if "moonshine" in ways else "–"
        print(f"| {group} | {both.words} | {rates} | {both.opened} of {both.clips} clips | {best} |")
    for name, way in (("pocketsphinx", "both"), ("Moonshine", "moonshine")):
        finals = [value for ways in table.values() if way in ways for value in ways[way].finals_ms]
        if finals:
            print(f"\nTime for the final, {name}: median {statistics.median(finals):.0f} ms, longest {max(finals):.0f} ms.")
    if took[1]:
        print(f"Moonshine takes {took[0] / took[1] * 1000:.0f} ms of a core for a second of sound that it hears once.")
    print()


def speed(recogniser: Recogniser, clips: list[Clip]) -> None:
    print("## Cost\n\n| | |\n|---|---|")
    seconds = sum(clip.seconds for clip in clips)
    for way in ("open English", "both (the engine)"):
        before = time.process_time()
        for clip in clips:
            decode(recogniser, clip, ASRContext() if way == "open English" else clip.context)
        print(f"| real-time factor (CPU), {way} | {(time.process_time() - before) / seconds:.2f} |")
    new = ASRContext(phrases=(*phrases(), "never heard before"))
    before = time.perf_counter()
    recogniser.begin(new)
    print(f"| load a room's phrases | {(time.perf_counter() - before) * 1000:.0f} ms |")
    recogniser.abort()


def private_mb(pid: int) -> float:
    """Memory of a process that it shares with nobody (USS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


async def utter(engine: PocketSphinxASR, clip: Clip, *, real_time: bool) -> tuple[float, int]:
    """Latency of the final after the end in ms, and the number of partials."""
    over = asyncio.Event()
    partials = 0

    def hear(event: ASREvent) -> None:
        nonlocal partials
        if isinstance(event, ASRPartial):
            partials += 1
        else:
            assert isinstance(event, ASRFinal), event
            over.set()

    stream = engine.open(hear, context=clip.context)
    started = time.perf_counter()
    for n, at in enumerate(range(0, len(clip.pcm), 640), 1):
        stream.feed(clip.pcm[at : at + 640])
        if real_time:
            await asyncio.sleep(max(0.0, started + n * 0.02 - time.perf_counter()))
    before = time.perf_counter()
    stream.end()
    await over.wait()
    return (time.perf_counter() - before) * 1000, partials


async def processes(clips: list[Clip]) -> None:
    engine = PocketSphinxASR()
    before = time.perf_counter()
    await engine.start()
    print(f"| engine start (models loaded, one worker a core) | {time.perf_counter() - before:.2f} s |")
    alone = [await utter(engine, clip, real_time=True) for clip in clips[:12]]
    report("one caller in real time", [ms for ms, _ in alone])
    for talkers in (2, 4):
        rounds = [
            await asyncio.gather(*(utter(engine, clip, real_time=True) for clip in clips[at : at + talkers]))
            for at in range(0, 8, talkers)
        ]
        report(f"{talkers} callers at once", [ms for answers in rounds for ms, _ in answers])
    loader, *workers = engine.pids
    print(f"| loader's memory (USS) | {private_mb(loader):.0f} MB |")
    used = ", ".join(f"{private_mb(pid):.0f}" for pid in workers)
    print(f"| workers' memory of their own (USS) | {used} MB |")
    before = time.perf_counter()
    await engine.close()
    print(f"| close | {(time.perf_counter() - before) * 1000:.0f} ms |")


def report(what: str, values_ms: list[float]) -> None:
    print(f"| final after the end, {what} | median {statistics.median(values_ms):.0f}, longest {max(values_ms):.0f} ms |")


def main() -> None:
    print("# The offline recogniser\n")
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} at the start, Python {sys.version.split()[0]}.\n")
    clips = list(fixture_clips())
    folder = os.environ.get("HUBBUB_SHARED_AUDIO")
    human = list(human_clips(Path(folder))) if folder else []
    before = time.perf_counter()
    recogniser = Recogniser()
    load_s = time.perf_counter() - before
    word_errors(recogniser, human + clips)
    speed(recogniser, [clip for clip in human or clips if clip.seconds < 5][:24])
    print(f"| load the models | {load_s:.2f} s |")
    asyncio.run(processes([clip for clip in human + clips if clip.group.endswith("expected")]))
    print(f"| memory of this process at its largest | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB |")


if __name__ == "__main__":
    main()
