"""What can be configured of WebRTC."""

import ipaddress
import re
from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from .section import Section

_SERVER = re.compile(r"(stuns?|turns?):(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?(\?transport=(udp|tcp))?")

Port = Annotated[int, Field(ge=1, le=65_535)]


class IceServer(Section):
    """A STUN or TURN server."""

    urls: tuple[str, ...] = Field(min_length=1, max_length=8)
    """`stun:HOST[:PORT]`, `turn:HOST[:PORT][?transport=tcp]` or `turns:…`."""
    username: str = Field(default="", max_length=512)
    credential: SecretStr = SecretStr("")

    @field_validator("urls", mode="before")
    @classmethod
    def _one(cls, urls: object) -> object:
        return (urls,) if isinstance(urls, str) else urls

    @field_validator("urls")
    @classmethod
    def _known(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not _SERVER.fullmatch(url):
                message = "must look like stun:HOST:PORT or turn:HOST:PORT?transport=udp, not {url}"
                raise PydanticCustomError("ice_server", message, {"url": repr(url[:100])})
        return urls


class WebRTCConfig(Section):
    """How browsers and WHIP clients are served."""

    enabled: bool = True
    """Needs the extra `webrtc`; without it WebRTC is off, and the log says so."""
    max_sessions: int = Field(default=100, ge=1, le=10_000)
    """Connections at a time in this process."""
    ice_servers: tuple[IceServer, ...] = Field(default=(), max_length=16)
    """STUN and TURN servers that clients are told to use."""
    use_ice_servers: bool = False
    """Use the first STUN and the first TURN server for the server's own side as well: needed only where the server itself has no
    reachable UDP port. Joining then waits for their answers."""
    addresses: tuple[str, ...] = Field(default=(), max_length=16)
    """Local addresses that are offered; empty for the one that the client's request came to."""
    public_address: str = ""
    """Where a NAT maps this machine's UDP ports one to one: the address that is offered instead of the local one."""
    udp_ports: tuple[Port, Port] | None = None
    """First and last UDP port, one port a connection; None for any free one."""
    bitrate: int = Field(default=32_000, ge=8_000, le=128_000)
    """Bits a second of Opus, both ways."""
    fec: bool = True
    """In-band forward error correction: a lost packet comes back from the next one."""
    dtx: bool = True
    """Hardly anything is sent while nothing is said."""
    complexity: int = Field(default=1, ge=0, le=10)
    """How much work the encoder takes upon itself: 2 costs twice what 1 costs, 10 four times."""
    block_udp: bool = False
    """Throw all media away: to test what a client does where UDP is blocked."""

    @field_validator("addresses", "public_address")
    @classmethod
    def _is_address(cls, value: tuple[str, ...] | str) -> tuple[str, ...] | str:
        for address in (value,) if isinstance(value, str) else value:
            try:
                if address:
                    ipaddress.ip_address(address)
            except ValueError:
                message = "must be an IP address, not {address}"
                raise PydanticCustomError("address", message, {"address": repr(address[:100])}) from None
        return value

    @model_validator(mode="after")
    def _range(self) -> "WebRTCConfig":
        if self.udp_ports is not None and self.udp_ports[0] > self.udp_ports[1]:
            raise PydanticCustomError("udp_ports", "must be the first and the last port, in this order")
        return self
