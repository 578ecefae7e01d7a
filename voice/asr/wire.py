"""The words between the pool and its worker processes.

A message is one byte that says what it is, four bytes with the length of its body (big endian), and the body: JSON, or plain
PCM16 for sound. Both ends are ours and of one version, so there is no negotiation, but a body is never larger than
`MAX_BODY_BYTES`: a broken peer must not make us allocate.
"""

import json
import struct
from typing import Any

from .base import ASRContext, RecognisedWord

OPEN = b"O"
"""To a worker: an utterance begins. JSON: the context and what is remembered of the caller."""
SOUND = b"A"
"""To a worker: PCM16 at 16 kHz."""
END = b"E"
"""To a worker: the utterance is over, answer with FINAL."""
CANCEL = b"C"
"""To a worker: drop the utterance, answer with IDLE."""

HELLO = b"H"
"""From a worker: it runs. JSON: its process id."""
ALIVE = b"L"
"""From a worker: it is still at work on sound that came faster than it can decode. No body."""
PARTIAL = b"P"
"""From a worker: the text so far. JSON."""
FINAL = b"F"
"""From a worker: the result. JSON. The worker is idle again."""
FAILED = b"X"
"""From a worker: the utterance failed. JSON: why. The worker is idle again."""
GUESSED = b"G"
"""From a worker: words of the room that it pronounces by rules of spelling. JSON. For the log."""
IDLE = b"I"
"""From a worker: the cancelled utterance is dropped. No body. The worker is idle again."""

MAX_BODY_BYTES = 4_000_000
"""Two minutes of sound, more than is ever kept (see pool.py)."""

_HEADER = struct.Struct(">cI")


class WireError(Exception):
    """The other end sent what no worker or pool sends."""


def pack(kind: bytes, body: bytes = b"") -> bytes:
    """One message as bytes."""
    return _HEADER.pack(kind, len(body)) + body


def pack_json(kind: bytes, body: dict[str, Any]) -> bytes:
    """One message with a JSON body as bytes."""
    return pack(kind, json.dumps(body).encode())


def parse_json(body: bytes) -> dict[str, Any]:
    """The JSON body of a message. Raises WireError where it is none."""
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise WireError(f"not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise WireError(f"a JSON object was expected, got {type(parsed).__name__}")
    return parsed


def failed_body(message: str) -> bytes:
    """The body of a FAILED message."""
    return json.dumps({"message": message}).encode()


def context_to_json(context: ASRContext) -> dict[str, Any]:
    """The part of a context that steers the recogniser."""
    return {
        "language": context.language, "phrases": context.phrases, "vocabulary": context.vocabulary,
        "backchannels": context.backchannels, "claims": context.claims,
    }


def context_from_json(body: dict[str, Any]) -> ASRContext:
    """The inverse of `context_to_json`."""
    lists = (tuple(body[name]) for name in ("phrases", "vocabulary", "backchannels", "claims"))
    return ASRContext(body["language"], *lists)


def words_to_json(words: tuple[RecognisedWord, ...]) -> list[list[Any]]:
    """Words as lists of text, start and end in milliseconds."""
    return [[word.text, word.start_ms, word.end_ms] for word in words]


def words_from_json(body: list[list[Any]]) -> tuple[RecognisedWord, ...]:
    """The inverse of `words_to_json`."""
    return tuple(RecognisedWord(str(text), int(start), int(end)) for text, start, end in body)


class Unpacker:
    """Cuts a stream of bytes into messages, however the bytes were chunked."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Adds bytes, and returns the messages that are now complete, as (kind, body). Raises WireError."""
        self._buffer += data
        messages: list[tuple[bytes, bytes]] = []
        at = 0
        while len(self._buffer) - at >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._buffer, at)
            if length > MAX_BODY_BYTES:
                raise WireError(f"a message of {length} bytes; at most {MAX_BODY_BYTES} are ever sent")
            if len(self._buffer) - at < _HEADER.size + length:
                break
            at += _HEADER.size
            messages.append((kind, bytes(self._buffer[at : at + length])))
            at += length
        del self._buffer[:at]
        return messages
