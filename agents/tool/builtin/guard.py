"""Keeps requests that a model asks for away from the inside of our network.

The guard stands where connections are made: it resolves the name, looks at every address that comes back,
and connects to an address it has looked at. So neither a redirect, nor a name that resolves differently
the second time, nor an odd spelling of an address gets around it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

import httpcore

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC = (
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's host services, in a public range
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
    ipaddress.ip_network("100.100.100.200/32"),  # Alibaba Cloud's metadata
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


class AddressRefused(Exception):
    """The address is not one of the public internet, or its port is not allowed."""


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, also where it carries an IPv4 address inside."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only.

    `allowed` names networks that may be reached although they are not public; `ports` the ports (None: all
    of them).
    """

    def __init__(self, allowed: Iterable[str] = (), ports: Iterable[int] | None = (80, 443)) -> None:
        self._allowed: list[Network] = [ipaddress.ip_network(network) for network in allowed]
        self._ports = None if ports is None else frozenset(ports)
        self._backend = httpcore.AnyIOBackend()

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host, all of which have passed. Raises AddressRefused, or OSError where there
        are none."""
        if self._ports is not None and port not in self._ports:
            raise AddressRefused(f"port {port} is not allowed; allowed are {sorted(self._ports)}")
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]).partition("%")[0] for info in found))
        if not addresses:
            raise OSError(f"{host} has no address")
        for address in addresses:
            if not self._passes(ipaddress.ip_address(address)):
                # One bad address is enough: which of them a client picks is up to whoever runs the name
                # server.
                raise AddressRefused(f"{host} is not on the public internet")
        return addresses

    def _passes(self, address: Address) -> bool:
        return is_public(address) or any(address in network for network in self._allowed if network.version == address.version)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connects to the first address of the host that answers; all of them have been checked."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self.resolve(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"looking up {host} took too long") from None
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be found: {error}") from error
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._backend.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} cannot be reached")

    async def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Always refused: a socket in the file system is as inside as can be."""
        raise AddressRefused(f"{path!r} is not on the public internet")

    async def sleep(self, seconds: float) -> None:
        """Waits, as httpcore asks between attempts."""
        await asyncio.sleep(seconds)
