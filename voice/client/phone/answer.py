"""What a server answers to a carrier's webhook, read as the carrier reads it. Pure: text in, a media stream's address out.

Twilio reads TwiML, Telnyx TeXML, Plivo its XML, Vonage an NCCO, Exotel's applet a JSON object with a `url`. What the carrier would not do
(dial a stream over plain `ws`, keep a query string) is done here all the same, and told in `warnings`: a test may want it.
"""

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from ...gateway.telephony.wire.base import Coding
from ...gateway.telephony.wire.carriers import Carrier
from .errors import WebhookError
from .trunk import CODINGS

MAX_ANSWER_BYTES = 64 * 1024
"""Twilio's own limit."""

MAX_PARAMETER_CHARS = 500
"""Twilio: name and value of one <Parameter> together."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Where the call's sound goes."""

    url: str
    parameters: dict[str, str] = field(default_factory=dict)
    coding: Coding | None = None
    """None for the carrier's usual one."""
    before: tuple[str, ...] = ()
    """What the caller would hear or do before the stream begins (`Say`, `Play`, `Pause`), which is not played here."""
    warnings: tuple[str, ...] = ()


def read_answer(carrier: Carrier, text: str) -> Answer:
    """The media stream that an answer leads to. Raises WebhookError."""
    if len(text.encode()) > MAX_ANSWER_BYTES:
        raise WebhookError(f"the answer is longer than the {MAX_ANSWER_BYTES} bytes that a carrier reads")
    match carrier:
        case "vonage":
            answer = _read_ncco(text)
        case "exotel":
            answer = _read_exotel(text)
        case "plivo":
            answer = _read_plivo(text)
        case _:
            answer = _read_twiml(carrier, text)
    return _check(carrier, answer, text)


def _check(carrier: Carrier, answer: Answer, text: str) -> Answer:
    parts = urlsplit(answer.url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise _wrong(f"the stream's address must begin with wss://, not {answer.url[:200]!r}", text)
    warnings = list(answer.warnings)
    if parts.scheme == "ws":
        warnings.append(f"{carrier} dials wss:// only; {answer.url[:100]} is not encrypted")
    if carrier == "twilio" and parts.query:
        warnings.append("Twilio drops the query string of a stream's address: use <Parameter>")
    for name, value in answer.parameters.items():
        if carrier == "twilio" and len(name) + len(value) > MAX_PARAMETER_CHARS:
            warnings.append(f"Twilio refuses a <Parameter> of more than {MAX_PARAMETER_CHARS} characters: {name[:40]}")
    if answer.coding is not None and answer.coding not in CODINGS[carrier]:
        raise _wrong(f"{carrier} streams no {answer.coding.codec} at {answer.coding.rate_hz} Hz", text)
    return replace(answer, warnings=tuple(warnings))


# ── TwiML and TeXML ───────────────────────────────────────────────────────────────────────────────────────────────────

_ENDS = ("Hangup", "Reject", "Redirect", "Dial", "Record", "Enqueue", "Leave", "Pay", "Refer", "Gather")
"""Verbs that take the call elsewhere, or wait for something that is not a stream."""


def _read_twiml(carrier: Carrier, text: str) -> Answer:
    root = _xml(text, "Response")
    before: list[str] = []
    for verb in root:
        if verb.tag == "Connect":
            stream = verb.find("Stream")
            if stream is None:
                raise _wrong("<Connect> has no <Stream>", text)
            return _stream(carrier, stream, tuple(before), text)
        if verb.tag in _ENDS:
            raise _wrong(f"the call ends in <{verb.tag}> and never comes to a <Connect><Stream>", text)
        before.append(verb.tag)
    if root.find("Start/Stream") is not None:
        raise _wrong("<Start><Stream> only listens: a conversation needs <Connect><Stream>", text)
    raise _wrong("there is no <Connect><Stream> in the answer, so the carrier would hang up", text)


def _stream(carrier: Carrier, stream: ElementTree.Element, before: tuple[str, ...], text: str) -> Answer:
    parameters = {one.get("name", ""): one.get("value", "") for one in stream.findall("Parameter")}
    warnings: list[str] = []
    coding: Coding | None = None
    if carrier == "telnyx":
        if stream.get("bidirectionalMode", "mp3") != "rtp":
            warnings.append("without bidirectionalMode=\"rtp\" Telnyx takes MP3 files and no sound as it is spoken")
        coding = _telnyx_coding(stream, text)
    return Answer(stream.get("url", "").strip(), parameters, coding, before, tuple(warnings))


def _telnyx_coding(stream: ElementTree.Element, text: str) -> Coding:
    name = stream.get("bidirectionalCodec", "PCMU")
    rate = stream.get("bidirectionalSamplingRate", "8000")
    codec = {"PCMU": "ulaw", "PCMA": "alaw", "L16": "l16"}.get(name.upper())
    if codec is None or not rate.isdecimal():
        raise _wrong(f"the coding must be PCMU, PCMA or L16 here, not {name!r} at {rate!r}", text)
    return Coding(codec, int(rate))  # type: ignore[arg-type]


# ── the others ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_plivo(text: str) -> Answer:
    root = _xml(text, "Response")
    before = tuple(verb.tag for verb in root if verb.tag != "Stream")
    stream = root.find("Stream")
    if stream is None:
        raise _wrong("there is no <Stream> in the answer, so Plivo would hang up", text)
    warnings = [] if stream.get("bidirectional") == "true" else ["without bidirectional=\"true\" Plivo plays nothing of what it is sent"]
    if stream.get("keepCallAlive") != "true":
        warnings.append("without keepCallAlive=\"true\" Plivo goes on to the next element at once, or hangs up")
    kind = stream.get("contentType", "audio/x-l16;rate=8000")
    found = re.fullmatch(r"audio/x-(mulaw|l16);\s*rate=(\d+)", kind.strip())
    if found is None:
        raise _wrong(f"contentType must be audio/x-mulaw;rate=8000 or audio/x-l16;rate=8000 or 16000, not {kind!r}", text)
    parameters = {}
    for pair in re.split(r"[;,]", stream.get("extraHeaders", "")):
        name, _, value = pair.partition("=")
        if name.strip():
            parameters[name.strip()] = value.strip()
    coding = Coding("ulaw" if found[1] == "mulaw" else "l16", int(found[2]))
    return Answer((stream.text or "").strip(), parameters, coding, before, tuple(warnings))


def _read_ncco(text: str) -> Answer:
    actions = _json(text)
    if not isinstance(actions, list) or not all(isinstance(action, dict) for action in actions):
        raise _wrong("an NCCO is a list of actions", text)
    before: list[str] = []
    for action in actions:
        endpoints = action.get("endpoint")
        if action.get("action") == "connect" and isinstance(endpoints, list):
            for endpoint in endpoints:
                if isinstance(endpoint, dict) and endpoint.get("type") == "websocket":
                    return _endpoint(endpoint, tuple(before), text)
        before.append(str(action.get("action")))
    raise _wrong("there is no 'connect' to an endpoint of type 'websocket' in the NCCO", text)


def _endpoint(endpoint: dict[str, object], before: tuple[str, ...], text: str) -> Answer:
    kind = str(endpoint.get("content-type", "audio/l16;rate=16000"))
    found = re.fullmatch(r"audio/l16;\s*rate=(\d+)", kind.strip())
    if found is None:
        raise _wrong(f"content-type must be audio/l16;rate=8000, 16000 or 24000, not {kind!r}", text)
    headers = endpoint.get("headers", {})
    if not isinstance(headers, dict):
        raise _wrong("'headers' of the endpoint must be an object", text)
    parameters = {str(name): str(value) for name, value in headers.items()}
    return Answer(str(endpoint.get("uri", "")), parameters, Coding("l16", int(found[1])), before)


def _read_exotel(text: str) -> Answer:
    answer = _json(text)
    if not isinstance(answer, dict) or not isinstance(answer.get("url"), str):
        raise _wrong("the Voicebot applet reads a JSON object with the stream's address in 'url'", text)
    found = re.search(r"[?&]sample-rate=(\d+)", answer["url"])
    coding = Coding("l16", int(found[1])) if found else None
    return Answer(answer["url"], {}, coding)


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _xml(text: str, root: str) -> ElementTree.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise _wrong("carriers take no document type in their XML", text)
    try:
        tree = ElementTree.fromstring(text.strip())
    except ElementTree.ParseError as error:
        raise _wrong(f"the answer is no XML: {error}", text) from None
    if tree.tag != root:
        raise _wrong(f"the answer's root must be <{root}>, not <{tree.tag}>", text)
    return tree


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"the answer is no JSON: {error}", text) from None


def _wrong(what: str, text: str) -> WebhookError:
    begin = " ".join(text.split())[:200]
    return WebhookError(f"{what}. The answer was: {begin or '(nothing)'}")
