"""ICE (RFC 8445) on aioice, with what a server needs and aioice leaves out: which addresses and ports are used, NAT 1:1, bounds on what
strangers may send, consent that notices a lost line in seconds, and datagrams handed on without a queue or a task.

What is no STUN is taken only from addresses that have proved to know this connection's password: DTLS and SRTP never see a stranger's
bytes.
"""

import asyncio
import ipaddress
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aioice.ice
from aioice import Candidate as IceCandidate
from aioice import stun

from ..leaning import lean_on
from .sdp import Candidate

log = logging.getLogger("hubbub.rtc")

MAX_STUN_A_SECOND = 200
"""STUN messages that one connection looks at in a second: checks come in tens."""
MAX_VALIDATED = 32
"""Addresses that one far end may speak from in one connection's life."""
QUIET_S, LOST_S = 1.5, 5.0
"""A far end that was not heard for the first time is asked every second whether it is there; after the second the line is lost.
RFC 7675 asks every 5 s and gives up after 30: too long to talk to nobody."""
CONSENT_S = 5.0
"""How often consent is asked for while the far end is heard (RFC 7675 §5.1)."""
PORT_TRIES = 64
"""Ports of the range that are tried, from a random one on."""

_OF_CONNECTION = (
    "get_component_candidates", "gather_candidates", "query_consent", "build_request", "add_remote_candidate", "connect", "close",
)  # fmt: skip
_OF_ONE_CONNECTION = ("_local_candidates", "_local_candidates_end", "_remote_candidates", "_protocols", "_nominated")
"""What we override, and what we look at, of aioice's own."""
lean_on("aioice", aioice.ice.Connection, _OF_CONNECTION, "hubbub[webrtc]")
lean_on("aioice", aioice.ice.StunProtocol, ("datagram_received", "send_stun", "request"), "hubbub[webrtc]")


class NoPortError(OSError):
    """No UDP port is free."""


@dataclass(frozen=True, slots=True)
class IceSettings:
    """Where and how connections are made."""

    addresses: tuple[str, ...] = ("127.0.0.1",)
    """Local addresses that sockets are bound to, one socket each."""
    public_address: str = ""
    """The address that the local ones of its family are reached at from outside (NAT 1:1): offered instead of them."""
    ports: tuple[int, int] = (0, 0)
    """First and last UDP port; (0, 0) for any."""
    stun_server: tuple[str, int] | None = None
    turn_server: tuple[str, int] | None = None
    turn_username: str = ""
    turn_password: str = ""
    turn_transport: str = "udp"
    turn_tls: bool = False
    block: bool = False
    """Throw every datagram away: for tests of what happens where UDP is blocked."""


class _Protocol(aioice.ice.StunProtocol):  # type: ignore[misc]
    """One socket."""

    receiver: "IceConnection"

    def datagram_received(self, data: bytes | str, addr: tuple[object, ...]) -> None:
        if data and not self.receiver.settings.block:
            self.receiver.datagram(data if isinstance(data, bytes) else data.encode(), (str(addr[0]), int(str(addr[1]))), self)

    def stun_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Takes what looks like STUN."""
        super().datagram_received(data, addr)

    def send_stun(self, message: stun.Message, addr: tuple[str, int]) -> None:
        if self.receiver.settings.block:
            return
        if message.message_class is stun.Class.RESPONSE:  # we answer a check: its sender knew the password
            self.receiver.validate(addr)
        super().send_stun(message, addr)


class IceConnection(aioice.ice.Connection):  # type: ignore[misc]
    """One ICE session: from gathering to its end. `on_data(data, now)` takes every datagram of the far end that is no STUN."""

    def __init__(self, *, controlling: bool, settings: IceSettings, on_data: Callable[[bytes, float], None]) -> None:
        super().__init__(
            ice_controlling=controlling, stun_server=settings.stun_server, turn_server=settings.turn_server,
            turn_username=settings.turn_username or None, turn_password=settings.turn_password or None,
            turn_ssl=settings.turn_tls, turn_transport=settings.turn_transport,
        )
        lean_on("aioice", self, _OF_ONE_CONNECTION, "hubbub[webrtc]")
        self.settings = settings
        self.heard_at = 0.0
        """When the far end was last heard, in loop seconds."""
        self.refused = 0
        """Datagrams of strangers."""
        self._on_data = on_data
        self._loop = asyncio.get_running_loop()
        self._validated: set[tuple[str, int]] = set()
        self._stun_second, self._stun_count = 0, 0
        self._asked_at = 0.0
        self._gathering = False
        self._asking: set[asyncio.Task[None]] = set()

    # ── gathering ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def gather_candidates(self) -> None:
        """Opens the sockets. Raises NoPortError where none can be opened."""
        if self._gathering:
            return
        self._gathering = True
        self._local_candidates += await self.get_component_candidates(1, list(self.settings.addresses))
        self._local_candidates_end = True
        if not self._protocols:
            first, last = self.settings.ports
            where = f" between {first} and {last}" if first else ""
            raise NoPortError(f"no UDP port{where} is free on {', '.join(self.settings.addresses)}")

    async def get_component_candidates(self, component: int, addresses: list[str], timeout: int = 5) -> list[IceCandidate]:
        """Host candidates of the configured addresses and ports, and what STUN and TURN servers add where they are used."""
        protocols = [protocol for address in addresses if (protocol := await self._bind(address, component)) is not None]
        self._protocols += protocols
        found = [protocol.local_candidate for protocol in protocols]
        tasks = []
        if self.stun_server:
            tasks += [
                asyncio.create_task(aioice.ice.server_reflexive_candidate(protocol, self.stun_server))
                for protocol in protocols
                if ipaddress.ip_address(protocol.local_candidate.host).version == 4
            ]
        if self.turn_server:
            tasks.append(
                asyncio.create_task(
                    aioice.ice.relayed_candidate(
                        component=component, hide_related_address=False, protocol_factory=lambda: _Protocol(self),
                        turn_server=self.turn_server, turn_username=self.turn_username, turn_password=self.turn_password,
                        turn_ssl=self.turn_ssl, turn_transport=self.turn_transport,
                    )
                )
            )
        if tasks:
            done, late = await asyncio.wait(tasks, timeout=timeout)
            for task in late:
                task.cancel()
            for task in done:
                if (error := task.exception()) is not None:
                    log.warning("a STUN or TURN server did not serve: %s", error or type(error).__name__)
                    continue
                candidate, relay = task.result()
                found.append(candidate)
                self._protocols += [relay] if relay is not None else []
        return found

    async def _bind(self, address: str, component: int) -> _Protocol | None:
        """Opens a socket on an address, on a port of the range."""
        first, last = self.settings.ports
        start = random.randrange(last - first + 1) if first else 0
        for step in range(min(PORT_TRIES, last - first + 1) if first else 1):
            port = first + (start + step) % (last - first + 1) if first else 0
            try:
                _, protocol = await self._loop.create_datagram_endpoint(lambda: _Protocol(self), local_addr=(address, port))
            except OSError as error:
                log.debug("cannot bind UDP %s port %d: %s", address, port, error)
                continue
            host, port = protocol.transport.get_extra_info("sockname")[:2]
            protocol.local_candidate = IceCandidate(
                foundation=aioice.ice.candidate_foundation("host", "udp", host), component=component, transport="udp",
                priority=aioice.ice.candidate_priority(component, "host"), host=host, port=port, type="host",
            )
            return protocol
        return None

    def offered(self) -> tuple[Candidate, ...]:
        """The local candidates as the far end should see them."""
        public = self.settings.public_address
        found: dict[tuple[str, int], Candidate] = {}
        for each in self.local_candidates:
            host = each.host
            if public and each.type == "host" and ipaddress.ip_address(host).version == ipaddress.ip_address(public).version:
                host = public
            candidate = Candidate(
                each.foundation[:32], each.component, each.transport, each.priority, host, each.port, each.type,
                each.related_address or "", each.related_port or 0,
            )
            found.setdefault((host, each.port), candidate)
        return tuple(found.values())

    async def try_candidate(self, candidate: Candidate) -> None:
        """Takes a candidate of the far end; what cannot be tried (TCP, a name) is left to its own checks."""
        if candidate.usable and len(self._remote_candidates) < 2 * MAX_VALIDATED:
            kind = candidate.kind
            await self.add_remote_candidate(
                IceCandidate(candidate.foundation, 1, "udp", candidate.priority, candidate.host, candidate.port, kind)
            )

    # ── datagrams ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def datagram(self, data: bytes, addr: tuple[str, int], protocol: _Protocol) -> None:
        """Takes a datagram of whoever sent it."""
        now = self._loop.time()
        if data[0] > 3:
            if addr in self._validated:
                self.heard_at = now
                self._on_data(data, now)
            else:
                self.refused += 1
            return
        if int(now) != self._stun_second:
            self._stun_second, self._stun_count = int(now), 0
        self._stun_count += 1
        if self._stun_count > MAX_STUN_A_SECOND:
            self.refused += 1
            return
        try:
            protocol.stun_received(data, addr)
        except Exception as error:  # a stranger's bytes: whatever they break in the parser, they break nothing else
            self.refused += 1
            log.debug("a STUN message could not be read: %s", error)

    def validate(self, addr: tuple[str, int]) -> None:
        """An address has proved to be the far end's."""
        self.heard_at = self._loop.time()
        if len(self._validated) < MAX_VALIDATED:
            self._validated.add((addr[0], addr[1]))

    def send_now(self, data: bytes) -> bool:
        """Sends a datagram to the far end; False where there is no way to it at the moment."""
        pair = self._nominated.get(1)
        if pair is None or self.settings.block:
            return False
        try:
            pair.protocol.transport.sendto(data, pair.remote_addr)
        except (OSError, RuntimeError, ValueError, AttributeError):  # a socket or relay that is closing
            return False
        return True

    # ── consent ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def query_consent(self) -> None:
        """Nothing: consent is asked for by `keep`, which the pacer calls, instead of by a timer a connection."""

    def keep(self, now: float) -> bool:
        """Asks for consent where it is due; False when the line is lost. To be called about once a second."""
        silent = now - self.heard_at
        if silent >= LOST_S:
            return False
        if now - self._asked_at >= (CONSENT_S if silent < QUIET_S else 0.9):
            self.ask(now)
        return True

    def ask(self, now: float) -> None:
        """Asks the far end whether it is there."""
        self._asked_at = now
        pair = self._nominated.get(1)
        if pair is None or self.remote_password is None or len(self._asking) > 8:
            return
        task = asyncio.create_task(self._ask(pair, self.remote_password))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, pair: aioice.ice.CandidatePair, password: str) -> None:
        try:
            await pair.protocol.request(
                self.build_request(pair, nominate=False), pair.remote_addr, integrity_key=password.encode(), retransmissions=0
            )
        except (stun.TransactionError, OSError, RuntimeError, AttributeError):
            return
        self.heard_at = self._loop.time()

    async def close(self) -> None:
        """Closes the sockets and ends everything of this session."""
        asking = list(self._asking)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await super().close()


def local_addresses(host: str) -> tuple[str, ...]:
    """The addresses that fit a server which listens on `host`: itself, or all of this machine where it listens everywhere."""
    if host not in ("0.0.0.0", "::", ""):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return ("127.0.0.1",) if host == "localhost" else _everywhere(host != "0.0.0.0")
        return (host,)
    return _everywhere(host != "0.0.0.0")


def _everywhere(ipv6: bool) -> tuple[str, ...]:
    found: Sequence[str] = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=ipv6)
    usable = [address for address in found if not ipaddress.ip_address(address).is_link_local]
    return (*usable, "127.0.0.1")
