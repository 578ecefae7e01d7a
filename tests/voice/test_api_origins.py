"""Pages of other origins: what their browsers are answered before and after a request, for every address that the JavaScript SDK calls."""

import httpx
import pytest
from live_house import ROOMS, live_house

APP = "https://app.example"
ALLOWED = "server: {access: {origins: ['https://App.example']}}\n" + ROOMS
SDK_CALLS = [
    ("OPTIONS", "/api/webrtc", "authorization"),
    ("POST", "/api/webrtc", "authorization,content-type"),
    ("PATCH", "/api/webrtc/x", "content-type,if-match"),
    ("DELETE", "/api/webrtc/x", "authorization"),
    ("GET", "/api/voice", "authorization"),
    ("GET", "/api/rooms", "authorization"),
    ("PATCH", "/api/rooms/default/agents/Ava", "authorization,content-type"),
    ("DELETE", "/api/rooms/default", "authorization"),
    ("PUT", "/api/rooms/default", "authorization, content-type"),
    ("POST", "/api/tokens", "authorization,content-type"),
    ("POST", "/api/operator/recordings/x/listen", "authorization"),
    ("GET", "/api/operator/recordings/x/ear.flac", "range"),
]


def asked(origin: str, method: str, headers: str) -> dict[str, str]:
    return {"origin": origin, "access-control-request-method": method, "access-control-request-headers": headers}


def names(header: str) -> set[str]:
    return {name.strip().lower() for name in header.split(",")}


async def test_an_allowed_page_may_do_all_that_the_sdk_does() -> None:
    async with live_house(ALLOWED) as live, httpx.AsyncClient(base_url=live.url) as client:
        for method, path, headers in SDK_CALLS:
            answer = await client.options(path, headers=asked(APP, method, headers))
            assert answer.status_code == 200, (method, path, answer.text)
            assert answer.headers["access-control-allow-origin"] == APP
            assert method in answer.headers["access-control-allow-methods"]
            assert names(headers) <= names(answer.headers["access-control-allow-headers"])
            assert "Origin" in answer.headers["vary"], "no cache gives it to another page"
            assert "access-control-allow-credentials" not in answer.headers, "no cookie has a say here"


async def test_an_allowed_page_may_read_what_the_sdk_reads_also_of_refusals() -> None:
    async with live_house(ALLOWED) as live, httpx.AsyncClient(base_url=live.url, headers={"origin": APP}) as client:
        told = await client.options("/api/webrtc")  # not a preflight: the question itself
        refused = await client.get("/api/rooms/nowhere")
        assert (told.status_code, refused.status_code) == (204, 404)
        for answer in (told, refused):
            assert answer.headers["access-control-allow-origin"] == APP
            read = names(answer.headers["access-control-expose-headers"])
            assert {"location", "link", "etag", "hubbub-resume", "retry-after"} <= read


@pytest.mark.parametrize(
    ("config", "origin", "method", "headers", "words"),
    [
        (ALLOWED, "https://evil.example", "POST", "content-type", "pages of 'https://evil.example' may not use this server"),
        (ALLOWED, "http://app.example", "POST", "content-type", "pages of 'http://app.example' may not use this server"),
        (ALLOWED, "null", "GET", "authorization", "pages of 'null' may not use this server"),
        (ROOMS, APP, "POST", "content-type", "server.access.origins"),
        (ALLOWED, APP, "TRACE", "", "not 'TRACE'"),
        (ALLOWED, APP, "POST", "x-evil, authorization", "not x-evil"),
    ],
)
async def test_others_are_refused_in_words(config: str, origin: str, method: str, headers: str, words: str) -> None:
    async with live_house(config) as live, httpx.AsyncClient(base_url=live.url) as client:
        for path in ("/api/webrtc", "/api/rooms", "/api/operator"):
            answer = await client.options(path, headers=asked(origin, method, headers))
            assert answer.status_code == 403
            assert words in answer.json()["error"]["message"]
            assert "access-control-allow-origin" not in answer.headers
        if origin != APP or config == ROOMS:
            answer = await client.get("/api/rooms", headers={"origin": origin})
            assert answer.status_code == 403
            assert "access-control-allow-origin" not in answer.headers


async def test_where_any_page_may_come_any_is_answered() -> None:
    config = "server: {access: {origins: ['*']}}\n" + ROOMS
    async with live_house(config) as live, httpx.AsyncClient(base_url=live.url) as client:
        answer = await client.options("/api/webrtc", headers=asked("https://any.example", "POST", "content-type"))
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
