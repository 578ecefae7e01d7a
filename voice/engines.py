"""The engines of a process: which one serves each stage, and why."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .asr.base import ASREngine
from .asr.choose import choose_asr
from .asr.sounded import with_sound
from .config import EnginesConfig
from .event import EngineInfo
from .tts.base import TTSEngine, Voice
from .tts.choose import choose_speakers, speaker_of
from .vad.base import VADEngine
from .vad.choose import choose_vad


@dataclass(slots=True)
class Engines:
    """What hears and speaks for every session of the process, and the default model that thinks."""

    vad: VADEngine
    asr: ASREngine
    tts: TTSEngine
    info: dict[str, EngineInfo] = field(default_factory=dict)
    """`vad`, `asr`, `tts` and `model`: name, reason and what users should know."""
    speakers: tuple[TTSEngine, ...] = ()
    """Further synthesisers, for voices that `tts` has not."""

    def speaker_of(self, voice: Voice) -> TTSEngine:
        """The synthesiser that has a voice."""
        return speaker_of((self.tts, *self.speakers), voice)

    async def start(self) -> None:
        """Loads recogniser and synthesisers."""
        await asyncio.gather(self.asr.start(), *(engine.start() for engine in (self.tts, *self.speakers)))

    async def close(self) -> None:
        """Ends their helper processes."""
        await self.asr.close()
        for engine in (self.tts, *self.speakers):
            await engine.close()
        self.vad.close()


def choose_engines(config: EnginesConfig, environ: Mapping[str, str] = os.environ) -> Engines:
    """The engines that the configuration names, or the best that are installed. Raises the engines' own errors, which say what
    to install."""

    def named(name: str) -> str | None:
        return None if name == "auto" else name

    vad, vad_why = choose_vad(named(config.vad))
    asr, asr_why = choose_asr(named(config.asr), environ)
    (tts, *speakers), tts_why = choose_speakers(named(config.tts), environ)
    engines = Engines(vad, with_sound(asr), tts, speakers=tuple(speakers))
    engines.info["vad"] = EngineInfo(name=vad.name, why=vad_why)
    engines.info["asr"] = EngineInfo(name=asr.name, why=asr_why, note=asr.note)
    engines.info["tts"] = EngineInfo(name=tts.name, why=tts_why, note=tts.note)
    return engines


def describe(info: Mapping[str, EngineInfo]) -> list[str]:
    """The engines as lines for the log, one a stage."""
    lines = []
    for stage in ("vad", "asr", "model", "tts"):
        engine: Any = info.get(stage)
        if engine is not None:
            note = f" ({engine.note})" if engine.note else ""
            lines.append(f"{stage.upper():<6}{engine.name}: {engine.why}{note}")
    return lines
