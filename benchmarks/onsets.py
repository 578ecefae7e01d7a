"""How soon a voice over a reply is heard behind a background, and how often none is: one Markdown report on standard output.

    HUBBUB_SHARED_AUDIO=DIR python benchmarks/onsets.py [--line phone] [--pause 3]

Each clip is laid some seconds behind a request over a background, and comes in frames of 20 ms, as from a client. Told is the time from
its onset to the end of the frame with which the detector knows: with a window's verdict ("window"), or with a glance before a window
is complete ("glance", `glance_probability` and `glance_phone_probability` of `TurnPolicy`), and how often the network was asked, for
windows and glances together, as a share of all windows (a session glances over a reply only). False onsets are counted in recorded
noises, at levels of -26 to -56 dBFS, and glances that no window within 96 ms bears out.

Clips are those of audio_fixtures/ and people's (`HUBBUB_SHARED_AUDIO`), at -26 dBFS, and 20 dB softer.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hubbub.voice.audio.frames import EAR_HZ
from hubbub.voice.audio.wav import read_audio
from hubbub.voice.evaluate.line import LINES, LineName, over_line
from hubbub.voice.evaluate.scene import SPEECH_DBFS, Scene, at_level, load_scenes
from hubbub.voice.turn.policy import TurnPolicy
from hubbub.voice.vad.silero import SileroVAD

FIXTURES = Path(__file__).resolve().parent.parent / "audio_fixtures"
FRAME, WINDOW, GLANCE = 320, 512, 576
BEHIND_S = 1.0
SOFTER_DB = 20.0
NOISE_DBFS = (-26, -36, -46, -56)
BORNE_OUT_MS = 96
POLICY = TurnPolicy()
ENOUGH: dict[LineName, float] = {"wide": POLICY.glance_probability, "phone": POLICY.glance_phone_probability}

Sound = npt.NDArray[np.float64]


@dataclass
class Heard:
    """What became of one clip: milliseconds after the onset, None where it was missed."""

    window: float | None
    glance: float | None


@dataclass
class Counted:
    """Windows of a detector, and those for which the network was asked."""

    windows: int = 0
    asked: int = 0


class Asked(SileroVAD):
    """Counts how often its network is asked."""

    asked = 0

    def _infer(self, sound, lstm):
        self.asked += len(sound)
        return super()._infer(sound, lstm)


def load(path: Path) -> Sound:
    return np.frombuffer(read_audio(path, EAR_HZ), np.int16).astype(float)


def moments(vad: Asked, sound: npt.NDArray[np.int16]) -> Iterator[tuple[str, int, float]]:
    """Every verdict on a sound that comes frame by frame: kind, samples that had come, probability; no glances within speech."""
    stream, judged, last = vad.open(), 0, 0.0
    for come in range(FRAME, len(sound) + 1, FRAME):
        while judged + WINDOW <= come:
            last = float(vad.judge([stream], sound[judged : judged + WINDOW][None])[0])
            judged += WINDOW
            yield "window", come, last
        if last < POLICY.onset_probability and judged < come >= GLANCE:
            yield "glance", come, vad.glance(stream, sound[come - GLANCE : come])


def backgrounds(length: int, random: np.random.Generator) -> Iterator[tuple[str, Sound]]:
    """What may lie behind a caller."""
    yield "digital silence", np.zeros(length)
    for dbfs in (-75, -65, -50):
        yield f"hiss {dbfs} dBFS", random.normal(0, 32768 * 10 ** (dbfs / 20), length)
    shared = os.environ.get("HUBBUB_SHARED_AUDIO")
    for name, dbfs in (("engine_idling.wav", -55), ("office-ambience.ogg", -55), ("keyboard-typing.ogg", -50)) if shared else ():
        noise = load(Path(shared or "", "noise", name))
        noise *= 32768 * 10 ** (dbfs / 20) / np.sqrt((noise**2).mean())
        start = int(random.integers(0, len(noise)))
        yield f"{name.partition('.')[0]} {dbfs} dBFS", np.take(noise, np.arange(start, start + length), mode="wrap")


def hear(vad: Asked, scene: Scene, pause_s: float, line: LineName, softer_db: float, counted: dict[str, Counted]) -> dict[str, Heard]:
    """One clip over every background."""
    request = at_level(load(FIXTURES / "requests" / "tell_me_a_story.wav"), SPEECH_DBFS - softer_db)
    clip = np.frombuffer(scene.pcm, np.int16) * 10 ** (-softer_db / 20)
    sound = np.concatenate([np.zeros(EAR_HZ // 2), request, np.zeros(round(pause_s * EAR_HZ)), clip, np.zeros(round(BEHIND_S * EAR_HZ))])
    before = EAR_HZ // 2 + len(request) + round(pause_s * EAR_HZ)
    onset, end = before + scene.start_ms * 16, before + scene.end_ms * 16
    out = {}
    for name, background in backgrounds(len(sound), np.random.default_rng(len(sound))):
        mixed = np.clip(np.rint(sound + background), -32768, 32767).astype(np.int16)
        mixed = np.frombuffer(over_line(mixed.tobytes(), line, seed=len(sound)), np.int16)
        vad.asked, found = 0, Heard(None, None)
        count = counted.setdefault(name, Counted())
        for kind, at, probability in moments(vad, mixed):
            if not onset - FRAME / 2 <= at <= end + EAR_HZ // 10:
                continue
            late = (at - onset) / 16
            if kind == "window" and probability >= POLICY.onset_probability and found.window is None:
                found.window = late
            if found.glance is None and (found.window is not None or (kind == "glance" and probability >= ENOUGH[line])):
                found.glance = late
        count.windows += len(mixed) // WINDOW
        count.asked += vad.asked
        out[name] = found
    return out


def report_onsets(vad: Asked, scenes: list[Scene], where: str, arguments: argparse.Namespace) -> None:
    for softer_db in (0.0, SOFTER_DB):
        counted: dict[str, Counted] = {}
        rows: dict[str, list[Heard]] = {}
        for scene in scenes:
            for name, heard in hear(vad, scene, arguments.pause, arguments.line, softer_db, counted).items():
                rows.setdefault(name, []).append(heard)
        for name, heard in rows.items():
            figures = [_figures([getattr(one, kind) for one in heard]) for kind in ("window", "glance")]
            share = counted[name].asked / counted[name].windows
            print(f"| {where} | {SPEECH_DBFS - softer_db:.0f} | {name} | {figures[0]} | {figures[1]} | {share:.0%} |", flush=True)


def _figures(late: list[float | None]) -> str:
    known = [one for one in late if one is not None]
    missed = f", {len(late) - len(known)} missed" if len(known) < len(late) else ""
    return f"{np.mean(known):.0f} / {np.median(known):.0f} / {np.percentile(known, 95):.0f}{missed}"


def report_false(vad: Asked, folder: Path, line: LineName) -> None:
    print("\n| noise | minutes | onsets | glances that nothing bears out |\n|---|--:|--:|--:|")
    total = np.zeros(3)
    for path in sorted(folder.glob("*")):
        if "room_response" in path.name:
            continue
        noise = load(path)
        noise /= np.sqrt((noise**2).mean())
        if len(noise) < EAR_HZ * 10:
            noise = np.tile(np.concatenate([noise, np.zeros(EAR_HZ)]), 4)
        counts = np.zeros(3)
        for dbfs in NOISE_DBFS:
            hiss = np.random.default_rng(7).normal(0, 32768 * 10 ** (-65 / 20), len(noise) + EAR_HZ)
            sound = np.concatenate([np.zeros(EAR_HZ), noise * 32768 * 10 ** (dbfs / 20)]) + hiss
            heard = np.frombuffer(over_line(np.clip(sound, -32768, 32767).astype(np.int16).tobytes(), line, seed=9), np.int16)
            counts += [len(noise) / EAR_HZ / 60, *_false(vad, heard)]
        total += counts
        print(f"| {path.stem} | {counts[0]:.1f} | {counts[1]:.0f} | {counts[2]:.0f} |", flush=True)
    print(f"| **a minute** | {total[0]:.1f} | {total[1] / total[0]:.2f} | {total[2] / total[0]:.2f} |")


def _false(vad: Asked, sound: npt.NDArray[np.int16]) -> tuple[int, int]:
    """Onsets, and glances that no window bears out."""
    onsets = glances = 0
    speaking, trusted = False, 0
    for kind, at, probability in moments(vad, sound):
        if kind == "window":
            begins = not speaking and probability >= POLICY.onset_probability
            onsets += begins
            speaking = begins or (speaking and probability >= POLICY.offset_probability)
            trusted = 0 if speaking else trusted
        elif not speaking and not trusted and probability >= POLICY.glance_noisy_probability:
            trusted = at + BORNE_OUT_MS * 16
        if 0 < trusted <= at:
            glances, trusted = glances + 1, 0
    return onsets, glances


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--line", choices=LINES, default="wide", help="what the sound comes over")
    parser.add_argument("--pause", type=float, default=3.0, metavar="SECONDS", help="between the request and the clip")
    arguments = parser.parse_args()
    vad = Asked()
    print(f"### Voices behind a background ({arguments.line}, {arguments.pause:g} s of it): ms after the onset, mean / p50 / p95\n")
    print("| clips | dBFS | background | window | glance | network asked |\n|---|--:|---|--:|--:|--:|")
    report_onsets(vad, [scene for scene in load_scenes(FIXTURES) if scene.kind in ("interruption", "backchannel")], "espeak", arguments)
    shared = os.environ.get("HUBBUB_SHARED_AUDIO")
    if shared:
        report_onsets(vad, [scene for scene in load_scenes(Path(shared)) if scene.kind == "interruption"], "people", arguments)
        report_false(vad, Path(shared, "noise"), arguments.line)


if __name__ == "__main__":
    main()
