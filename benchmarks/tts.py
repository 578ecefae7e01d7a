"""How soon and how fast the offline voices speak, as a room uses them: hibari in its threads, espeak-ng through its helper processes.
Prints Markdown.

    python benchmarks/tts.py [--runs 200]
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from contextlib import aclosing

from hubbub.voice.tts.base import TTSEngine, TTSError, Voice
from hubbub.voice.tts.espeak import EspeakTTS, find_espeak, find_espeak_wheel
from hubbub.voice.tts.hibari import HibariTTS

SENTENCE = "The weather in London is fine today, and it will rain tomorrow morning."


async def speak(engine: TTSEngine, text: str) -> tuple[float, float, float]:
    """Milliseconds to the first audible chunk and to the end, and seconds of sound."""
    begin = time.perf_counter()
    first, size = 0.0, 0
    async for chunk in engine.synthesize(text, Voice()):
        first = first or (time.perf_counter() - begin) * 1000
        size += len(chunk.pcm)
    return first, (time.perf_counter() - begin) * 1000, size / 2 / engine.rate_hz


async def abort(engine: TTSEngine) -> float:
    """Milliseconds from dropping a long text to the first sound of the next one, with one helper or thread."""
    async with aclosing(engine.synthesize(SENTENCE * 4, Voice())) as chunks:
        await anext(chunks)
    return (await speak(engine, "Yes."))[0]


def percentile(values: list[float], percent: int) -> str:
    return f"{statistics.quantiles(values, n=100, method='inclusive')[percent - 1]:.2f}"


async def measure(title: str, make: Callable[[int], TTSEngine], runs: int) -> None:
    """`make`: an engine with so many helpers."""
    engine = make(1)
    begin = time.perf_counter()
    await engine.start()
    start_ms = (time.perf_counter() - begin) * 1000
    first_use = (await speak(engine, SENTENCE))[0]
    cpu = time.process_time()
    alone = [await speak(engine, SENTENCE) for _ in range(runs)]
    cpu = time.process_time() - cpu
    aborted = [await abort(engine) for _ in range(runs)]
    await engine.close()
    shared = make(2)
    await shared.start()
    together: list[tuple[float, float, float]] = []
    for _ in range(max(1, runs // 20)):
        together += await asyncio.gather(*(speak(shared, SENTENCE) for _ in range(20)))
    await shared.close()
    print(f"\n### {title}\n")
    print("| | p50 | p95 |\n|---|---|---|")
    rows = {
        "first audible sound, alone (ms)": [one[0] for one in alone],
        f"whole sentence of {alone[0][2]:.1f} s, alone (ms)": [one[1] for one in alone],
        "first audible sound, 20 at once, 2 helpers or threads (ms)": [one[0] for one in together],
        "first sound after an abort, 1 helper or thread (ms)": aborted,
    }
    for name, values in rows.items():
        print(f"| {name} | {percentile(values, 50)} | {percentile(values, 95)} |")
    factor = statistics.median(a[1] for a in alone) / 1000 / alone[0][2]
    print(f"\nReal-time factor {factor:.4f}; start {start_ms:.0f} ms, its first sentence {first_use:.1f} ms; {runs} runs.")
    print(f"CPU of this process {cpu * 1000 / runs / alone[0][2]:.1f} ms a second of sound.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    try:
        asyncio.run(measure("hibari", lambda threads: HibariTTS(threads=threads), runs))
    except TTSError as error:
        print(f"\nhibari: {error}")
    for find in (find_espeak, find_espeak_wheel):
        try:
            library = find()
            asyncio.run(measure(f"espeak-ng: {library.why}", lambda helpers, found=library: EspeakTTS(found, helpers=helpers), runs))
        except TTSError as error:
            print(f"\n{find.__name__}: {error}")


if __name__ == "__main__":
    main()
