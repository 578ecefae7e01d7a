"""The far end of outgoing calls: a local server that plays a carrier's REST interface, and whoever is called.

A server that wants to call somebody asks the carrier; pointed here instead (`telephony.twilio.api_url`), it finds a carrier that rings
at this program, and if the program answers, fetches the answer's TwiML as the carrier would and opens the media stream.
"""

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlencode, urlsplit

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...gateway.telephony.wire.carriers import Carrier
from . import rest, signature
from .call import PhoneCall
from .errors import VoiceClientError
from .network import BadLine
from .place import place_call
from .transport import real_address

log = logging.getLogger("hubbub.client.phone")

MAX_WAITING = 1000
"""Calls that wait for the program to look at them; then the carrier says that it is busy."""


@dataclass(eq=False)
class Ringing:
    """A telephone that rings: a call that a server has asked the carrier for."""

    dial: rest.Dial
    carrier: Carrier
    put_through: list[str] = field(default_factory=list)
    """What the server asked the call to be transferred to."""
    _end: "FarEnd | None" = None
    _call: PhoneCall | None = None

    @contextlib.asynccontextmanager
    async def answer(self, *, line: BadLine | None = None, record: bool = True) -> AsyncIterator[PhoneCall]:
        """Takes the call; leaving the block hangs up. Raises what `place_call` raises: the server's answer to the webhook may be wrong."""
        assert self._end is not None
        await self._end.tell(self, "answered")
        try:
            async with self._end.connect(self, line, record) as call:
                self._call = call
                yield call
        finally:
            self._call = None
            await self._end.tell(self, "completed")

    async def reject(self, state: rest.State = "busy") -> None:
        """Does not take it: `busy`, or `no_answer` after it has rung for as long as the server wanted (which is not waited for)."""
        assert self._end is not None
        await self._end.tell(self, state)

    def _told(self, action: rest.HangUp | rest.Transfer) -> None:
        if isinstance(action, rest.Transfer):
            self.put_through.append(action.what)
        if self._call is not None:
            what = "hung up" if isinstance(action, rest.HangUp) else "put the call through to elsewhere"
            self._call.end_by_carrier(f"it {what} through the REST interface")


class FarEnd:
    """A carrier's REST interface on this machine. An async context manager; iterate over it for the telephones that ring.

        async with FarEnd("twilio", auth_token="secret") as carrier:
            # telephony.twilio.api_url of the server under test is carrier.url
            async for ringing in carrier:
                async with ringing.answer() as call:
                    await call.say(greeting)

    Parameters:
        carrier: Whom to play.
        auth_token: Signs webhooks and statuses, and (of Twilio and Plivo) must be the password of the server's requests.
        via: Where the server is really reached, when its webhooks have its public address.
        host, port: Where to listen; port 0 takes any free one.
    """

    def __init__(
        self, carrier: Carrier, *, auth_token: str | None = None, via: str | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.carrier = carrier
        self.url = ""
        """The interface's address, once it listens."""
        self.requests: list[tuple[rest.RestRequest, int]] = []
        """What was asked, and with which status it was answered."""
        self._auth_token = auth_token
        self._via = via
        self._address = (host, port)
        self._rings: asyncio.Queue[Ringing] = asyncio.Queue(MAX_WAITING)
        self._calls: dict[str, Ringing] = {}
        self._client = httpx.AsyncClient(timeout=10)
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listens. Raises OSError where it cannot."""
        app = Starlette(routes=[Route("/{path:path}", self._take, methods=["GET", "POST", "PUT", "DELETE"])])
        host, port = self._address
        config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="off", ws="none")
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._serve(), name="far-end")
        while not self._server.started:
            if self._serving.done():
                raise OSError(f"cannot listen at {host}:{port}")
            await asyncio.sleep(0.01)
        found = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://{host}:{found}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._serving is not None
        self._server.should_exit = True
        await asyncio.gather(self._serving, *self._telling, return_exceptions=True)
        await self._client.aclose()

    def __aiter__(self) -> AsyncIterator[Ringing]:
        return self

    async def __anext__(self) -> Ringing:
        return await self._rings.get()

    # ── the interface ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _take(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > rest.MAX_BODY_BYTES:
                return Response(status_code=413)
        asked = rest.RestRequest(request.method, unquote(request.url.path), body, dict(request.headers))
        action = rest.read(self.carrier, asked) if self._knows(request) else rest.Wrong(401, "these are not the account's credentials")
        action = self._do(action)
        status, answer = rest.answer(self.carrier, action)
        self.requests.append((asked, status))
        return JSONResponse(answer, status) if answer else Response(status_code=status)

    def _knows(self, request: Request) -> bool:
        if self._auth_token is None or self.carrier not in ("twilio", "plivo"):
            return "authorization" in request.headers
        account = (request.url.path.split("/") + [""] * 4)[3]
        shown = base64.b64encode(f"{account}:{self._auth_token}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {shown}"

    def _do(self, action: rest.Action) -> rest.Action:
        if isinstance(action, rest.Dial):
            ringing = Ringing(action, self.carrier, _end=self)
            if self._rings.full():
                return rest.Wrong(429, f"{MAX_WAITING} calls wait already")
            self._calls[action.call_id] = ringing
            self._rings.put_nowait(ringing)
            self._later(self.tell(ringing, "ringing"))
        elif isinstance(action, rest.HangUp | rest.Transfer):
            known = self._calls.get(action.call_id)
            if known is None:
                return rest.Wrong(404, f"there is no call {action.call_id}")
            known._told(action)
        return action

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.asynccontextmanager
    async def connect(self, ringing: Ringing, line: BadLine | None, record: bool) -> AsyncIterator[PhoneCall]:
        """The answered call, as `Ringing.answer` gives it."""
        dial = ringing.dial
        async with place_call(
            dial.answer_url, carrier=self.carrier, caller=dial.sender, called=dial.to, call_id=dial.call_id, auth_token=self._auth_token,
            via=self._via, line=line, record=record, outgoing=True,
        ) as call:  # fmt: skip
            yield call

    async def tell(self, ringing: Ringing, state: rest.State) -> None:
        """Tells the server what becomes of a call, where it wanted to know. A server that does not take it is logged."""
        url = ringing.dial.status_url
        if not url:
            return
        fields = rest.status(self.carrier, ringing.dial, state)
        request = _signed(self.carrier, url, fields, self._auth_token)
        if self._via is not None:
            real = real_address(self._via)
            host = urlsplit(url).netloc
            request = httpx.Request(
                request.method, request.url.copy_with(scheme=real.scheme, host=real.hostname, port=real.port), content=request.content,
                headers={**request.headers, "host": host},
            )  # fmt: skip
        try:
            response = await self._client.send(request)
            if response.status_code >= 300:
                log.warning("the status '%s' was answered with %d: %s", state, response.status_code, response.text[:200])
        except (httpx.HTTPError, VoiceClientError) as error:
            log.warning("the status '%s' could not be told: %s", state, error)

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _serve(self) -> None:
        assert self._server is not None
        with contextlib.suppress(SystemExit):  # uvicorn's way to say that it cannot listen
            await self._server.serve()


class _Server(uvicorn.Server):
    """A server that leaves the program's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _signed(carrier: Carrier, url: str, fields: dict[str, str], token: str | None) -> httpx.Request:
    if carrier == "vonage":
        body = json.dumps(fields).encode()
        headers = {"content-type": "application/json", **(signature.vonage(token, body) if token else {})}
        return httpx.Request("POST", url, content=body, headers=headers)
    body = urlencode(fields).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if token and carrier == "twilio":
        headers |= signature.twilio(token, url, fields)
    elif token and carrier == "plivo":
        headers |= signature.plivo(token, url, fields)
    elif token and carrier == "telnyx":
        headers |= signature.telnyx(token, body)
    return httpx.Request("POST", url, content=body, headers=headers)

