"""What a speech recogniser is.

A session opens a stream when an utterance begins (with pre-roll, so that the first phoneme is not lost), feeds it sound, and
ends it when the caller pauses. The stream answers through a callback on the event loop: any number of partials, then exactly
one final or one error. After `cancel` it answers nothing at all.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ASRContext:
    """What a recogniser may expect to hear in a room: it steers engines that can be steered."""

    language: str = "en"
    """BCP 47 tag of the language spoken."""

    phrases: tuple[str, ...] = ()
    """Whole phrases that callers are likely to say (the embedded model lists what it understands)."""

    vocabulary: tuple[str, ...] = ()
    """Single words and names that matter here: agents' names, a product, a town."""

    backchannels: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    """Over a reply: phrases that leave the floor where it is ("yeah"), and phrases that ask for it ("wait"). An engine that is unsure of
    short words may weigh the two against each other and say what it thinks (`claim`); both empty in a caller's own turn."""


@dataclass(frozen=True, slots=True)
class RecognisedWord:
    """A word with its place in the utterance, in milliseconds from the first sample fed to the stream."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class ASRPartial:
    """What was said so far, all of it, as it stands now; later partials may rewrite it."""

    text: str
    claim: float | None = None
    """Over a reply, where the engine weighs it: the probability that this asks for the floor. None leaves that to the words."""


@dataclass(frozen=True, slots=True)
class ASRFinal:
    """What was said in the whole utterance. Empty text means that no words were recognised."""

    text: str
    words: tuple[RecognisedWord, ...] = ()
    confidence: float | None = None
    """From 0 to 1 where the engine knows it, else None."""
    claim: float | None = None
    """As for `ASRPartial`."""


@dataclass(frozen=True, slots=True)
class ASRError:
    """The engine failed on this utterance. The stream is over."""

    message: str
    """For the log and for the caller: what failed and what mends it. Holds no secret."""


ASREvent = ASRPartial | ASRFinal | ASRError


@dataclass(slots=True)
class ASRMemory:
    """What an engine carries from one utterance of a caller to the next (pocketsphinx: cepstral means). Opaque to others."""

    state: dict[str, object] = field(default_factory=dict)


class ASRStream(ABC):
    """One utterance on its way to text. All methods return at once and never raise for what the engine does."""

    @abstractmethod
    def feed(self, pcm: bytes) -> None:
        """Adds PCM16 at 16 kHz, any whole number of samples. Ignored after `end` or `cancel`."""

    @abstractmethod
    def end(self) -> None:
        """The utterance is over: the final follows through the callback. A second call does nothing."""

    @abstractmethod
    def cancel(self) -> None:
        """Nobody wants the answer any more: frees the engine's share, and no further event comes."""


class ASREngine(ABC):
    """Turns speech into text."""

    name: str
    """Name used in configuration and in the log, such as `pocketsphinx`."""

    note: str = ""
    """A plain sentence for users about what this engine cannot do, or empty."""

    final_differs: bool = False
    """Its final may be quite other words than its last partial, so that a turn waits for it as long as it does for one without any text
    (`TurnPolicy.final_timeout_ms`): a text that stands still says nothing here."""

    partials: bool = True
    """It says what was said so far while the caller speaks. Where it does not, over a reply the sound is judged instead (`sounded.py`)."""

    async def start(self) -> None:  # noqa: B027 - most engines have nothing to start
        """Loads what must be loaded. Called once, before the first `open`."""

    @abstractmethod
    def open(
        self, on_event: Callable[[ASREvent], None], *, context: ASRContext, memory: ASRMemory | None = None
    ) -> ASRStream:
        """Begins an utterance. `on_event` is called on the event loop that called `open`, never from inside a stream's method."""

    async def close(self) -> None:  # noqa: B027
        """Ends worker processes and connections. Open streams are cancelled."""
