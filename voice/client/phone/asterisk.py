"""Asterisk's side of one call, without I/O: AudioSocket, and the WebSocket channel with its queue, its flow control and its traps."""

from uuid import UUID, uuid4

from ...audio.frames import FRAME_MS
from ...gateway.asterisk import control as c
from ...gateway.asterisk import frames as f
from ...gateway.telephony.coding import decode, encode, frame_bytes
from ...gateway.telephony.wire.base import Coding, WireError
from .trunk import CallDetails, Complaint, Data, MarkCame, ServerHungUp, Trunk, TrunkEvent, check_key

PLAYED_AT_ONCE_MS = 1000
"""AudioSocket has no buffer and no pacing: what comes is given to the channel at once. A telephone's jitter buffer takes up some of it;
what comes further ahead is lost there."""

JITTER_BUFFER_MS = 40
"""What the telephone behind such a line keeps in its buffer."""


class AudioSocketTrunk(Trunk):
    """A call over AudioSocket: `Dial(AudioSocket/host:port/uuid)` or the application of that name."""

    def __init__(self, details: CallDetails, rate_hz: int = 8_000) -> None:
        """The call's id must be a UUID, or empty for a new one. Raises ValueError."""
        if rate_hz not in f.KIND_OF_RATE:
            raise ValueError(f"AudioSocket speaks {', '.join(map(str, f.KIND_OF_RATE))} Hz, not {rate_hz}")
        super().__init__(details, rate_hz, limit_ms=PLAYED_AT_ONCE_MS, prefill_ms=JITTER_BUFFER_MS)
        self.uuid = UUID(details.call_id) if details.call_id else uuid4()
        self._unpacker = f.Unpacker()

    def greet(self) -> None:
        self._send(f.CallId(self.uuid))

    def speak(self, pcm: bytes) -> None:
        self._send(f.Sound(self.rate_hz, pcm))

    def press(self, digit: str) -> None:
        self._send(f.Key(check_key(digit)))

    def stop(self) -> None:
        self._send(f.HangUp())

    def receive(self, data: Data) -> list[TrunkEvent]:
        events: list[TrunkEvent] = []
        if isinstance(data, str):
            return [Complaint("AudioSocket has no text")]
        for frame in self._unpacker.feed(data):
            events += self._frame(frame)
        return events

    def _frame(self, frame: f.Frame) -> list[TrunkEvent]:
        try:
            message = f.parse(frame)
        except f.FrameError as error:  # Asterisk calls it a protocol error, and hangs up
            return [Complaint(str(error)), ServerHungUp("it sent what AudioSocket does not allow")]
        match message:
            case f.Sound(rate_hz, pcm) if rate_hz == self.rate_hz:
                return self._play(pcm)
            case f.Sound(rate_hz):
                return [Complaint(f"the server sends sound at {rate_hz} Hz on a call at {self.rate_hz} Hz")]
            case f.HangUp():
                return [ServerHungUp("it hung up")]
            case f.Fault():
                return [Complaint(f"the server reports: {message.meaning}")]
        return [Complaint(f"a server sends no frame of kind 0x{frame.kind:02x}"), ServerHungUp("it sent what AudioSocket does not allow")]

    def _mark_played(self, name: str) -> None:
        raise AssertionError("AudioSocket has no marks")

    def _send(self, message: f.Message) -> None:
        self.outgoing.append(message.frame().pack())


class ChannelTrunk(Trunk):
    """A call over the WebSocket channel: `Dial(WebSocket/NAME/c(slin16)f(json))`."""

    def __init__(self, details: CallDetails, format: str = "slin16", form: c.Form = "json", *, connection_id: str = "phone") -> None:
        """`format`: one of `control.FORMATS`. Raises ValueError."""
        coding = c.FORMATS.get(format)
        if coding is None:
            raise ValueError(f"Asterisk's coding must be one of {', '.join(c.FORMATS)}, not {format!r}")
        super().__init__(details, coding.rate_hz, drops_marks=True, limit_ms=c.QUEUE_FRAMES * FRAME_MS)
        self.coding: Coding = coding
        self.form = form
        self._format = format
        self._connection_id = connection_id
        self._channel_id = details.call_id or f"{uuid4().int % 10**10}.1"
        self._frame = frame_bytes(coding)
        self._buffering = False
        self._leftover = b""
        self._full = False
        self._tell_drained = False
        self._direction: c.Direction = "both"

    @property
    def queued_frames(self) -> int:
        """Frames that wait."""
        return self.line.buffered // self.frame_samples

    def greet(self) -> None:
        channel = f"WebSocket/{self._connection_id}/0x7fd0"
        variables = {"MEDIA_WEBSOCKET_CONNECTION_ID": self._connection_id, **self.details.parameters}
        start = c.MediaStart(self._connection_id, channel, self._channel_id, self._format, self._frame, FRAME_MS, variables)
        self._tell(start)

    def speak(self, pcm: bytes) -> None:
        if self._direction != "out":
            self.outgoing.append(encode(self.coding, pcm))

    def press(self, digit: str) -> None:
        self._tell(c.DtmfEnd(check_key(digit)))

    def stop(self) -> None:
        """Asterisk says nothing: the WebSocket closes."""

    def listen(self) -> bytes:
        pcm = super().listen()
        if self._full and self.queued_frames < c.XON_FRAMES:
            self._full = False
            self._tell(c.Xon())
        if self._tell_drained and not self.line.buffered:
            self._tell_drained = False
            self._tell(c.QueueDrained())
        return pcm

    def receive(self, data: Data) -> list[TrunkEvent]:
        if isinstance(data, bytes):
            return self._sound(data)
        if len(data.encode()) > c.MAX_COMMAND_BYTES:
            return [Complaint(f"Asterisk drops text messages of more than {c.MAX_COMMAND_BYTES} bytes: {data[:60]}…")]
        try:
            command = c.read_command(data, self.form)
        except WireError as error:
            self._tell(c.Fault("Unable to parse JSON command"))
            return [Complaint(str(error))]
        if isinstance(command, c.Unknown):
            return [Complaint(f"Asterisk has no command '{command.name}': ignored")]
        return self._obey(command)

    def _obey(self, command: c.Command) -> list[TrunkEvent]:
        match command.name:
            case "HANGUP":
                return [ServerHungUp("it hung up")]
            case "START_MEDIA_BUFFERING":
                self._buffering = True
            case "STOP_MEDIA_BUFFERING":
                return self._stop_buffering(command.correlation_id)
            case "MARK_MEDIA":
                self.line.mark(f"m{command.correlation_id}")
                self._send_due_marks()
                return [MarkCame(command.correlation_id)]
            case "FLUSH_MEDIA":
                self._buffering, self._leftover = False, b""
                return self._clear()
            case "PAUSE_MEDIA":
                self.line.pause()
            case "CONTINUE_MEDIA":
                self.line.resume()
            case "GET_STATUS":
                self._tell(c.Status(self.queued_frames, queue_full=self._full, bulk_media=self._buffering, media_paused=self.line.paused))
            case "REPORT_QUEUE_DRAINED":
                self._tell_drained = True
            case "SET_MEDIA_DIRECTION":
                self._direction = command.direction or "both"
        return []

    def _sound(self, data: bytes) -> list[TrunkEvent]:
        if self._direction == "in":
            return [Complaint("sound came while the media direction is 'in': dropped")]
        if self.queued_frames >= c.QUEUE_FRAMES:
            return [Complaint(f"Asterisk's queue of {c.QUEUE_FRAMES} frames is full: dropped")]
        complaints: list[TrunkEvent] = []
        data = self._leftover + data
        whole = len(data) // self._frame * self._frame
        self._leftover = data[whole:] if self._buffering else b""
        if whole < len(data) and not self._buffering:
            complaints.append(
                Complaint(f"a message of {len(data)} bytes is no multiple of {self._frame}: the last {len(data) - whole} bytes are dropped")
            )
        events = self._play(decode(self.coding, data[:whole])) if whole else []
        if not self._full and self.queued_frames >= c.XOFF_FRAMES:
            self._full = True
            self._tell(c.Xoff())
        return [*events, *complaints]

    def _stop_buffering(self, identity: str) -> list[TrunkEvent]:
        rest, self._leftover, self._buffering = self._leftover, b"", False
        even = len(rest) - len(rest) % self.coding.sample_bytes
        events = self._play(decode(self.coding, rest[:even])) if even else []
        self.line.mark(f"b{identity}")
        self._send_due_marks()
        return events

    def _mark_played(self, name: str) -> None:
        self._tell(c.BufferingCompleted(name[1:]) if name[0] == "b" else c.MarkProcessed(name[1:]))

    def _tell(self, event: c.Event) -> None:
        self.outgoing.append(c.write_event(event, self.form, self._channel_id))
