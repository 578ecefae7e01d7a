"""What voice activity detection costs and how soon it hears: one Markdown report on standard output.

    python benchmarks/vad.py [--seconds 4] [--engines silero,pysilero,webrtc] [--line phone]

Cost: one `judge` call for 1, 8, 32 and 64 streams at once, on speech; processor time (which other programs on the machine
change less) and wall time. Streams a core: how many windows fit into a window's own length, by processor time. Onset: first
window of probability 0.5 or more in clips laid over a faint noise (-75 dBFS), at peak levels from -3 to -33 dBFS, against the
same clip at -3, as they are or over a telephone (`--line phone`). Clips are those of audio_fixtures/ and, where HUBBUB_SHARED_AUDIO
names the folder, human recordings.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hubbub.voice.audio.frames import EAR_HZ
from hubbub.voice.audio.wav import read_audio
from hubbub.voice.evaluate.line import LINES, LineName, over_line
from hubbub.voice.vad.base import VADEngine, VADError
from hubbub.voice.vad.choose import BEST_FIRST, choose_vad

BATCHES = (1, 8, 32, 64)
PEAKS_DBFS = (-3, -9, -15, -21, -27, -33)
LEAD_SECONDS, NOISE_DBFS = 1.0, -75.0

Sound = npt.NDArray[np.float64]


def clips() -> dict[str, list[Path]]:
    """The clips to find onsets in, by where they come from."""
    fixtures = Path(__file__).resolve().parent.parent / "audio_fixtures"
    found = {"espeak": sorted([*fixtures.glob("interruptions/*.wav"), *fixtures.glob("sentences/*.wav")])}
    shared = os.environ.get("HUBBUB_SHARED_AUDIO")
    if shared:
        human = sorted([*Path(shared).glob("speech/*.wav"), *Path(shared).glob("speech/digits/*.wav")])
        found["human"] = [path for path in human if path.stat().st_size < 300_000]
    return {where: paths for where, paths in found.items() if paths}


def load(path: Path) -> Sound:
    return np.frombuffer(read_audio(path, EAR_HZ), "<i2") / 32768


def speech_windows(window_samples: int) -> npt.NDArray[np.int16]:
    sound = np.concatenate([load(path) for path in clips()["espeak"]])
    count = sound.size // window_samples
    return np.rint(sound[: count * window_samples] * 32767).astype(np.int16).reshape(count, window_samples)


def cost_us(engine: VADEngine, batch: int, seconds: float) -> npt.NDArray[np.float64]:
    """Processor and wall time of single calls with `batch` streams, in µs, shape (calls, 2)."""
    windows = speech_windows(engine.window_samples)
    streams = [engine.open() for _ in range(batch)]
    times: list[tuple[float, float]] = []
    stop = time.perf_counter() + seconds
    turn = 0
    while len(times) < 20 or time.perf_counter() < stop:
        rows = windows[(turn + 7 * np.arange(batch)) % len(windows)]
        turn += 1
        cpu, wall = time.process_time(), time.perf_counter()
        engine.judge(streams, rows)
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    return np.array(times[5:]) * 1e6


def onsets(engine: VADEngine, sounds: list[Sound], peak_dbfs: float, line: LineName) -> list[int | None]:
    """The first window of speech in each sound, brought to `peak_dbfs`; None where nothing was found."""
    window = engine.window_samples
    lead = round(LEAD_SECONDS * EAR_HZ)
    count = (lead + max(sound.size for sound in sounds)) // window + 1
    mixed = np.random.RandomState(1).standard_normal((len(sounds), count * window)) * 10 ** (NOISE_DBFS / 20)
    for row, sound in zip(mixed, sounds, strict=True):
        row[lead : lead + sound.size] += sound * (10 ** (peak_dbfs / 20) / np.abs(sound).max())
    heard = np.clip(np.rint(mixed * 32767), -32768, 32767).astype(np.int16)
    heard = np.array([np.frombuffer(over_line(row.tobytes(), line, seed=at), np.int16) for at, row in enumerate(heard)])
    rows = heard.reshape(len(sounds), count, window)
    streams = [engine.open() for _ in sounds]
    speech = np.array([engine.judge(streams, np.ascontiguousarray(rows[:, at])) for at in range(count)]) >= 0.5
    return [int(np.argmax(column)) if column.any() else None for column in speech.T]


def report_cost(engines: list[VADEngine], seconds: float) -> None:
    print("### Cost of a window, µs\n")
    print("| engine | streams at once | CPU p50 | wall p50 | wall p99 | CPU p50 a stream | streams a core |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for engine in engines:
        for batch in BATCHES:
            times = cost_us(engine, batch, seconds / len(BATCHES))
            p50, wall_p50 = np.median(times, axis=0)
            per_core = batch * engine.window_samples / EAR_HZ * 1e6 / p50
            wall_p99 = np.percentile(times[:, 1], 99)
            figures = f"{p50:.0f} | {wall_p50:.0f} | {wall_p99:.0f} | {p50 / batch:.1f} | {per_core:.0f}"
            print(f"| {engine.name} | {batch} | {figures} |")


def report_onsets(engines: list[VADEngine], line: LineName) -> None:
    print(f"\n### Onset by level, against the same clip at -3 dBFS ({line}), ms\n")
    print("| engine | clips | peak dBFS | found | median | mean | p95 |\n|---|---|--:|--:|--:|--:|--:|")
    for engine in engines:
        window_ms = engine.window_samples * 1000 / EAR_HZ
        for where, paths in clips().items():
            sounds = [load(path) for path in paths]
            loud = onsets(engine, sounds, PEAKS_DBFS[0], line)
            for peak_dbfs in PEAKS_DBFS:
                here = onsets(engine, sounds, peak_dbfs, line)
                later = [(h - w) * window_ms for h, w in zip(here, loud, strict=True) if h is not None and w is not None]
                found = sum(start is not None for start in here)
                figures = f"{np.median(later):.0f} | {np.mean(later):.1f} | {np.percentile(later, 95):.0f}"
                print(f"| {engine.name} | {where} | {peak_dbfs} | {found} of {len(sounds)} | {figures} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long to time each engine")
    parser.add_argument("--engines", default=",".join(BEST_FIRST))
    parser.add_argument("--line", choices=LINES, default="wide", help="what the clips of the onsets come over")
    arguments = parser.parse_args()
    engines: list[VADEngine] = []
    for name in arguments.engines.split(","):
        try:
            engines.append(choose_vad(name)[0])
        except VADError as error:
            print(f"{name} left out: {error}\n")
    report_cost(engines, arguments.seconds)
    report_onsets([engine for engine in engines if engine.name != "pysilero"], arguments.line)  # silero's network, at three times the cost


if __name__ == "__main__":
    main()
