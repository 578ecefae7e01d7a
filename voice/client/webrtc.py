"""A program as a caller over WebRTC: the same use as `VoiceClient`, with sound that no lost packet holds up."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ValidationError

from ..audio.frames import FRAME_MS, MOUTH_HZ
from ..event import Clear, Event, Hold, Joined, Left, Playing, Reply, parse_event
from ..protocol import AudioFrame, Commit, Dtmf, Interrupt, Join, Leave, Mute, Ping, Playhead, Text, VoicesFrame
from ..rtc.opus import Decoder, Encoder
from ..rtc.receiver import TrackReceiver
from ..rtc.rtp import RTP_HZ, Report, RtpError, RtpPacket, distance, pack_report, pack_rtp, parse_rtp
from .client import ConnectionLost, Rate
from .errors import CannotConnectError, ConnectionLostError, VoiceClientError
from .whip import PAYLOAD_TYPE, WhipLine, server_url

log = logging.getLogger(__name__)

MAX_EVENTS = 2000
"""Events that wait for a program that does not read; then the line is given up."""
MAX_SOUND = 100
"""Frames of sound that wait: 2 s. The oldest go first."""
UNSURE_S = 0.04
"""How long a sound waits for the event that says whose it is."""
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.25, 5.0
_CHECK_S = 1.0
_REPORT_S = 2.0


class WebRTCClient:
    """A caller in a room, over WebRTC (`pip install 'hubbub[webrtc]'`).

    Use it as `VoiceClient`: as an async context manager, iterated over for events and sound. Sound comes as it arrives and only while
    somebody speaks: as `AudioFrame` while a reply plays, as `VoicesFrame` else. Other callers who speak while a reply plays are in the
    same frames, since the server mixes one track.

    What is lost on the way is made up for (in-band FEC, concealment) and never waited for longer than 40 ms. The server estimates what
    was heard; a program that plays the sound may report it better (`send_playhead`).

    Parameters are those of `VoiceClient`; `token` is the credential of a server that asks for one.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        room: str = "default",
        name: str = "guest",
        token: str = "",
        role: str = "",
        input_rate_hz: Rate = 16000,
        output_rate_hz: Rate = 24000,
        reconnect: bool = False,
        reconnect_for_s: float = 60.0,
        resume_token: str | None = None,
        open_timeout_s: float = 10.0,
    ) -> None:
        """Raises ValueError for an address, room or name that cannot be right."""
        self._url = server_url(url)
        try:
            join = Join(type="join", room=room, name=name, resume=resume_token)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ValueError(f"{first['loc'][0]}: {first['msg']}") from None
        self.input_rate_hz = input_rate_hz
        self.output_rate_hz = output_rate_hz
        self._query = {"room": join.room, "name": join.name} | ({"role": role} if role else {})
        self._resume = resume_token
        self._seq = 0
        """Number of the newest event that came: those after it are asked for when the seat is taken again."""
        self._token = token
        self._reconnect_for_s = reconnect_for_s if reconnect else 0.0
        self._open_timeout_s = open_timeout_s
        self._line: WhipLine | None = None
        self._track: _Track | None = None
        self._joined: Joined | None = None
        self._leaving = False
        self._over = False
        self._events: deque[Event] = deque()
        self._sound: deque[AudioFrame | VoicesFrame] = deque(maxlen=MAX_SOUND)
        self._news = asyncio.Event()
        self._lost = ""
        self.lost_audio_samples = 0
        """Samples given to `send_audio` while the connection was down, which nobody heard."""

    @property
    def joined(self) -> Joined:
        """What the server said to the latest joining. Raises VoiceClientError before there was one."""
        if self._joined is None:
            raise VoiceClientError("the client has not joined yet: use 'async with WebRTCClient(...) as client'")
        return self._joined

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        hang_up = not self._leaving
        self._leaving = True
        await self._drop(hang_up=hang_up)

    async def disconnect(self) -> None:
        """Closes the connection without leaving: the server keeps the seat for a while, for `resume_token`."""
        self._leaving = True
        await self._drop()

    # ── to the server ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def send_audio(self, pcm: bytes) -> None:
        """Sends sound: PCM16 mono at `input_rate_hz`, any whole number of samples, in real time (20 to 100 ms a call).

        While a lost connection is being tried again the sound is dropped and counted. Raises ValueError on an odd number of bytes,
        ConnectionLostError where the connection is gone for good.
        """
        if len(pcm) % 2:
            raise ValueError(f"sound comes as 16-bit samples, but {len(pcm)} bytes is an odd number")
        if self._track is not None:
            self._track.send(pcm)
        elif self._may_come_back():
            self.lost_audio_samples += len(pcm) // 2
        else:
            raise ConnectionLostError("the client is not connected")

    async def send_text(self, text: str) -> None:
        """Says something by typing it: a whole turn. Raises ValueError for an empty or too long text."""
        try:
            message = Text(type="text", text=text)
        except ValidationError as error:
            raise ValueError(error.errors(include_url=False)[0]["msg"]) from None
        self._send(message)

    async def press_keys(self, digits: str) -> None:
        """Presses keys of a telephone: up to 32 of 0-9, *, #, A-D. Raises ValueError."""
        try:
            message = Dtmf(type="dtmf", digits=digits)
        except ValidationError as error:
            raise ValueError(error.errors(include_url=False)[0]["msg"]) from None
        self._send(message)

    async def interrupt(self) -> None:
        """Stops the agent that speaks or thinks."""
        self._send(Interrupt(type="interrupt"))

    async def commit(self) -> None:
        """Ends this caller's turn now, without waiting for silence (push-to-talk)."""
        self._send(Commit(type="commit"))

    async def mute(self, muted: bool = True) -> None:
        """Says that the microphone was muted or opened; an open turn ends when it is muted."""
        self._send(Mute(type="mute", muted=muted))

    async def send_playhead(self, reply: int, offset: int) -> None:
        """Reports that `offset` samples of reply `reply` have been heard. Dropped while the connection is down."""
        with suppress(ConnectionLostError):
            self._send(Playhead(type="playhead", reply=reply, offset=offset * MOUTH_HZ // self.output_rate_hz))

    async def ping(self, id: int = 0) -> None:
        """Asks for a `Pong` event."""
        self._send(Ping(type="ping", id=id))

    async def leave(self) -> None:
        """Leaves the room. The iteration ends after the server's `Left`."""
        self._leaving = True
        self._send(Leave(type="leave"))

    async def restart_ice(self) -> bool:
        """Goes over to another network without losing the seat or the connection; False where that failed."""
        return self._line is not None and await self._line.restart_ice(self._open_timeout_s)

    def _send(self, message: BaseModel) -> None:
        if self._line is None or not self._line.send_text(message.model_dump_json()):
            raise ConnectionLostError("there is no connection at the moment: nothing was sent")

    # ── from the server ───────────────────────────────────────────────────────────────────────────────────────────────

    async def __aiter__(self) -> AsyncIterator[Event | AudioFrame | VoicesFrame]:
        while True:
            while self._events or self._sound:
                if self._events:
                    event = self._events.popleft()
                    yield event
                    if isinstance(event, Left):
                        return
                elif self._sound:
                    yield self._sound.popleft()
            if self._lost or self._over:
                if self._over or self._leaving:
                    return
                async for again in self._reconnect():
                    yield again
                continue
            self._news.clear()
            try:
                async with asyncio.timeout(_CHECK_S):
                    await self._news.wait()
            except TimeoutError:
                self._check()

    def _check(self) -> None:
        """About once a second: is the server still there?"""
        now = asyncio.get_running_loop().time()
        if self._line is not None and not self._line.alive(now):
            self._end("nothing was heard of the server for a while")

    def _message(self, text: str) -> None:
        try:
            event = parse_event(text)
        except ValidationError as error:
            log.info("an event that this client does not know was skipped: %s", error.errors(include_url=False)[0]["type"])
            return
        if isinstance(event, Joined):
            self._joined = event
            self._resume = event.resume_token
        self._seq = max(self._seq, event.seq)
        if self._track is not None:
            self._track.take(event)
        if len(self._events) >= MAX_EVENTS:
            self._end("this program did not read what it was sent")
            return
        self._events.append(event)
        self._news.set()

    def _heard(self, frame: AudioFrame | VoicesFrame) -> None:
        self._sound.append(frame)
        self._news.set()
        if self._track is not None and self._track.due():
            self._check()

    def _end(self, why: str) -> None:
        if not self._lost:
            self._lost = why
            self._news.set()

    # ── the connection ────────────────────────────────────────────────────────────────────────────────────────────────

    def _may_come_back(self) -> bool:
        return self._joined is not None and self._reconnect_for_s > 0 and not self._leaving and not self._over

    async def _open(self) -> None:
        query = dict(self._query)
        if self._resume:
            query |= {"resume": self._resume} | ({"after": str(self._seq)} if self._joined is not None else {})
        line = WhipLine(self._url, query, token=self._token)
        track = _Track(line, self)
        line.on_message, line.on_rtp, line.wants_rtp = self._message, track.receive, track.receiver.wants
        line.on_end = lambda: self._end("the server closed the connection")
        before = self._joined
        self._lost = ""
        self._track = track
        try:
            await line.open(self._open_timeout_s)
            async with asyncio.timeout(self._open_timeout_s):
                while self._joined is before:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            await line.close()
            self._track = None
            raise CannotConnectError(f"{self._url} did not say 'joined' within {self._open_timeout_s:g} s") from None
        except BaseException:
            self._track = None
            raise
        self._line = line

    async def _reconnect(self) -> AsyncIterator[Event]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._reconnect_for_s
        lost, wait_s, attempt = self._lost, _FIRST_RETRY_S, 1
        await self._drop()
        while loop.time() + wait_s < deadline:
            log.warning("connection lost (%s); trying again in %g s", lost, wait_s)
            yield ConnectionLost(reason=lost, attempt=attempt, wait_s=wait_s)
            await asyncio.sleep(wait_s)
            if self._leaving:
                self._over = True
                return
            try:
                await self._open()
                return
            except CannotConnectError as error:
                lost = str(error)
                wait_s, attempt = min(2 * wait_s, _LONGEST_RETRY_S), attempt + 1
        raise ConnectionLostError(f"the connection was lost and did not come back: {lost}")

    async def _drop(self, *, hang_up: bool = False) -> None:
        line, self._line, self._track = self._line, None, None
        if line is not None:
            await line.close(hang_up=hang_up)


class _Track:
    """Sound both ways on one line."""

    def __init__(self, line: WhipLine, client: WebRTCClient) -> None:
        self._line = line
        self._client = client
        self._loop = asyncio.get_running_loop()
        rate = client.input_rate_hz
        self._encoder = Encoder(rate, complexity=5)
        self._encoder.expect_loss(10)
        self._pending = bytearray()
        self._sequence, self._timestamp = line.ssrc & 0x7FFF, line.ssrc
        self._sent_at = float("-inf")
        # libopus decodes to every rate that the protocol knows, so nothing has to be resampled on the way in.
        self.receiver = TrackReceiver(Decoder(client.output_rate_hz), PAYLOAD_TYPE, self._hear, lambda: 0)
        self._stretch: Playing | None = None
        self._end = 0
        self._unsure: deque[tuple[float, int, bytes]] = deque()
        """Sound of which it is not known whether it is a reply's: the event that says so may come a moment later."""
        self._checked = self._reported = self._loop.time()

    def send(self, pcm: bytes) -> None:
        """Encodes and sends whole frames; the rest waits."""
        self._pending += pcm
        size = 2 * self._encoder.frame_samples
        while len(self._pending) >= size:
            frame = bytes(self._pending[:size])
            del self._pending[:size]
            now = self._loop.time()
            if now - self._sent_at > 0.5:  # the program was silent: the stream's time goes on without it
                self._timestamp += max(0, int(min(now - self._sent_at, 3600) * RTP_HZ) - RTP_HZ * FRAME_MS // 1000)
            self._sent_at = now
            packet = RtpPacket(PAYLOAD_TYPE, self._sequence, self._timestamp & 0xFFFFFFFF, self._line.ssrc, self._encoder.encode(frame))
            self._line.send_rtp(pack_rtp(packet))
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._timestamp += RTP_HZ * FRAME_MS // 1000

    def receive(self, data: bytes, now: float) -> None:
        """Takes an RTP packet."""
        try:
            packet = parse_rtp(data)
        except RtpError:
            return
        self.receiver.receive(packet, now)
        if now - self._reported > _REPORT_S:
            self._reported = now
            block = self.receiver.reception.block(now)
            if block is not None:
                self._line.send_rtcp(pack_report(Report(self._line.ssrc, (block,)), "hubbub-client"))

    def take(self, event: Event) -> None:
        """Learns from an event which sound is a reply's."""
        match event:
            case Playing():
                self._stretch = event
                self._sort(float("inf"))
            case Hold(reply=reply) | Clear(reply=reply):
                if self._stretch is not None and self._stretch.reply == reply:
                    self._stretch = None
            case Reply(reply=reply, final=True):
                if self._stretch is not None and self._stretch.reply == reply:
                    self._client._heard(AudioFrame(reply, self._end, True, b""))
                    self._stretch = None

    def due(self) -> bool:
        """Whether a second has passed since this was last true."""
        now = self._loop.time()
        if now - self._checked < _CHECK_S:
            return False
        self._checked = now
        return True

    def _hear(self, pcm: bytes) -> None:
        now = self._loop.time()
        self._unsure.append((now, self.receiver.at, pcm))
        self._sort(now)

    def _sort(self, now: float) -> None:
        """Hands on what is a reply's, and what has waited long enough to be none."""
        rate = self._client.output_rate_hz
        while self._unsure:
            at, timestamp, pcm = self._unsure[0]
            ahead = distance(timestamp, self._stretch.rtp, 32) if self._stretch is not None else -1
            if self._stretch is not None and ahead >= 0:
                offset = self._stretch.offset * rate // MOUTH_HZ + ahead * rate // RTP_HZ
                self._end = offset + len(pcm) // 2
                self._client._heard(AudioFrame(self._stretch.reply, offset, False, pcm))
            elif now - at >= UNSURE_S:
                self._client._heard(VoicesFrame(pcm))
            else:
                return
            self._unsure.popleft()
