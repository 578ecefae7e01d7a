"""The server: HTTP and WebSocket in front of a house."""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import __version__
from .access import NoLock, check_lock
from .api import health, operator, outgoing, rooms, tokens
from .api.origins import OtherOrigins
from .api.unanswered import failed, no_such_answer
from .call_tools import offer_through
from .collector import spare_collector
from .config import Config
from .engines import describe
from .gateway import websocket
from .gateway.asterisk.gateway import AsteriskGateway
from .gateway.telephony import gateway as telephony
from .gateway.telephony.exchange import Exchange
from .gateway.webrtc import signalling as webrtc
from .gateway.webrtc.gateway import WebRTCGateway
from .house import House
from .protocol import MAX_MESSAGE_BYTES
from .secrecy import without_secrets
from .tts.base import TTSError
from .vad.base import VADError

if TYPE_CHECKING:
    from uvicorn import Server

log = logging.getLogger("hubbub.server")

LAZY_S = 3.0
"""By then what loads behind the open door (WebRTC) is there too."""

_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]
"""The page loads nothing from elsewhere, and nobody frames it."""


class SafeHeaders:
    """Adds the security headers to every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


def create_app(house: House) -> Starlette:
    """The ASGI application of a house. It starts and closes the house with its own lifespan."""
    web = Path(str(files("hubbub.web")))
    peers = WebRTCGateway(house, house.config.webrtc)

    async def page(request: Request) -> Response:
        return FileResponse(web / "index.html")

    async def operator_page(request: Request) -> Response:
        return FileResponse(web / "operator.html")

    exchange = Exchange(house, offer=offer_through(house.rooms.get))
    asterisk = AsteriskGateway(exchange)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as open_doors:
            await house.start()
            await peers.start()
            open_doors.push_async_callback(peers.close)  # after the house, which says goodbye through them
            open_doors.push_async_callback(exchange.close)
            open_doors.push_async_callback(house.close)
            await open_doors.enter_async_context(asterisk)
            yield

    routes = [
        Route("/", page),
        Route("/operator", operator_page),
        *health.routes(house),
        *rooms.routes(house),
        *tokens.routes(house),
        *operator.routes(house),
        *websocket.routes(house),
        *webrtc.routes(house, peers),
        *asterisk.routes(),
        *telephony.routes(exchange),
        *outgoing.routes(exchange),
        Mount("/static", StaticFiles(directory=web)),
    ]
    others = Middleware(OtherOrigins, origins=house.config.server.access.origins)
    app = Starlette(
        routes=routes, middleware=[Middleware(SafeHeaders), others], lifespan=lifespan,
        exception_handlers={HTTPException: no_such_answer, Exception: failed},
    )  # fmt: skip
    app.state.exchange = exchange  # for programs that make calls
    app.state.webrtc = peers
    return app


def banner(house: House, host: str, port: int) -> str:
    """What an operator reads first: where to go, who is there, what serves each stage and why."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    lines = [f"Hubbub {__version__} is ready", f"  open  http://{shown}:{port}"]
    for name, room in house.config.rooms.items():
        agents = ", ".join(agent.name for agent in room.agents) or "no agent"
        lines.append(f"  room  {name}: {agents}")
    lines += [f"  {line}" for line in describe(house.engines.info)]
    lock = "open: anybody who reaches it comes in" if house.access.is_open else "who comes in needs a token ('hubbub token')"
    lines.append(f"  lock  {lock}")
    if house.store is not None:
        lines.append(f"  store what agents remember outlives this process, in {house.store.shown}")
    if shown != host:
        lines.append("  note  browsers give a page the microphone only on localhost or over https")
    return "\n".join(lines)


def serve(
    config: Config,
    *,
    host: str | None = None,
    port: int | None = None,
    log_level: str = "info",
    record: Path | None = None,
    open_to_all: bool = False,
) -> int:
    """Serves until it is told to stop (SIGINT, SIGTERM). Answers the exit status: 0, or 1 when it could not start.

    `record` is a folder that every session is recorded into. `open_to_all`: nobody needs a token, whatever the address.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(run(config, host=host, port=port, log_level=log_level, record=record, open_to_all=open_to_all))


def configured(
    config: Config, *, host: str | None = None, port: int | None = None, open_to_all: bool = False, store: str | None = None
) -> Config:
    """A configuration with what the command line said in its place."""
    server = config.server
    access = server.access.model_copy(update={"open": True}) if open_to_all else server.access
    changes = {
        "host": server.host if host is None else host, "port": server.port if port is None else port, "access": access,
        "store": server.store if store is None else store,
    }  # fmt: skip
    return config.model_copy(update={"server": server.model_copy(update=changes)})


async def run(
    config: Config,
    *,
    host: str | None = None,
    port: int | None = None,
    log_level: str = "info",
    record: Path | None = None,
    open_to_all: bool = False,
    on_ready: Callable[[str, int], None] | None = None,
) -> int:
    """The same inside a running event loop. `on_ready` is told the address once callers are accepted."""
    _log_to_stderr(log_level)
    config = configured(config, host=host, port=port, open_to_all=open_to_all)
    try:
        check_lock(config.server, os.environ)
        house = House(config, record=record)
        if house.store is not None:
            await house.store.open()
    except (NoLock, VADError, TTSError, ImportError, OSError, RuntimeError) as error:  # what is missing says what to install
        log.error("cannot start: %s", error)
        return 1
    return await serve_house(house, on_ready=on_ready)


async def serve_house(house: House, *, on_ready: Callable[[str, int], None] | None = None) -> int:
    """Serves a house at the address of its configuration until SIGINT or SIGTERM; the process is this server's. Answers 0, or 1 when it
    could not start."""
    settings = house.config.server
    server = http_server(create_app(house), settings.host, settings.port, max_message_bytes=settings.limits.max_message_bytes)
    announcer = asyncio.create_task(_announce(server, house, settings.host, on_ready))
    try:
        await server.serve()
    except SystemExit:  # uvicorn could not bind or start; it has said why
        return 1
    finally:
        announcer.cancel()
        await asyncio.gather(announcer, return_exceptions=True)
    return 0 if server.started else 1


def http_server(app: ASGIApp, host: str, port: int, *, max_message_bytes: int = MAX_MESSAGE_BYTES) -> "Server":
    """The HTTP and WebSocket server of an application, with the settings of `hubbub serve`; its `serve()` runs it."""
    import uvicorn

    from .gateway.direct import DirectProtocol

    settings = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, ws=DirectProtocol, ws_max_size=max_message_bytes,
        ws_per_message_deflate=False, lifespan="on", timeout_graceful_shutdown=3,
        ws_ping_interval=5, ws_ping_timeout=5,  # a line that died without a word is found out within 10 s
        proxy_headers=False,  # the door reads X-Forwarded-For itself, from proxies that are trusted
    )
    return uvicorn.Server(settings)


async def _announce(server: Any, house: House, host: str, on_ready: Callable[[str, int], None] | None) -> None:
    while not server.started:
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    log.info("%s", banner(house, host, port))
    if on_ready is not None:
        on_ready(host, port)
    spare_collector()
    await asyncio.sleep(LAZY_S)
    if not house.sessions:  # else the look through everything would be heard
        spare_collector()


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s %(message)s", datefmt="%H:%M:%S"
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(without_secrets)
    # They tell addresses and headers, and tokens stand in both.
    for noisy in ("uvicorn.error", "httpx", "httpcore", "websockets", "aioice", "aiortc"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
