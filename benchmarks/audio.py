"""What the sound tools cost for one 20 ms frame: a Markdown table on standard output.

python benchmarks/audio.py
"""

import time
from collections.abc import Callable

import numpy as np
from hubbub.voice.audio import fade, g711, level, mix
from hubbub.voice.audio.resample import Resampler
from hubbub.voice.audio.ring import PreRoll, WindowCutter

CALLS, ROUNDS = 500, 7


def frame(rate_hz: int) -> bytes:
    return np.random.RandomState(rate_hz).randint(-8000, 8000, rate_hz // 50).astype("<i2").tobytes()


def microseconds(call: Callable[[], object]) -> float:
    """The quickest of several rounds, which is the one that other programs on the machine disturbed least."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        best = min(best, (time.perf_counter() - start) / CALLS)
    return best * 1e6


def cases() -> dict[str, Callable[[], object]]:
    ear, mouth, phone = frame(16_000), frame(24_000), frame(8_000)
    ulaw, alaw = g711.encode_ulaw(phone), g711.encode_alaw(phone)
    four = {name: np.roll(np.frombuffer(mouth, "<i2"), name).tobytes() for name in range(4)}
    pre_roll, cutter, row = PreRoll(320, 16_000), WindowCutter(512), np.empty(512, np.int16)

    def cut() -> None:
        cutter.push(ear)
        cutter.take_into(row)

    resamplers = {
        f"resample {source // 1000} to {target // 1000} kHz": (Resampler(source, target), frame(source))
        for source, target in ((48_000, 16_000), (24_000, 48_000), (8_000, 16_000), (24_000, 8_000), (16_000, 16_000))
    }
    return {
        **{name: (lambda r=resampler, f=sound: r.push(f)) for name, (resampler, sound) in resamplers.items()},  # type: ignore[misc]
        "rms_dbfs, 16 kHz": lambda: level.rms_dbfs(ear),
        "µ-law encode, 8 kHz": lambda: g711.encode_ulaw(phone),
        "µ-law decode": lambda: g711.decode_ulaw(ulaw),
        "A-law encode": lambda: g711.encode_alaw(phone),
        "A-law decode": lambda: g711.decode_alaw(alaw),
        "mix of 2, 24 kHz": lambda: mix.mix([four[0], four[1]]),
        "mix-minus of 4, 24 kHz": lambda: mix.mix_minus(four),
        "fade_out of 5 ms, 24 kHz": lambda: fade.fade_out(mouth, 120),
        "PreRoll.push, 16 kHz": lambda: pre_roll.push(ear),
        "WindowCutter push and take_into": cut,
    }


if __name__ == "__main__":
    print("| per 20 ms frame | µs |\n|---|--:|")
    for name, call in cases().items():
        call()
        print(f"| {name} | {microseconds(call):.1f} |")
