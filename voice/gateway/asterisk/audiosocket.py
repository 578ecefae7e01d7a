"""The AudioSocket gateway: Asterisk connects over TCP, one connection a call.

The frames are `frames.py`'s, the sound of a call `mouth.py`'s; this is the skin that reads and writes. Asterisk plays at once whatever
it is sent and buffers nothing, so one task sends every call its 20 ms each 20 ms of the loop's clock, silence where nobody speaks
(Asterisk ends a call on which nothing happens for 2 s), and barge-in is to stop sending.
"""

import asyncio
import contextlib
import logging
from dataclasses import replace
from ipaddress import ip_address, ip_network
from types import TracebackType
from typing import Self
from uuid import UUID

from ...audio.frames import FRAME_MS, MOUTH_HZ
from ...config.asterisk import AudioSocketConfig
from ...event import AudioFormat, Clear, Event, Hold, Resume
from ...grant import Refused
from ...playout import Sound
from ...session import Session
from ..telephony.ear import CarrierEar
from ..telephony.wire.base import Coding
from . import frames as wire
from .calls import ExpectedCalls, plan_of
from .handset import Handset
from .mouth import LEAD_MS, PacedMouth
from .pacer import Pacer
from .seating import Seating

log = logging.getLogger("hubbub.gateway.audiosocket")

FIRST_FRAME_TIMEOUT_S = 5.0
"""Asterisk says the UUID as soon as it has connected."""

MAX_CALLS_UNDER_WAY = 1000
"""Connections at a time, those that have not said their UUID included. The house has its own limit of callers."""

MAX_UNSENT_MS = 2000
"""Sound that waits in the socket for an Asterisk that does not read; then the call ends."""

MAX_BAD_FRAMES = 50
"""Frames that AudioSocket does not allow, after which the call ends."""

MAX_SOUND_MS = 1000
"""Longest sound in one frame. Asterisk sends 20 ms; a longer one is no frame of a live call and is dropped."""

READ_BYTES = 16 * 1024


class AudioSocketConnection:
    """One call as its session sees it."""

    reports_playhead = True
    lead_ms = LEAD_MS

    def __init__(self, writer: asyncio.StreamWriter, session: Session, call: UUID) -> None:
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the call should end, once it should."""
        self.rate_hz = 8000
        self.bad_frames = 0
        self._writer = writer
        self._session = session
        self._call = call
        self._mouth = PacedMouth(self.rate_hz)
        self._ear = CarrierEar(Coding("l16", self.rate_hz))
        self.handset: Handset | None = None

    # ── to Asterisk ───────────────────────────────────────────────────────────────────────────────────────────────────

    def send_event(self, event: Event) -> None:
        if self.handset is not None:
            self.handset.take(event)
        match event:
            case Hold():
                self._mouth.hold(event.reply)
            case Resume():
                self._mouth.resume(event.reply)
            case Clear():
                self._mouth.clear(event.reply)

    def send_sound(self, sound: Sound) -> None:
        if self.handset is not None:
            self.handset.resume()
        self._mouth.take(sound)

    def send_voices(self, pcm: bytes) -> None:
        self._mouth.take_voices(pcm)

    def end(self, why: str) -> None:
        if not self.over.done():
            self.over.set_result(why)

    def beat(self, now: float) -> None:
        """Sends the next 20 ms, and tells the session how far the caller has heard."""
        pcm, heard = self._mouth.frame()
        if self.handset is not None and (other := self.handset.frame(self.rate_hz)):
            pcm = other
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_MS // FRAME_MS * (len(pcm) + wire.HEADER_BYTES):
            self.end("slow")
        elif not self._writer.is_closing():
            self._writer.write(wire.Sound(self.rate_hz, pcm).frame().pack())
        if heard is not None:
            self._session.played(*heard, now)

    # ── from Asterisk ─────────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, frame: wire.Frame) -> str:
        """Takes a frame. Answers why the call has ended, or nothing."""
        try:
            message = wire.parse(frame)
        except wire.FrameError as error:
            return self._bad(str(error))
        match message:
            case wire.Sound(rate_hz, pcm):
                self._hear(rate_hz, pcm)
            case wire.Key(digit):
                self._ear.key_pressed()
                self._session.press_keys(digit)
            case wire.HangUp():
                return "hung up"
            case wire.Fault():
                log.warning("call=%s session=%s Asterisk reports: %s", self._call, self._session.id, message.meaning)
            case wire.CallId(uuid) if uuid != self._call:
                return self._bad(f"the call is {self._call}, and a second UUID came: {uuid}. Each call needs a connection of its own")
        return ""

    def _hear(self, rate_hz: int, pcm: bytes) -> None:
        if rate_hz != self.rate_hz:
            log.info("call=%s session=%s sound at %d Hz", self._call, self._session.id, rate_hz)
            self.rate_hz = rate_hz
            self._mouth.change_rate(rate_hz)
            self._session.listen_at(rate_hz)
            self._ear = CarrierEar(Coding("l16", rate_hz))
        if len(pcm) > MAX_SOUND_MS * rate_hz // 1000 * 2:
            self._bad(f"{len(pcm)} bytes of sound in one frame are more than {MAX_SOUND_MS} ms: dropped")
            return
        heard = self._ear.hear(pcm)
        on_hold = self.handset is not None and self.handset.on_hold
        self._session.hear(bytes(len(heard)) if on_hold else heard)

    def _bad(self, what: str) -> str:
        self.bad_frames += 1
        log.warning("call=%s session=%s bad frame: %s", self._call, self._session.id, what)
        return "misbehaved" if self.bad_frames > MAX_BAD_FRAMES else ""


class AudioSocketServer:
    """Listens for Asterisk. An async context manager: entering listens, leaving hangs every call up.

    Entering raises OSError where nobody can listen at the address.
    """

    def __init__(self, seating: Seating, config: AudioSocketConfig, expected: ExpectedCalls, pacer: Pacer) -> None:
        self._seating = seating
        self._config = config
        self._expected = expected
        self._allowed = tuple(ip_network(entry, strict=False) for entry in config.allowed)
        self._calls: dict[AudioSocketConnection, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pacer = pacer
        self._server: asyncio.Server | None = None
        self.host = config.host
        self.port = config.port
        """The port it listens at, once it does."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self._config.host, self._config.port, limit=READ_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]
        log.info("listening for Asterisk's AudioSocket at %s:%d", self._config.host, self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for call in self._calls:
            call.end("closing")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._calls)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection. asyncio owns this task; we keep it to be able to end it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = writer.get_extra_info("peername") or ("unknown",)
        try:
            await self._answer(reader, writer, str(peer[0]))
        except (ConnectionError, TimeoutError) as error:
            log.info("peer=%s connection lost: %s", peer[0], error)
        except Exception:
            log.exception("peer=%s a call failed; the others go on", peer[0])
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        if not self._is_allowed(peer):
            log.warning("peer=%s refused: its address is not in telephony.asterisk.audiosocket.allowed", peer)
            return
        if len(self._tasks) > MAX_CALLS_UNDER_WAY:
            log.warning("peer=%s refused: %d connections are open", peer, MAX_CALLS_UNDER_WAY)
            return
        unpacker = wire.Unpacker()
        try:
            uuid, rest = await _first_frame(reader, unpacker)
            plan = await plan_of(uuid, self._expected, self._config)
            grant = replace(plan.grant, address=plan.grant.address or peer)
            session = await self._seating.seat(plan.request, grant, str(uuid))
        except wire.FrameError as error:
            log.warning("peer=%s refused: %s", peer, error)
            await _hang_up(writer)
            return
        except Refused as error:
            log.warning("peer=%s refused code=%s: %s", peer, error.code, error)
            await _hang_up(writer)
            return
        await self._talk(reader, writer, unpacker, rest, session, uuid)

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, unpacker: wire.Unpacker, rest: list[wire.Frame],
        session: Session, uuid: UUID,
    ) -> None:  # fmt: skip
        connection = AudioSocketConnection(writer, session, uuid)
        audio = AudioFormat(input_rate_hz=connection.rate_hz, output_rate_hz=MOUTH_HZ, lead_ms=LEAD_MS)
        session.attach(connection, self._seating.door.describe(session, audio))
        connection.handset = handset = self._seating.begin(session, connection.end)
        self._calls[connection] = None
        self._pacer.add(connection)
        reading = asyncio.create_task(_read(reader, unpacker, rest, connection), name=f"audiosocket-{session.id}")
        why = "lost"
        try:
            await asyncio.wait((reading, connection.over), return_when=asyncio.FIRST_COMPLETED)
            why = connection.over.result() if connection.over.done() else reading.result()
        except ConnectionError:
            why = "lost"
        finally:
            del self._calls[connection]
            self._pacer.discard(connection)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            session.detach(connection, asyncio.get_running_loop().time())
            await self._seating.end(session, handset, why)
            log.info("call=%s session=%s ended: %s", uuid, session.id, why)
        if why != "slow":
            await _hang_up(writer)

    def _is_allowed(self, peer: str) -> bool:
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._allowed if network.version == address.version)


async def _first_frame(reader: asyncio.StreamReader, unpacker: wire.Unpacker) -> tuple[UUID, list[wire.Frame]]:
    """The call's UUID, and what came with it. Raises FrameError."""
    try:
        async with asyncio.timeout(FIRST_FRAME_TIMEOUT_S):
            found: list[wire.Frame] = []
            while not found:
                data = await reader.read(READ_BYTES)
                if not data:
                    raise wire.FrameError("the connection was closed before the call's UUID came")
                found = list(unpacker.feed(data))
    except TimeoutError:
        raise wire.FrameError(f"no UUID came within {FIRST_FRAME_TIMEOUT_S:.0f} s") from None
    first, *rest = found
    message = wire.parse(first) if first.kind == wire.CALL_ID else None
    if not isinstance(message, wire.CallId):
        raise wire.FrameError(f"the first frame must be the call's UUID (kind 0x01), not one of kind 0x{first.kind:02x}")
    return message.uuid, rest


async def _read(
    reader: asyncio.StreamReader, unpacker: wire.Unpacker, rest: list[wire.Frame], connection: AudioSocketConnection
) -> str:
    """Reads until the call ends. Answers why."""
    for frame in rest:
        if why := connection.receive(frame):
            return why
    while data := await reader.read(READ_BYTES):
        for frame in unpacker.feed(data):
            if why := connection.receive(frame):
                return why
    if unpacker.waiting:
        log.info("a connection was closed in the middle of a frame")
    return "hung up"


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Tells Asterisk that the call is over, where it still listens."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(1):
            writer.write(wire.HangUp().frame().pack())
            await writer.drain()
            writer.close()
            await writer.wait_closed()
