"""Where a knock comes from."""

import pytest
from hubbub.voice.origin import is_loopback, networks, origin_fault, peer_of, share_name
from starlette.requests import HTTPConnection


def knock(client: str | None, *headers: tuple[str, str]) -> HTTPConnection:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "path": "/", "query_string": b"", "headers": raw, "client": (client, 1) if client else None}
    return HTTPConnection(scope)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("localhost", True), ("LOCALHOST.", True), ("::1", True), ("[::1]", True),
        ("0.0.0.0", False), ("::", False), ("192.168.1.4", False), ("example.org", False), ("", False), ("localhost.evil.org", False),
    ],
)  # fmt: skip
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("9.9.9.9", "1.2.3.4", "9.9.9.9"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4, 10.0.0.9", "1.2.3.4"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, <script>", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", ", ".join(["10.0.0.2"] * 5000), "10.0.0.2"),
    ],
)
def test_only_a_trusted_proxy_is_believed(peer: str, forwarded: str, address: str) -> None:
    assert peer_of(knock(peer, ("X-Forwarded-For", forwarded)), networks(["10.0.0.0/8"])) == address


def test_without_proxies_nobody_is_believed() -> None:
    assert peer_of(knock("127.0.0.1", ("X-Forwarded-For", "1.2.3.4")), ()) == "127.0.0.1"
    assert peer_of(knock(None), ()) == ""


def test_several_headers_are_one_chain() -> None:
    chain = (("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "1.2.3.4"))
    assert peer_of(knock("10.0.0.1", *chain), networks(["10.0.0.1"])) == "1.2.3.4"


def test_a_household_is_one_address() -> None:
    assert share_name("2001:db8:1:2::5") == share_name("2001:db8:1:2:ffff::1") != share_name("2001:db8:1:3::5")
    assert share_name("::ffff:1.2.3.4") == share_name("1.2.3.4") == "1.2.3.4"
    assert share_name("testclient") == "testclient"


@pytest.mark.parametrize(
    ("origin", "host", "allowed", "local", "words"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080", (), True, ""),
        ("http://localhost:8080", "localhost:8080", (), True, ""),
        ("https://voice.example.org", "voice.example.org", (), False, ""),
        ("https://voice.example.org", "voice.example.org:443", (), False, ""),
        ("https://evil.org", "voice.example.org", (), False, "may not use this server"),
        ("https://evil.org", "voice.example.org", ("https://evil.org",), False, ""),
        ("https://EVIL.org", "voice.example.org", ("https://evil.org",), False, ""),
        ("https://evil.org", "voice.example.org", ("*",), False, ""),
        ("http://localhost:3000", "localhost:8080", (), True, "may not use this server"),
        ("null", "127.0.0.1:8080", (), True, "may not use this server"),
        ("", "127.0.0.1:8080", (), True, "may not use this server"),
        ("http://[", "127.0.0.1:8080", (), True, "may not use this server"),
        # a name that was bent to 127.0.0.1
        ("http://evil.org:8080", "evil.org:8080", (), True, "open to its own machine's pages only"),
        ("http://evil.org:8080", "evil.org:8080", ("http://evil.org:8080",), True, ""),
    ],
)
def test_origins(origin: str, host: str, allowed: tuple[str, ...], local: bool, words: str) -> None:
    fault = origin_fault(origin, host, allowed, local=local)
    assert (words in fault) if words else fault == ""
