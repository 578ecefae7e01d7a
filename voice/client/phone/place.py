"""Placing a call: from an address and a carrier's name to an open media stream."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ...gateway.asterisk.control import FORMAT_OF
from ...gateway.telephony.wire.base import Coding
from ...gateway.telephony.wire.carriers import CARRIERS, Carrier
from . import signature
from .asterisk import AudioSocketTrunk, ChannelTrunk
from .call import CallStarted, PhoneCall
from .network import BadLine
from .transport import OPEN_TIMEOUT_S, Transport, open_tcp, open_websocket
from .trunk import CALLED, CALLER, CallDetails, CarrierTrunk, Trunk
from .webhook import ask, with_ids

Player = Literal["twilio", "telnyx", "plivo", "vonage", "exotel", "audiosocket", "asterisk"]
"""Whom a program can play."""
PLAYERS: tuple[Player, ...] = get_args(Player)

AUDIOSOCKET_PORT = 9092


@asynccontextmanager
async def place_call(
    url: str,
    *,
    carrier: Player = "twilio",
    caller: str = CALLER,
    called: str = CALLED,
    account: str = "",
    call_id: str = "",
    parameters: Mapping[str, str] | None = None,
    auth_token: str | None = None,
    via: str | None = None,
    coding: Coding | None = None,
    line: BadLine | None = None,
    record: bool = True,
    outgoing: bool = False,
    timeout_s: float = OPEN_TIMEOUT_S,
) -> AsyncIterator[PhoneCall]:
    """A call into the server at `url`; leaving the block hangs up.

        async with place_call("https://agent.example/voice", carrier="twilio", auth_token=TOKEN) as call:
            await call.say(read_audio("question.wav", call.rate_hz))

    Parameters:
        url: The webhook that answers TwiML, TeXML, Plivo's XML, an NCCO or a Voicebot's JSON (`https://`, `http://`), or the media
            stream itself (`wss://`, `ws://`). For AudioSocket `host`, `host:port` or `audiosocket://host:port/UUID`; for `asterisk`
            (its WebSocket channel) the stream.
        carrier: Whom to play.
        caller, called, account, call_id: What the carrier tells of the call; made up where empty. For AudioSocket `call_id` is the
            call's UUID.
        parameters: Custom parameters, where the media stream is dialled directly; a webhook's answer has its own, which these go over.
            For `asterisk` they go into the address, as the dial string's `v(…)` does.
        auth_token: Signs webhook and handshake as the carrier does.
        via: `http://127.0.0.1:8080`: where the server is really reached, when `url` is its public address.
        coding: How the sound is coded; None for what the answer says, or the carrier's usual.
        line: What the caller's line does to his sound.
        outgoing: The server has asked for this call (`FarEnd`), and `called` has answered.
        record: Keep both sides in `said` and `heard`.
        timeout_s: For the webhook and the connection, each.

    Raises ValueError for arguments that cannot be right, CannotConnectError, RefusedError, WebhookError.
    """
    details = CallDetails(caller, called, account, call_id, dict(parameters or {}))
    if carrier == "audiosocket":
        trunk, transport, started = await _audiosocket(url, details, coding, timeout_s)
    elif carrier == "asterisk":
        trunk, transport, started = await _channel(url, details, coding, via, timeout_s)
    elif carrier in CARRIERS:
        trunk, transport, started = await _stream(carrier, url, details, coding, auth_token, via, outgoing, timeout_s)
    else:
        raise ValueError(f"a carrier is one of {', '.join(PLAYERS)}, not {carrier!r}")
    call = PhoneCall(trunk, transport, started, line=line, record=record)
    async with call:
        yield call


_Placed = tuple[Trunk, Transport, CallStarted]


async def _stream(
    carrier: Carrier, url: str, details: CallDetails, coding: Coding | None, auth_token: str | None, via: str | None, outgoing: bool,
    timeout_s: float,
) -> _Placed:  # fmt: skip
    details = with_ids(carrier, details)
    before: tuple[str, ...] = ()
    if urlsplit(url).scheme in ("http", "https"):
        answer = await ask(carrier, url, details, auth_token=auth_token, via=via, outgoing=outgoing, timeout_s=timeout_s)
        url, coding, before = answer.url, coding or answer.coding, (*answer.before, *answer.warnings)
        details = replace(details, parameters={**answer.parameters, **details.parameters})
    if carrier == "exotel":  # the parameters of the address come back in the stream's start
        details = replace(details, parameters={**dict(parse_qsl(urlsplit(url).query)), **details.parameters})
    trunk = CarrierTrunk(carrier, details, coding)
    headers = signature.twilio(auth_token, url) if auth_token and carrier == "twilio" else {}
    transport = await open_websocket(url, headers=headers, via=via, timeout_s=timeout_s)
    return trunk, transport, CallStarted(url, before)


async def _channel(url: str, details: CallDetails, coding: Coding | None, via: str | None, timeout_s: float) -> _Placed:
    name = "slin16" if coding is None else FORMAT_OF.get((coding.codec, coding.rate_hz), "")
    trunk = ChannelTrunk(replace(details, parameters={}), name)
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(details.parameters))))
    url = urlunsplit(parts._replace(query=query))
    transport = await open_websocket(url, subprotocol="media", via=via, timeout_s=timeout_s)
    return trunk, transport, CallStarted(url)


async def _audiosocket(url: str, details: CallDetails, coding: Coding | None, timeout_s: float) -> _Placed:
    parts = urlsplit(url if "://" in url else f"audiosocket://{url}")
    try:
        port = parts.port or AUDIOSOCKET_PORT
    except ValueError:
        port = 0
    if parts.scheme not in ("audiosocket", "tcp") or not parts.hostname or not port:
        raise ValueError(f"AudioSocket's address is written like 127.0.0.1:{AUDIOSOCKET_PORT}, not {url!r}")
    if coding is not None and coding.codec != "l16":
        raise ValueError("AudioSocket carries linear sound only")
    uuid = details.call_id or parts.path.strip("/")
    try:
        trunk = AudioSocketTrunk(replace(details, call_id=uuid), 8_000 if coding is None else coding.rate_hz)
    except ValueError as error:
        raise ValueError(f"a call over AudioSocket: {error}" if "UUID" in str(error) else str(error)) from None
    transport = await open_tcp(parts.hostname, port, timeout_s=timeout_s)
    return trunk, transport, CallStarted(f"audiosocket://{parts.hostname}:{port}/{trunk.uuid}")
