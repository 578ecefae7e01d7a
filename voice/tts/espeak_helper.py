"""The process that owns espeak-ng: sentences come in over standard input, sound and word times go out over standard output.

espeak-ng lives in a process of its own for three reasons: a crash in it ends one sentence and not the server, it is not
thread-safe, and it is under the GPL while the server is not. The engine (`hubbub.voice.tts.espeak`) starts this file by its
path, so it imports nothing but the standard library and is ready within a few hundredths of a second.

    python -I -S espeak_helper.py LIBRARY [DATA_FOLDER]

Both directions carry frames: kind u8, request id u32, payload length u32, little-endian, then the payload. The helper speaks
one request after another; each ends with exactly one END or ERROR frame. An ABORT stops the running sentence at its next chunk
of sound (about 0.1 ms of work). Where the pipe is full the helper waits inside espeak-ng's callback until the reader has
read, so nothing piles up here. It leaves when standard input closes or its parent is gone, and ignores Ctrl-C, which is
meant for the server.
"""

import ctypes
import json
import os
import select
import signal
import struct
import sys
from collections import deque
from collections.abc import Sequence

HEAD = struct.Struct("<BII")
"""Kind, request id, length of the payload in bytes."""

SPEAK = 1
"""To the helper: a JSON object with `text`, `name`, `language`, `words_per_minute` and `pitch`."""
ABORT = 2
"""To the helper: stop this request. Unknown and finished ids are ignored."""
READY = 3
"""From the helper, once, with id 0: a JSON object with `version` and `rate_hz`."""
SOUND = 4
"""From the helper: the number of words as u32, that many WORD records, then PCM16 mono at `rate_hz`."""
END = 5
"""From the helper: the request is over, spoken to its end or aborted."""
ERROR = 6
"""From the helper: the request failed; UTF-8 text says why. With id 0 the helper could not start."""

WORD = struct.Struct("<II")
"""Index of the word's first character in the text, and of its first sample in the sound."""
COUNT = struct.Struct("<I")

MAX_PAYLOAD_BYTES = 1 << 20
"""No frame in either direction is longer; a longer one means that the stream is corrupt."""

_AUDIO_OUTPUT_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT in speak_lib.h; so are the numbers below
_INITIALIZE_DONT_EXIT = 0x8000
_POS_CHARACTER = 1
_CHARS_UTF8 = 1
_RATE, _PITCH = 1, 3
_EVENT_LIST_TERMINATED, _EVENT_WORD = 0, 1
_CHUNK_MS = 50
_BATCH_MS = 200
_PARENT_CHECK_MS = 2000


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # of a character, counted from 1
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class RequestFailed(Exception):
    """This sentence cannot be spoken; the text says why and what mends it."""


class Pipe:
    """Frames over two file descriptors. Only writing can wait, and while it waits it goes on reading."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._parent = os.getppid()
        self._buffer = bytearray()
        self._requests: deque[tuple[int, bytes]] = deque()
        self._running: int | None = None
        self._abort = False

    def next_request(self) -> tuple[int, bytes]:
        """Waits for the next SPEAK and returns its id and payload. Raises SystemExit when the parent has gone."""
        while not self._requests:
            self._wait(for_writing=False)
            self._read()
        self._running, payload = self._requests.popleft()
        self._abort = False
        return self._running, payload

    def aborted(self) -> bool:
        """Whether the running request is no longer wanted. Does not wait."""
        self._read()
        return self._abort

    def send(self, kind: int, request: int, payload: bytes = b"") -> None:
        """Writes a whole frame, waiting where the pipe is full."""
        rest = memoryview(HEAD.pack(kind, request, len(payload)) + payload)
        while rest:
            try:
                rest = rest[os.write(self._write_fd, rest) :]
            except BlockingIOError:
                self._wait(for_writing=True)
                self._read()

    def _wait(self, *, for_writing: bool) -> None:
        poll = select.poll()
        poll.register(self._read_fd, select.POLLIN)
        if for_writing:
            poll.register(self._write_fd, select.POLLOUT)
        if not poll.poll(_PARENT_CHECK_MS) and os.getppid() != self._parent:
            # A sibling process may hold the other end of our input open, so its end alone is no proof.
            raise SystemExit(0)

    def _read(self) -> None:
        try:
            data = os.read(self._read_fd, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            raise SystemExit(0)
        self._buffer += data
        while len(self._buffer) >= HEAD.size:
            kind, request, length = HEAD.unpack_from(self._buffer)
            if length > MAX_PAYLOAD_BYTES:
                raise SystemExit(f"a frame of {length} bytes came in: the stream is corrupt")
            if len(self._buffer) < HEAD.size + length:
                return
            payload = bytes(self._buffer[HEAD.size : HEAD.size + length])
            del self._buffer[: HEAD.size + length]
            self._take(kind, request, payload)

    def _take(self, kind: int, request: int, payload: bytes) -> None:
        if kind == SPEAK:
            self._requests.append((request, payload))
        elif kind == ABORT and request == self._running:
            self._abort = True


class Espeak:
    """espeak-ng through its C interface, writing sound to a pipe."""

    def __init__(self, library: str, data_folder: str | None, pipe: Pipe) -> None:
        self._lib = ctypes.CDLL(library)
        self._lib.espeak_Info.restype = ctypes.c_char_p
        self._lib.espeak_GetCurrentVoice.restype = ctypes.POINTER(_Voice)
        folder = data_folder.encode() if data_folder else None
        self.rate_hz = int(
            self._lib.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, _CHUNK_MS, folder, _INITIALIZE_DONT_EXIT)
        )
        if self.rate_hz <= 0:
            raise OSError(f"espeak-ng could not start: its data folder is missing or damaged ({data_folder or 'default'})")
        self.version = self._lib.espeak_Info(None).decode()
        self._pipe = pipe
        self._request = 0
        self._voice: tuple[str, str] | None = None
        self._muted = False
        self._words = bytearray()
        self._pcm = bytearray()
        self._batch_bytes = 0
        callback = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
        )
        self._callback = callback(self._on_sound)  # kept: espeak-ng holds a bare pointer to it
        self._lib.espeak_SetSynthCallback(self._callback)

    def warm_up(self) -> None:
        """Loads the default voice and runs it once, unheard: the first use of a voice costs up to 0.1 s."""
        self._muted = True
        try:
            self.speak(0, "a", "", "en-us", 175, 50)
        except RequestFailed:
            pass  # English data may be left out of a small build; a request will say so
        finally:
            self._muted = False

    def speak(self, request: int, text: str, name: str, language: str, words_per_minute: int, pitch: int) -> None:
        """Speaks `text` into the pipe. Raises RequestFailed."""
        self._request = request
        if self._voice != (name, language):
            self._voice = None
            self._set_voice(name, language)
            self._voice = (name, language)
        self._lib.espeak_SetParameter(_RATE, words_per_minute, 0)
        self._lib.espeak_SetParameter(_PITCH, pitch, 0)
        data = text.encode("utf-8", "replace")
        self._words.clear()
        self._pcm.clear()
        self._batch_bytes = 0
        status = self._lib.espeak_Synth(data, len(data) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
        if status != 0 and not (self._muted or self._pipe.aborted()):
            raise RequestFailed(f"espeak-ng {self.version} refused the text (status {status})")
        self._flush()

    def _flush(self) -> None:
        """Sends what was made: the first chunk of a sentence at once, then a few at a time, which costs the reader less."""
        if self._words or self._pcm:
            words, pcm = bytes(self._words), bytes(self._pcm)
            self._words.clear()
            self._pcm.clear()
            self._batch_bytes = _BATCH_MS * self.rate_hz * 2 // 1000
            self._pipe.send(SOUND, self._request, COUNT.pack(len(words) // WORD.size) + words + pcm)

    def _set_voice(self, name: str, language: str) -> None:
        if name:
            if self._by_name(name):
                if self._identifier().startswith("mb/"):  # those change the sampling rate
                    raise RequestFailed(f"'{name}' is an MBROLA voice; only espeak-ng's own voices are supported")
                return
            # espeak-ng 1.51 and 1.52 answer "not found" to some names that `--voices` prints, such as en-gb.
            base, _, variant = name.partition("+")
            if self._by_language(base) and (not variant or self._by_name(f"{self._identifier()}+{variant}")):
                return
            raise RequestFailed(
                f"espeak-ng {self.version} knows no voice '{name}': `espeak-ng --voices` and "
                "`espeak-ng --voices=variant` list what it knows"
            )
        if not (self._by_language(language) or self._by_language(language.partition("-")[0])):
            raise RequestFailed(
                f"espeak-ng {self.version} knows no voice for the language '{language}': `espeak-ng --voices` lists them"
            )

    def _by_name(self, name: str) -> bool:
        found: int = self._lib.espeak_SetVoiceByName(name.encode())
        # An unknown variant is ignored without a word; only the identifier shows it.
        return found == 0 and ("+" not in name or "+" in self._identifier())

    def _by_language(self, language: str) -> bool:
        wanted = _Voice(languages=language.encode())
        found: int = self._lib.espeak_SetVoiceByProperties(ctypes.byref(wanted))
        return found == 0

    def _identifier(self) -> str:
        voice = self._lib.espeak_GetCurrentVoice()
        return (voice.contents.identifier or b"").decode() if voice else ""

    def _on_sound(self, sound: "ctypes._Pointer[ctypes.c_short]", samples: int, events: "ctypes._Pointer[_Event]") -> int:
        if self._muted:
            return 0
        index = 0
        while events[index].type != _EVENT_LIST_TERMINATED:
            event = events[index]
            if event.type == _EVENT_WORD and event.length > 0 and event.text_position > 0 and event.sample >= 0:
                self._words += WORD.pack(event.text_position - 1, event.sample)
            index += 1
        if sound and samples > 0:
            self._pcm += ctypes.string_at(sound, samples * 2)
        try:
            if len(self._pcm) > self._batch_bytes:
                self._flush()
            return int(self._pipe.aborted())
        except SystemExit:
            os._exit(0)  # an exception cannot pass through the C frames above; the parent has gone
        except OSError:
            os._exit(1)


def main(arguments: Sequence[str]) -> int:
    """Serves requests until standard input closes. Returns the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    write_fd = os.dup(1)
    os.dup2(2, 1)  # what the library prints must not land between the frames
    pipe = Pipe(0, write_fd)
    try:
        espeak = Espeak(arguments[0], arguments[1] if len(arguments) > 1 else None, pipe)
    except (OSError, AttributeError) as error:
        pipe.send(ERROR, 0, str(error).encode())
        return 1
    espeak.warm_up()
    try:
        serve(espeak, pipe)
    except BrokenPipeError:
        return 0
    return 0


def serve(espeak: Espeak, pipe: Pipe) -> None:
    """Answers requests for as long as the parent is there; leaves through SystemExit or BrokenPipeError."""
    pipe.send(READY, 0, json.dumps({"version": espeak.version, "rate_hz": espeak.rate_hz}).encode())
    while True:
        request, payload = pipe.next_request()
        try:
            espeak.speak(request, **json.loads(payload))
        except RequestFailed as error:
            pipe.send(ERROR, request, str(error).encode())
        else:
            pipe.send(END, request)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("usage: espeak_helper.py LIBRARY [DATA_FOLDER]")
    raise SystemExit(main(sys.argv[1:]))
