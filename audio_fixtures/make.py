"""Makes the sounds that every checkout's tests need: espeak-ng speech, babble, and noises, at 16 kHz mono.

    python audio_fixtures/make.py            make all files and manifest.json anew
    python audio_fixtures/make.py --check    say whether the files are what the manifest states, and what this script makes

The same machine makes the same bytes every time. Another release of espeak-ng speaks a little differently, so `--check`
compares the speech only where the release is the manifest's; hashes and noises are checked everywhere.
"""

import argparse
import asyncio
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from clips import BABBLE, SPEAKERS, Speaker, SpokenClip, spoken_clips
from hubbub.voice.audio.frames import EAR_HZ
from hubbub.voice.audio.pcm import FULL_SCALE, to_pcm, to_samples
from hubbub.voice.audio.resample import resample
from hubbub.voice.audio.wav import read_wav, write_wav
from hubbub.voice.tts.base import TTSError, Voice
from hubbub.voice.tts.espeak import EspeakTTS
from noises import NOISES, Sound

HERE = Path(__file__).resolve().parent
MANIFEST = HERE / "manifest.json"
PEAK_DBFS = -6.0  # of spoken clips: as loud as a good headset
AUDIBLE_DB = -40.0  # below a clip's peak: where its speech is said to begin and to end
BABBLE_SECONDS, BABBLE_DBFS = 6.0, -26.0

Entry = dict[str, Any]


async def _say(engine: EspeakTTS, text: str, speaker: Speaker) -> tuple[Sound, list[Entry]]:
    """The sound at 16 kHz in units of full scale, and the words with their starts in ms."""
    pcm, words = b"", []
    async for chunk in engine.synthesize(text, Voice(speaker.voice, "en", speaker.speed, speaker.pitch)):
        pcm += chunk.pcm
        words += [
            {"word": text[word.start : word.end], "start_ms": round(word.at_sample * 1000 / engine.rate_hz)}
            for word in chunk.words
        ]
    return to_samples(resample(pcm, engine.rate_hz, EAR_HZ)) / FULL_SCALE, words


def _audible(sound: Sound) -> tuple[int, int]:
    """First and last sample + 1 that stand out of the silence around speech."""
    loud = np.flatnonzero(np.abs(sound) > np.abs(sound).max() * 10 ** (AUDIBLE_DB / 20))
    return int(loud[0]), int(loud[-1]) + 1


async def _speech(engine: EspeakTTS, clip: SpokenClip) -> tuple[Sound, Entry]:
    speaker = SPEAKERS[clip.speaker]
    sound, words = await _say(engine, clip.said or clip.text, speaker)
    start, end = _audible(sound)
    sound = sound[: end + EAR_HZ // 20]  # espeak-ng ends with up to 0.3 s of silence; 50 ms are enough
    sound = sound * (10 ** (PEAK_DBFS / 20) / np.abs(sound).max())
    entry: Entry = {
        "text": clip.text,
        "voice": speaker.voice,
        "speed": speaker.speed,
        "pitch": speaker.pitch,
        "speech_ms": [round(start * 1000 / EAR_HZ), round(end * 1000 / EAR_HZ)],
    }
    if not clip.said:  # the words that were said stand for others: their places mean nothing
        entry["words"] = words
    return sound, entry


async def _babble(engine: EspeakTTS) -> tuple[Sound, Entry]:
    total = np.zeros(round(BABBLE_SECONDS * EAR_HZ))
    for index, (voice, text) in enumerate(BABBLE):
        sound, _ = await _say(engine, text, Speaker(voice))
        start, end = _audible(sound)
        looped = np.resize(np.roll(sound[start:end], -index * EAR_HZ // 3), total.size)
        total += looped / np.sqrt(np.mean(looped**2))
    total *= 10 ** (BABBLE_DBFS / 20) / np.sqrt(np.mean(total**2))
    return total, {"what": f"{len(BABBLE)} talkers at once", "voices": [voice for voice, _ in BABBLE]}


def _noises() -> Iterator[tuple[str, Sound, Entry]]:
    for name, (what, make) in NOISES.items():
        yield name, make(), {"what": what}


async def _spoken(engine: EspeakTTS) -> list[tuple[str, Sound, Entry]]:
    made = [(clip.name, *await _speech(engine, clip)) for clip in spoken_clips()]
    return [*made, ("noise/babble", *await _babble(engine))]


async def _with_espeak() -> tuple[str, list[tuple[str, Sound, Entry]]]:
    engine = EspeakTTS(helpers=1)
    await engine.start()
    try:
        return engine.version, await _spoken(engine)
    finally:
        await engine.close()


def make() -> int:
    """Writes every file and the manifest."""
    version, spoken = asyncio.run(_with_espeak())
    clips: dict[str, Entry] = {}
    for name, sound, entry in [*spoken, *_noises()]:
        path = HERE / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        write_wav(path, to_pcm(sound * FULL_SCALE), EAR_HZ)
        clips[name] = {
            **entry,
            "seconds": round(sound.size / EAR_HZ, 3),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
    for stale in {path for path in HERE.rglob("*.wav")} - {HERE / f"{name}.wav" for name in clips}:
        stale.unlink()
    manifest = {"rate_hz": EAR_HZ, "espeak_ng": version, "clips": dict(sorted(clips.items()))}
    MANIFEST.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    size = sum((HERE / f"{name}.wav").stat().st_size for name in clips)
    seconds = sum(clip["seconds"] for clip in clips.values())
    print(f"{len(clips)} clips, {seconds:.0f} s, {size / 1e6:.2f} MB, espeak-ng {version}")
    return 0


def check() -> int:
    """Compares the files with the manifest and with what would be made now; the number of differences is the exit status."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    clips: dict[str, Entry] = manifest["clips"]
    wrong = [problem for name, clip in clips.items() if (problem := _file_problem(name, clip))]
    wrong += [f"{path.relative_to(HERE)}: not in the manifest" for path in _strays(clips)]
    compared = list(_noises())
    try:
        version, spoken = asyncio.run(_with_espeak())
    except TTSError as error:
        print(f"speech not compared: {error}")
    else:
        if version == manifest["espeak_ng"]:
            compared += spoken
        else:
            print(f"speech not compared: espeak-ng {version} is here, {manifest['espeak_ng']} made the files")
    wrong += [f"{name}: another sound would be made now" for name, sound, _ in compared if not _same(name, sound)]
    for problem in wrong:
        print(problem)
    print(f"{len(clips)} clips checked, {len(compared)} made again and compared, {len(wrong)} differences")
    return min(len(wrong), 100)


def _file_problem(name: str, clip: Entry) -> str:
    path = HERE / f"{name}.wav"
    if not path.is_file():
        return f"{name}: the file is missing"
    if hashlib.sha256(path.read_bytes()).hexdigest() != clip["sha256"]:
        return f"{name}: the file is not the one of the manifest"
    return ""


def _strays(clips: dict[str, Entry]) -> list[Path]:
    return sorted({path for path in HERE.rglob("*.wav")} - {HERE / f"{name}.wav" for name in clips})


def _same(name: str, sound: Sound) -> bool:
    # Equal to two steps of 16 bits, not to the bit: processors and releases of FFmpeg round differently.
    path = HERE / f"{name}.wav"
    if not path.is_file():
        return False
    stored = to_samples(read_wav(path, EAR_HZ)).astype(int)
    made = to_samples(to_pcm(sound * FULL_SCALE)).astype(int)
    return stored.size == made.size and bool(np.abs(stored - made).max() <= 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Makes the sounds that the tests use.")
    parser.add_argument("--check", action="store_true", help="compare the files with the manifest and with what would be made")
    sys.exit(check() if parser.parse_args().check else make())
