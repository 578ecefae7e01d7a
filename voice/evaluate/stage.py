"""What scenes are played with: the default agent's voice and story, the best detector here, a recogniser."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...agents.model.embedded import EmbeddedModel
from ...agents.model.embedded.stories import STORIES
from ..asr.base import ASRContext, ASREngine
from ..audio.frames import EAR_HZ
from ..audio.wav import read_audio
from ..testing.tts import ScriptedTTS
from ..tts.base import TTSError, Voice
from ..tts.choose import choose_tts
from ..turn.policy import TurnPolicy
from ..vad.choose import choose_vad
from .recognisers import InlineSphinx, KnownWords, inline_moonshine
from .scene import SPEECH_DBFS, at_level
from .simulate import Stage, can

AGENT = "Ava"
AGENT_VOICE = Voice(name="en-us+f5")
REQUEST = Path("requests", "tell_me_a_story.wav")
"""What the caller says first, in a folder made like `audio_fixtures`."""


async def make_stage(recogniser: str, policy: TurnPolicy, folders: Sequence[Path] = ()) -> Stage:
    """A stage with `moonshine`, `pocketsphinx` or the `perfect` recogniser. The agent's voice is espeak-ng, recorded once, or tones where
    it is missing. Raises ValueError for another recogniser, ImportError and RuntimeError where a recogniser is missing, VADError for a
    broken detector."""
    asr: ASREngine
    if recogniser == "pocketsphinx":
        asr = InlineSphinx()
    elif recogniser == "moonshine":
        asr = inline_moonshine()
        await asr.start()
    elif recogniser == "perfect":
        asr = KnownWords()
    else:
        raise ValueError(f"the recogniser must be moonshine, pocketsphinx or perfect, not {recogniser!r}")
    model = EmbeddedModel()
    context = ASRContext("en", model.phrases, (AGENT, *model.vocabulary))
    vad, _ = choose_vad(None)
    text = STORIES[0]
    try:
        engine, _ = choose_tts("espeak")
        await engine.start()
        try:
            tts = await can(engine, AGENT_VOICE, text)
        finally:
            await engine.close()
    except TTSError:
        tts = await can(ScriptedTTS(), Voice(), text)
    request = next((folder / REQUEST for folder in folders if (folder / REQUEST).exists()), None)
    return Stage(vad, asr, tts, text, context, policy, request=_spoken(request) if request is not None else b"")


def _spoken(path: Path) -> bytes:
    sound = np.frombuffer(read_audio(str(path), EAR_HZ), np.int16).astype(np.float64)
    return at_level(sound, SPEECH_DBFS).astype(np.int16).tobytes()
