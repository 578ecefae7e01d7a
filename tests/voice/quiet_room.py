"""A room for a session alone: nobody answers, and its recogniser hears nothing."""

from collections.abc import Callable
from typing import Any

from hubbub.voice.asr.base import ASREvent, ASRStream
from hubbub.voice.session import Session


class DeafStream(ASRStream):
    """A recogniser that never says a word."""

    def feed(self, pcm: bytes) -> None: ...

    def end(self) -> None: ...

    def cancel(self) -> None: ...


class QuietRoom:
    """What a session needs of its room, and of the conversation in it (`voice.seat`). What it is told, it forgets."""

    name = "quiet"

    @property
    def talk(self) -> Any:
        return self

    def asr_stream(self, session: Session, on_event: Callable[[ASREvent], None]) -> ASRStream:
        return DeafStream()

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None
