"""A program as a caller: one WebSocket to a Hubbub server, typed both ways."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self

from pydantic import BaseModel, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from ..event import Error, Event, Joined, Lane, Left, Role, parse_event
from ..protocol import (
    CLOSE_NORMAL,
    MAX_AUDIO_MS,
    AudioFrame,
    AudioRequest,
    Commit,
    Dtmf,
    Frame,
    Heard,
    Interrupt,
    Join,
    Leave,
    Mute,
    Ping,
    Playhead,
    ProtocolError,
    Text,
    unpack_binary,
)
from .address import socket_url
from .errors import CannotConnectError, ConnectionLostError, RefusedError, VoiceClientError
from .handshake import FINAL_CLOSES, code_of, ending, plain, refusal, with_query

log = logging.getLogger(__name__)

Rate = Literal[8000, 16000, 24000, 48000]

MAX_WAITING_MESSAGES = 64
"""What is kept for a program that does not read: 1.3 s of sound. Then the connection is read no further, and the server,
whose own bound is soon reached too, ends it."""

_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.25, 5.0

class ConnectionLost(Event):
    """The client's own event, not the server's: the connection was lost and is tried again after `wait_s` seconds."""

    type: Literal["connection_lost"] = "connection_lost"
    reason: str
    attempt: int
    wait_s: float


class VoiceClient:
    """A caller in a room.

    Use it as an async context manager; entering joins the room, leaving it leaves the room. Iterate over it for all that the
    server sends, in order: events (`hubbub.voice.event`), the sound of replies (`AudioFrame`) and the other callers' voices
    (`VoicesFrame`), both PCM16 mono at `output_rate_hz`. The iteration ends after the `Left` event, or raises
    `ConnectionLostError`; with `reconnect` it yields a `ConnectionLost` before each new attempt and the server's `Joined` once the
    seat is taken again, and raises only when the seat's time is over.

    There is no hidden task and no queue beside the WebSocket's own of `MAX_WAITING_MESSAGES`: a program that stops iterating
    slows its own connection down, and is dropped by the server when it does so for long.

        async with VoiceClient("http://127.0.0.1:8080", name="Kim") as client:
            await client.send_text("What time is it?")
            async for event in client:
                if isinstance(event, Reply) and event.final:
                    print(event.text)
                    break

    Parameters:
        url: The server; see `hubbub.voice.client.address.socket_url` for what is understood.
        room: Name of the room.
        name: The caller's name, as the others see it.
        token: The room token, where the server asks for one.
        role: What to be there (`listener`, `speaker`, `moderator`); as the token says where nothing is said.
        input_rate_hz: Rate of the sound given to `send_audio`.
        output_rate_hz: Rate of the sound of replies.
        reports_playhead: The program tells how far it has played (`send_playhead`; a `Loudspeaker` does it). Without it the
            server estimates what was heard.
        reconnect: Try again when the connection is lost; what happened meanwhile is told then, and no word of a reply is lost.
        reconnect_for_s: For how long, in seconds.
        resume_token: Takes back the seat of an earlier client, from its `joined.resume_token`.
        after: With `resume_token`: the number of the last event that the earlier client had (its `seq`), to be told what came after.
        lanes: Hear every other caller on a lane of his own (`LaneFrame`) instead of all of them mixed (`VoicesFrame`).
        open_timeout_s: How long connecting and joining may take, in seconds.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        room: str = "default",
        name: str = "guest",
        token: str = "",
        role: Role | None = None,
        input_rate_hz: Rate = 16000,
        output_rate_hz: Rate = 24000,
        reports_playhead: bool = True,
        reconnect: bool = False,
        reconnect_for_s: float = 60.0,
        resume_token: str | None = None,
        after: int | None = None,
        lanes: bool = False,
        open_timeout_s: float = 10.0,
    ) -> None:
        """Raises ValueError for an address, room or name that cannot be right."""
        self._url = url
        self._socket_url = socket_url(url)
        audio = AudioRequest(input_rate_hz=input_rate_hz, output_rate_hz=output_rate_hz, playhead=reports_playhead)
        try:
            self._join = Join(type="join", room=room, name=name, role=role, audio=audio, resume=resume_token, after=after, lanes=lanes)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ValueError(f"{first['loc'][0]}: {first['msg']}") from None
        self.input_rate_hz = input_rate_hz
        self.output_rate_hz = output_rate_hz
        self._reconnect_for_s = reconnect_for_s if reconnect else 0.0
        self._open_timeout_s = open_timeout_s
        self._socket: ClientConnection | None = None
        self._joined: Joined | None = None
        self._announce_joined = False
        self._leaving = False
        self._newest_reply = 0
        self._token = token
        self._heard: Heard | None = None
        self.seq = after or 0
        """Number of the last event that came."""
        self.lanes: dict[int, str] = {}
        """Who speaks on which lane."""
        self.lost_audio_samples = 0
        """Samples given to `send_audio` while the connection was down, which nobody heard."""

    @property
    def joined(self) -> Joined:
        """What the server said to the latest joining. Raises VoiceClientError before there was one."""
        if self._joined is None:
            raise VoiceClientError("the client has not joined yet: use 'async with VoiceClient(...) as client'")
        return self._joined

    async def __aenter__(self) -> Self:
        await self._open()
        self._announce_joined = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None and not self._leaving:
            with suppress(VoiceClientError):  # where the connection is gone, the seat's time runs out by itself
                await self.leave()
        await self.disconnect()

    async def disconnect(self) -> None:
        """Closes the connection without leaving: the server keeps the seat for a while, for `resume_token`."""
        self._leaving = True
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    # ── to the server ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def send_audio(self, pcm: bytes) -> None:
        """Sends sound: PCM16 mono at `input_rate_hz`, any whole number of samples, in real time (20 to 100 ms a call).

        While a lost connection is being tried again the sound is dropped and counted: nobody speaks to a dead line.
        Raises ValueError on an odd number of bytes, ConnectionLostError where the connection is gone for good.
        """
        if len(pcm) % 2:
            raise ValueError(f"sound comes as 16-bit samples, but {len(pcm)} bytes is an odd number")
        step = self.input_rate_hz * MAX_AUDIO_MS // 1000 * 2
        for start in range(0, len(pcm), step):
            if not await self._try_send(pcm[start : start + step]):
                self.lost_audio_samples += (len(pcm) - start) // 2
                return

    async def send_text(self, text: str) -> None:
        """Says something by typing it: a whole turn. Raises ValueError for an empty or too long text."""
        try:
            message = Text(type="text", text=text)
        except ValidationError as error:
            raise ValueError(error.errors(include_url=False)[0]["msg"]) from None
        await self._send(message)

    async def press_keys(self, digits: str) -> None:
        """Presses keys of a telephone: up to 32 of 0-9, *, #, A-D. `#`, or 2.5 s without a key, makes a turn of what was keyed in.
        Raises ValueError."""
        try:
            message = Dtmf(type="dtmf", digits=digits)
        except ValidationError:
            raise ValueError(f"keys are up to 32 of 0-9, *, #, A-D, not {digits!r}") from None
        await self._send(message)

    async def interrupt(self) -> None:
        """Stops the agent that speaks or thinks."""
        await self._send(Interrupt(type="interrupt"))

    async def commit(self) -> None:
        """Ends this caller's turn now, without waiting for silence (push-to-talk)."""
        await self._send(Commit(type="commit"))

    async def mute(self, muted: bool = True) -> None:
        """Says that the microphone was muted or opened; an open turn ends when it is muted."""
        await self._send(Mute(type="mute", muted=muted))

    async def send_playhead(self, reply: int, offset: int) -> None:
        """Reports that `offset` samples of reply `reply` have been heard. While the connection is down it is kept for the next one."""
        if self._heard is None or reply >= self._heard.reply:
            self._heard = Heard(reply=reply, offset=offset)
        await self._try_send(Playhead(type="playhead", reply=reply, offset=offset).model_dump_json())

    async def ping(self, id: int = 0) -> None:
        """Asks for a `Pong` event."""
        await self._send(Ping(type="ping", id=id))

    async def leave(self) -> None:
        """Leaves the room. The iteration ends after the server's `Left`."""
        self._leaving = True
        await self._send(Leave(type="leave"))

    async def _send(self, message: BaseModel) -> None:
        if not await self._try_send(message.model_dump_json()):
            raise ConnectionLostError("there is no connection at the moment: nothing was sent")

    async def _try_send(self, data: str | bytes) -> bool:
        """False where the connection is down but may come back."""
        try:
            if self._socket is not None:
                await self._socket.send(data)
                return True
        except ConnectionClosed as closed:
            if not self._may_retry(closed):
                raise self._lost(closed) from None
            return False
        if self._joined is None or not self._reconnect_for_s or self._leaving:
            raise ConnectionLostError("the client is not connected")
        return False

    # ── from the server ───────────────────────────────────────────────────────────────────────────────────────────────

    async def __aiter__(self) -> AsyncIterator[Event | Frame]:
        if self._announce_joined:
            self._announce_joined = False
            yield self.joined
        while self._socket is not None:
            try:
                data = await self._socket.recv()
            except ConnectionClosed as closed:
                if self._leaving or code_of(closed) == CLOSE_NORMAL:
                    return
                if not self._may_retry(closed):
                    raise self._lost(closed) from None
                async for event in self._reconnect(self._lost(closed)):
                    yield event
                continue
            message = self._read(data)
            if message is not None:
                yield message
                if isinstance(message, Left):
                    return

    def _read(self, data: str | bytes) -> Event | Frame | None:
        try:
            if isinstance(data, bytes):
                frame = unpack_binary(data)
                if frame is None or not isinstance(frame, AudioFrame):
                    return frame
                return AudioFrame(self._whole_number(frame.reply), frame.offset, frame.last, frame.pcm)
            event = parse_event(data)
        except ValidationError as error:
            if error.errors(include_url=False)[0]["type"] == "union_tag_invalid":
                log.info("an event of a kind this client does not know was skipped: %s", data[:100])
                return None
            raise VoiceClientError(f"the server sent an event that cannot be read: {_first(error)}") from None
        except ProtocolError as error:
            raise VoiceClientError(f"the server sent sound that cannot be read: {error}") from None
        self._newest_reply = max(self._newest_reply, getattr(event, "reply", 0))
        self.seq = max(self.seq, event.seq)
        if isinstance(event, Lane):
            self.lanes[event.number] = event.name
        return event

    def _whole_number(self, low: int) -> int:
        """The reply's number, of which the wire carries the low 16 bits: the one nearest to the newest reply."""
        distance = (low - self._newest_reply + 0x8000) % 0x10000 - 0x8000
        number = self._newest_reply + distance
        self._newest_reply = max(self._newest_reply, number)
        return number

    # ── the connection ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(self._open_timeout_s):
                credential = self._join.resume or self._token  # a room token may have expired, or been good for one seat
                socket = await connect(
                    self._socket_url if self._join.resume else with_query(self._socket_url, room=self._join.room),
                    additional_headers={"Authorization": f"Bearer {credential}"} if credential else None,
                    compression=None,  # sound does not get smaller, and captions are short
                    max_queue=MAX_WAITING_MESSAGES,
                    open_timeout=None,
                    close_timeout=2,
                )
                try:
                    self._joined = await self._enter_room(socket)
                except BaseException:
                    await socket.close()
                    raise
        except TimeoutError:
            raise CannotConnectError(
                f"{self._url} did not answer within {self._open_timeout_s:g} s: check the address, and that the server is well"
            ) from None
        except (InvalidStatus, InvalidMessage, InvalidHandshake) as error:
            raise refusal(self._url, error) from None
        except OSError as error:
            raise CannotConnectError(
                f"cannot connect to {self._url}: {plain(error)}. Is the server running? Start one with 'hubbub serve', "
                "or check the address"
            ) from None
        self._socket = socket

    async def _enter_room(self, socket: ClientConnection) -> Joined:
        try:
            await socket.send(self._join.model_dump_json(exclude_defaults=True))
            while True:
                message = self._read(await socket.recv())
                if isinstance(message, Joined):
                    self._join = self._join.model_copy(update={"resume": message.resume_token})
                    return message
                if isinstance(message, Error):
                    raise RefusedError(message.code, message.message)
        except ConnectionClosed as closed:
            raise RefusedError(f"closed_{code_of(closed)}", ending(closed)) from None

    async def _reconnect(self, lost: VoiceClientError) -> AsyncIterator[Event]:
        deadline = asyncio.get_running_loop().time() + self._reconnect_for_s
        wait_s, attempt, self._socket = _FIRST_RETRY_S, 1, None
        while asyncio.get_running_loop().time() + wait_s < deadline:
            log.warning("connection lost (%s); trying again in %g s", lost, wait_s)
            yield ConnectionLost(reason=str(lost), attempt=attempt, wait_s=wait_s)
            await asyncio.sleep(wait_s)
            if self._leaving:
                return
            missed = {"after": self.seq, "heard": self._heard} if "events.resume" in self.joined.features else {}
            self._join = self._join.model_copy(update=missed)
            try:
                await self._open()
            except CannotConnectError as error:
                lost = error
                wait_s, attempt = min(2 * wait_s, _LONGEST_RETRY_S), attempt + 1
                continue
            yield self.joined
            return
        raise ConnectionLostError(f"the connection was lost and did not come back: {lost}")

    def _may_retry(self, closed: ConnectionClosed) -> bool:
        return self._reconnect_for_s > 0 and not self._leaving and code_of(closed) not in FINAL_CLOSES

    def _lost(self, closed: ConnectionClosed) -> ConnectionLostError:
        return ConnectionLostError(f"the connection to {self._url} ended: {ending(closed)}")


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
