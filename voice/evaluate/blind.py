"""Scenes in voices that nothing was ever fitted to: espeak-ng speaks them when they are asked for.

What decides about barge-in was settled on other voices (`audio_fixtures/weigh.py` leaves these out), so what is measured on them says
more about the next caller than the fixtures do. They are still synthetic: recordings of people say most (`hubbub eval turns --audio`).
"""

import numpy as np

from ..audio.frames import EAR_HZ
from ..audio.resample import resample
from ..tts.base import TTSEngine, Voice
from .scene import SPEECH_DBFS, Kind, Scene, at_level, placed

VOICES = (
    "en-us+m4", "en-gb+f3", "en-us+belinda", "en-gb+adam", "en-us+klatt3", "en-gb+linda", "en-us+Michael", "en-us+steph2", "en-gb+victor",
    "en-us+Andrea", "en-us+max", "en-gb-scotland+edward",
)  # fmt: skip
SPEEDS, PITCHES = (0.8, 0.95, 1.1, 1.25), (0.9, 1.0, 1.15)

SAID: dict[Kind, tuple[tuple[str, str], ...]] = {
    "backchannel": (
        ("yeah", "yeah"), ("ok", "okay"), ("right", "right"), ("sure", "sure"), ("mm hmm", "um hum"), ("uh huh", "uh huh"),
        ("yeah yeah", "yeah, yeah"),
    ),
    "interruption": (
        ("stop", "stop"), ("wait", "wait"), ("no", "no"), ("hold on", "hold on"), ("no wait", "no, wait"),
        ("yeah but wait", "yeah but wait"), ("excuse me can i ask you something", "excuse me, can I ask you something?"),
    ),
}  # fmt: skip
"""What is said, as a transcript has it and as espeak-ng is given it."""


async def blind_scenes(engine: TTSEngine) -> list[Scene]:
    """A scene for every voice and phrase. `engine`: a started espeak-ng. Raises TTSError."""
    scenes = []
    for place, name in enumerate(VOICES):
        for kind, phrases in SAID.items():
            for number, (text, said) in enumerate(phrases):
                count = place + number
                voice = Voice(name, "en", SPEEDS[count % len(SPEEDS)], PITCHES[count % len(PITCHES)])
                pcm = b"".join([chunk.pcm async for chunk in engine.synthesize(said, voice)])
                sound = np.frombuffer(resample(pcm, engine.rate_hz, EAR_HZ), np.int16).astype(np.float64)
                sound = at_level(np.concatenate([np.zeros(EAR_HZ // 10), sound]), SPEECH_DBFS)
                label = f"blind-{text.replace(' ', '_')}-{name.partition('+')[2]}"
                scenes.append(placed(label, kind, sound, text, count))
    return scenes
