"""Session descriptions (RFC 8866, RFC 8829) as far as one audio stream and one data channel need them. Pure values, no I/O.

`parse` reads an offer or an answer, `choose` says what of an offer is accepted, `write_answer` and `write_offer` make the text. Other
kinds of media (video) are refused in the answer, which is what every client understands; what cannot be served at all raises
`SdpError` with a sentence that says what is missing.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal

MAX_MEDIA = 32
"""Media sections in one description."""
MAX_CANDIDATES = 64
"""Candidates that one description or fragment may hold."""
MAX_LINE = 4000

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_MIRROR: dict[str, Direction] = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
_ICE_NAME = re.compile(r"[A-Za-z0-9+/=_-]{4,256}")
_ICE_PASSWORD = re.compile(r"[A-Za-z0-9+/=_-]{22,256}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
_FINGERPRINTS = {"sha-256": 32, "sha-384": 48, "sha-512": 64}


class SdpError(ValueError):
    """A description that cannot be read (`bad`), or asks for what is not served here (`unacceptable`)."""

    def __init__(self, code: Literal["bad", "unacceptable"], message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address where one end may be reached (RFC 8839 §5.1)."""

    foundation: str
    component: int
    transport: str
    priority: int
    host: str
    port: int
    kind: str
    related_host: str = ""
    related_port: int = 0

    @property
    def usable(self) -> bool:
        """Whether it can be tried: UDP, a plain address of one machine, not a name."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return False
        odd = address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255"
        return self.transport == "udp" and self.component == 1 and self.kind in ("host", "srflx", "relay") and not odd and self.port > 0

    def line(self) -> str:
        """The value of its attribute."""
        text = f"{self.foundation} {self.component} {self.transport} {self.priority} {self.host} {self.port} typ {self.kind}"
        if self.related_host:
            text += f" raddr {self.related_host} rport {self.related_port}"
        return text


@dataclass(slots=True)
class Media:
    """One media section, with what it inherits from the session."""

    kind: str
    port: int
    protocol: str
    formats: list[str]
    mid: str = ""
    direction: str = "sendrecv"
    codecs: dict[int, str] = field(default_factory=dict)
    """Payload type to name/clock[/channels], in lower case."""
    parameters: dict[int, str] = field(default_factory=dict)
    ufrag: str = ""
    password: str = ""
    fingerprints: list[tuple[str, str]] = field(default_factory=list)
    setup: str = ""
    candidates: list[Candidate] = field(default_factory=list)
    rtcp_mux: bool = False
    bundle_only: bool = False
    """Offered in its group's transport or not at all: its port is 0, and yet it is offered (RFC 8843 §6), as Firefox does it."""
    sctp_port: int = 0
    max_message_size: int = 65_536
    """RFC 8841 §6.1: what holds where nothing is said."""

    @property
    def offered(self) -> bool:
        """Whether it is offered at all."""
        return self.port > 0 or self.bundle_only

    def opus(self) -> int | None:
        """The payload type of Opus."""
        for payload_type in self.formats:
            if payload_type.isdigit() and self.codecs.get(int(payload_type), "").startswith("opus/48000"):
                return int(payload_type)
        return None


@dataclass(slots=True)
class Description:
    """An offer or an answer."""

    media: list[Media]
    bundle: list[str]
    """Names (mid) of the sections that share one transport."""
    ice_lite: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What of an offer is accepted. Both sections share one transport, which `transport` describes."""

    transport: Media
    audio: Media | None
    payload_type: int
    data: Media | None

    @property
    def receives(self) -> bool:
        """Whether the other end sends audio."""
        return self.audio is not None and self.audio.direction in ("sendrecv", "sendonly")

    @property
    def sends(self) -> bool:
        """Whether the other end takes audio."""
        return self.audio is not None and self.audio.direction in ("sendrecv", "recvonly")


@dataclass(frozen=True, slots=True)
class Local:
    """What this end says of itself."""

    ufrag: str
    password: str
    fingerprint: str
    """SHA-256 of the certificate, as `AB:CD:…`."""
    setup: Literal["active", "passive", "actpass"]
    candidates: tuple[Candidate, ...]
    ssrc: int
    cname: str
    bitrate: int = 32_000
    fec: bool = True
    dtx: bool = True
    playback_hz: int = 16_000
    """The rate that is heard here: the far end need not spend bits on what lies above it."""
    session: int = 1


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a description that carries candidates (RFC 8840)."""

    ufrag: str
    password: str
    candidates: tuple[Candidate, ...]
    ended: bool


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def parse(text: str) -> Description:
    """Reads a description. Raises SdpError."""
    lines = _lines(text)
    if not lines or lines[0] != ("v", "0"):
        raise SdpError("bad", "a session description begins with 'v=0'")
    description = Description([], [])
    common = Media("session", 0, "", [])
    for kind, value in lines[1:]:
        if kind == "m":
            if len(description.media) >= MAX_MEDIA:
                raise SdpError("bad", f"there are more than {MAX_MEDIA} media sections")
            description.media.append(_media(value, common))
        elif kind == "a":
            name, _, rest = value.partition(":")
            if description.media:
                _attribute(description.media[-1], name, rest.strip())
            elif name == "group" and rest.startswith("BUNDLE"):
                description.bundle = rest.split()[1:]
            elif name == "ice-lite":
                description.ice_lite = True
            else:
                _attribute(common, name, rest.strip())
    return description


def parse_fragment(text: str) -> Fragment:
    """Reads a trickled fragment. Raises SdpError."""
    whole = Media("fragment", 0, "", [])
    ended = False
    for kind, value in _lines(text):
        if kind == "a":
            name, _, rest = value.partition(":")
            ended = ended or name == "end-of-candidates"
            if name in ("ice-ufrag", "ice-pwd", "candidate"):
                _attribute(whole, name, rest.strip())
    unique = tuple(dict.fromkeys(whole.candidates))
    return Fragment(whole.ufrag, whole.password, unique, ended)


def parse_candidate(value: str) -> Candidate:
    """Reads the value of a candidate attribute. Raises SdpError."""
    bits = value.removeprefix("candidate:").split()
    try:
        if len(bits) < 8 or bits[6] != "typ":
            raise ValueError
        extra = dict(zip(bits[8::2], bits[9::2], strict=False))
        component, priority, port = int(bits[1]), int(bits[3]), int(bits[5])
        if not (1 <= component <= 256 and 0 <= priority < 1 << 32 and 0 <= port < 1 << 16):
            raise ValueError
        related = int(extra.get("rport", "0"))
    except ValueError:
        raise SdpError("bad", f"this is no ICE candidate: '{value[:100]}'") from None
    return Candidate(bits[0], component, bits[2].lower(), priority, bits[4], port, bits[7], extra.get("raddr", ""), related)


def _lines(text: str) -> list[tuple[str, str]]:
    found = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE or len(line) < 2 or line[1] != "=" or not line.isprintable():
            raise SdpError("bad", f"line {number} of the session description cannot be read: every line is a letter, '=' and a value")
        found.append((line[0], line[2:].strip()))
    return found


def _media(value: str, common: Media) -> Media:
    bits = value.split()
    if len(bits) < 4 or not bits[1].split("/")[0].isdigit() or int(bits[1].split("/")[0]) > 65_535:
        raise SdpError("bad", f"this media line cannot be read: 'm={value[:100]}'")
    return Media(
        bits[0].lower(), int(bits[1].split("/")[0]), bits[2], bits[3:], ufrag=common.ufrag, password=common.password,
        fingerprints=list(common.fingerprints), setup=common.setup, direction=common.direction,
    )


def _attribute(media: Media, name: str, value: str) -> None:
    match name:
        case "mid":
            if not _TOKEN.fullmatch(value):
                raise SdpError("bad", f"the name of a media section cannot be '{value[:64]}'")
            media.mid = value
        case "sendrecv" | "sendonly" | "recvonly" | "inactive":
            media.direction = name
        case "bundle-only":
            media.bundle_only = True
        case "rtpmap":
            number, _, codec = value.partition(" ")
            if number.isdigit() and int(number) < 128:
                media.codecs[int(number)] = codec.strip().lower()
        case "fmtp":
            number, _, parameters = value.partition(" ")
            if number.isdigit() and int(number) < 128:
                media.parameters[int(number)] = parameters
        case "ice-ufrag" | "ice-pwd":
            _ice(media, name, value)
        case "fingerprint":
            _fingerprint(media, value)
        case "setup":
            if value not in ("actpass", "active", "passive"):
                raise SdpError("bad", f"'setup' is one of actpass, active and passive, not '{value[:20]}'")
            media.setup = value
        case "candidate":
            if len(media.candidates) >= MAX_CANDIDATES:
                raise SdpError("bad", f"there are more than {MAX_CANDIDATES} candidates")
            media.candidates.append(parse_candidate(value))
        case "rtcp-mux":
            media.rtcp_mux = True
        case "sctp-port":
            media.sctp_port = _number(name, value, 65_535)
        case "max-message-size":
            media.max_message_size = _number(name, value, 1 << 62)


def _ice(media: Media, name: str, value: str) -> None:
    pattern = _ICE_NAME if name == "ice-ufrag" else _ICE_PASSWORD
    if not pattern.fullmatch(value):
        raise SdpError("bad", f"'{name}' must have {4 if name == 'ice-ufrag' else 22} to 256 letters, digits, '+' and '/'")
    if name == "ice-ufrag":
        media.ufrag = value
    else:
        media.password = value


def _fingerprint(media: Media, value: str) -> None:
    method, _, digest = value.partition(" ")
    size = _FINGERPRINTS.get(method.lower())
    if size is None:
        return  # a method that is not known here says nothing; one that is known must be there
    digest = digest.strip().upper()
    if not re.fullmatch(r"[0-9A-F]{2}(:[0-9A-F]{2})*", digest) or len(digest) != 3 * size - 1:
        raise SdpError("bad", f"the {method} fingerprint must be {size} bytes in hexadecimal with ':' between them")
    if len(media.fingerprints) < 8:
        media.fingerprints.append((method.lower(), digest))


def _number(name: str, value: str, most: int) -> int:
    if not value.isdigit() or len(value) > 20 or int(value) > most:
        raise SdpError("bad", f"'{name}' must be a number up to {most}, not '{value[:20]}'")
    return int(value)


# ── choosing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def choose(offer: Description) -> Terms:
    """What of an offer is accepted: the first audio with Opus, and the first data channel. Raises SdpError where that is nothing."""
    audio = next((media for media in offer.media if media.kind == "audio" and media.offered and media.opus() is not None), None)
    data = next((media for media in offer.media if media.kind == "application" and media.offered and _is_data(media)), None)
    if audio is None and data is None:
        raise SdpError("unacceptable", "the offer needs an audio section with the codec opus/48000/2, a data channel, or both")
    if audio is not None and data is not None and not {audio.mid, data.mid} <= set(offer.bundle):
        raise SdpError("unacceptable", "audio and data channel must share one transport: offer them in one BUNDLE group")
    if audio is not None and not audio.rtcp_mux:
        raise SdpError("unacceptable", "RTCP comes on the port of RTP here: the offer's audio needs 'a=rtcp-mux'")
    accepted = [media for media in (audio, data) if media is not None]
    first = min(accepted, key=offer.media.index)
    named = next((media for media in offer.media if media.mid and media.mid == next(iter(offer.bundle), None)), first)
    transport = named if named.ufrag and named.fingerprints else first
    check_transport(transport)
    payload_type = audio.opus() if audio is not None else None
    return Terms(transport, audio, payload_type if payload_type is not None else -1, data)


def check_transport(media: Media) -> None:
    """Raises SdpError unless a section says all that a connection needs."""
    if not media.ufrag or not media.password:
        raise SdpError("bad", "the description needs 'a=ice-ufrag' and 'a=ice-pwd'")
    if not media.fingerprints:
        raise SdpError("bad", "the description needs a fingerprint of the certificate: sha-256, sha-384 or sha-512")


def _is_data(media: Media) -> bool:
    return media.protocol.upper().endswith("DTLS/SCTP") and media.formats == ["webrtc-datachannel"] and media.sctp_port > 0


# ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_answer(offer: Description, terms: Terms, local: Local) -> str:
    """The answer to an offer."""
    accepted = [media for media in offer.media if media is terms.audio or media is terms.data]
    lines = _head(local)
    if offer.bundle:
        lines.append("a=group:BUNDLE " + " ".join(media.mid for media in accepted))
    for media in offer.media:
        if media is terms.audio:
            lines += _audio(media.protocol, terms.payload_type, media.mid, _MIRROR[media.direction], local)
        elif media is terms.data:
            lines += _data(media.protocol, media.mid, local)
        else:
            lines += [f"m={media.kind} 0 {media.protocol} {' '.join(media.formats[:64])}", "c=IN IP4 0.0.0.0", "a=inactive"]
            lines += [f"a=mid:{media.mid}"] if media.mid else []
    return "\r\n".join(lines) + "\r\n"


def write_offer(local: Local, *, direction: Direction = "sendrecv", payload_type: int = 111, data: bool = True) -> str:
    """An offer of one audio stream, and of a data channel."""
    lines = [*_head(local), "a=group:BUNDLE 0 1" if data else "a=group:BUNDLE 0"]
    lines += _audio("UDP/TLS/RTP/SAVPF", payload_type, "0", direction, local)
    if data:
        lines += _data("UDP/DTLS/SCTP", "1", local)
    return "\r\n".join(lines) + "\r\n"


def write_fragment(local: Local, mid: str) -> str:
    """What changes at an ICE restart."""
    lines = [f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.password}", "m=audio 9 UDP/TLS/RTP/SAVPF 0", f"a=mid:{mid}"]
    lines += [f"a=candidate:{candidate.line()}" for candidate in local.candidates]
    return "\r\n".join([*lines, "a=end-of-candidates"]) + "\r\n"


def _head(local: Local) -> list[str]:
    return ["v=0", f"o=- {local.session} 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-options:trickle", "a=msid-semantic: WMS *"]


def _transport(local: Local) -> list[str]:
    lines = [f"a=candidate:{candidate.line()}" for candidate in local.candidates]
    lines += ["a=end-of-candidates"] if local.candidates else []
    lines += [f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.password}"]
    return [*lines, f"a=fingerprint:sha-256 {local.fingerprint}", f"a=setup:{local.setup}"]


def _audio(protocol: str, payload_type: int, mid: str, direction: Direction, local: Local) -> list[str]:
    wants = f"minptime=10;useinbandfec={int(local.fec)};usedtx={int(local.dtx)};stereo=0"
    wants += f";maxplaybackrate={local.playback_hz};maxaveragebitrate={local.bitrate}"
    lines = [f"m=audio 9 {protocol} {payload_type}", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0", *_transport(local)]
    lines += [f"a=mid:{mid}"] if mid else []
    lines += [f"a={direction}", "a=rtcp-mux", f"a=rtpmap:{payload_type} opus/48000/2", f"a=fmtp:{payload_type} {wants}", "a=ptime:20"]
    if direction in ("sendrecv", "sendonly"):
        lines += [f"a=msid:{local.cname} audio", f"a=ssrc:{local.ssrc} cname:{local.cname}"]
    return lines


def _data(protocol: str, mid: str, local: Local) -> list[str]:
    lines = [f"m=application 9 {protocol} webrtc-datachannel", "c=IN IP4 0.0.0.0", *_transport(local)]
    lines += [f"a=mid:{mid}"] if mid else []
    return [*lines, "a=sctp-port:5000", "a=max-message-size:262144"]
