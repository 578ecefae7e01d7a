"""What a speech synthesiser is.

`synthesize` is an async generator of chunks; closing it (or cancelling the task that reads it) aborts the synthesis at once
and leaves the engine ready for the next sentence.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass


class TTSError(Exception):
    """The engine failed on this sentence. The message says what failed and what mends it, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How an agent sounds. Engines take what they know and ignore the rest."""

    name: str = ""
    """The engine's own name of the voice (espeak-ng: `en-us+f5`); empty for its default in `language`."""

    language: str = "en"
    """BCP 47 tag of the text."""

    speed: float = 1.0
    """1.0 is the engine's normal speaking rate."""

    pitch: float = 1.0
    """1.0 is the voice's normal pitch."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word's place in the text given to the engine, and in the sound that came out of it."""

    start: int
    """Index of the first character."""

    end: int
    """Index after the last character."""

    at_sample: int
    """Where the word begins, in samples at the engine's rate from the first sample of this synthesis."""


@dataclass(frozen=True, slots=True)
class TTSChunk:
    """A piece of sound, and the words that begin in it or were reported with it."""

    pcm: bytes
    """PCM16 mono at the engine's `rate_hz`. May be empty where only words are reported."""

    words: tuple[SpokenWord, ...] = ()

    trimmed_samples: int = 0
    """Leading silence that the engine took off right before this sound, in samples at `rate_hz`. Word times do not count it."""


class TTSEngine(ABC):
    """Turns text into speech."""

    name: str
    """Name used in configuration and in the log, such as `espeak`."""

    note: str = ""
    """A plain sentence for users about what this engine cannot do, or empty."""

    rate_hz: int
    """Rate of the sound it makes."""

    word_times: bool = True
    """Whether it reports when words sound. Where it does not, the times are estimated from the characters."""

    def speaks(self, voice: Voice) -> bool:
        """Whether this engine has that voice, or one of its own for that language."""
        return True

    async def start(self) -> None:  # noqa: B027 - most engines have nothing to start
        """Loads what must be loaded. Called once, before the first `synthesize`."""

    @abstractmethod
    def synthesize(self, text: str, voice: Voice) -> AsyncIterator[TTSChunk]:
        """Speaks `text` (one sentence or clause, cleaned of what must not be read aloud), chunk by chunk as it is made.

        Words come in order of their place in the sound, no later than the chunk that holds their first sample (a word whose
        time the engine only estimates may come later); an engine that knows no word times reports none. Empty text gives no
        chunk. Raises TTSError.
        """

    async def close(self) -> None:  # noqa: B027
        """Ends helper processes and connections."""
