"""Which model is chosen, and why."""

import asyncio
import importlib.util
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from hubbub.agents.model import detect
from hubbub.agents.model.detect import detect_model, ollama_address
from hubbub.agents.model.embedded import EmbeddedModel

KEY = "sk-do-not-show-this"
NOBODY = {"OLLAMA_HOST": "127.0.0.1:9"}  # the discard port: nobody listens


@pytest_asyncio.fixture
async def local_server() -> AsyncIterator[Callable[[bytes | None], Any]]:
    servers: list[asyncio.Server] = []

    async def start(body: bytes | None) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if body is None:  # accepts, and never answers
                await reader.read()
            else:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
                await writer.drain()
            writer.close()

        servers.append(await asyncio.start_server(serve, "127.0.0.1", 0))
        return f"127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(detect.importlib.util, "find_spec", lambda name, *rest: None if name in packages else found(name, *rest))


async def test_openai_goes_first_with_the_model_and_address_that_are_wished_for() -> None:
    pytest.importorskip("openai")
    environ = {
        "OPENAI_API_KEY": KEY,
        "DASHSCOPE_API_KEY": KEY,
        "OPENAI_BASE_URL": "http://models.example.org:8000/v1",
        "HUBBUB_MODEL": "m1",
    }
    found = await detect_model(environ)
    assert (found.model.provider, found.model.name, found.name) == ("openai", "m1", "openai m1")
    assert found.why == "OPENAI_API_KEY is set, with OPENAI_BASE_URL at models.example.org"
    assert KEY not in repr(found)
    assert (await detect_model({"OPENAI_API_KEY": KEY})).why == "OPENAI_API_KEY is set"


async def test_dashscope_comes_second() -> None:
    pytest.importorskip("dashscope")
    found = await detect_model({"DASHSCOPE_API_KEY": KEY})
    assert (found.model.provider, found.model.name, found.why) == ("dashscope", detect.DASHSCOPE_MODEL, "DASHSCOPE_API_KEY is set")
    assert KEY not in repr(found)


async def test_a_key_without_its_package_is_passed_over_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "openai", "dashscope")
    found = await detect_model({"OPENAI_API_KEY": KEY, "DASHSCOPE_API_KEY": KEY, **NOBODY})
    assert isinstance(found.model, EmbeddedModel)
    assert found.why == "no key that can be used and no local model server found"
    assert "pip install 'hubbub[openai]'" in found.note
    assert "pip install 'hubbub[dashscope]'" in found.note


@pytest.mark.parametrize(
    ("listed", "wanted", "chosen"),
    [
        (["nomic-embed-text:latest", "mistral:7b", "qwen3:4b"], "", "qwen3:4b"),
        (["mistral:7b", "qwen3:4b"], "mistral:7b", "mistral:7b"),
        (["somebodys-model:1b"], "", "somebodys-model:1b"),
    ],
)
async def test_an_ollama_on_this_machine_is_used(local_server: Any, listed: list[str], wanted: str, chosen: str) -> None:
    pytest.importorskip("openai")
    address = await local_server(json.dumps({"models": [{"name": name} for name in listed]}).encode())
    found = await detect_model({"OLLAMA_HOST": address, "HUBBUB_MODEL": wanted})
    assert (found.model.name, found.name, found.why) == (chosen, f"ollama {chosen}", f"Ollama was found at http://{address}")


@pytest.mark.parametrize(
    "body", [b"<html>another program</html>", b'{"models": "none"}', b"[]", b'{"models": [{"nam": 1}]}', b"x" * (2 << 20), None]
)
async def test_another_program_on_ollamas_port_is_not_taken_for_it(local_server: Any, body: bytes | None) -> None:
    found = await detect_model({"OLLAMA_HOST": await local_server(body)})
    assert isinstance(found.model, EmbeddedModel)
    assert found.why == "no key and no local model server found"


async def test_an_ollama_without_models_says_what_to_do(local_server: Any) -> None:
    found = await detect_model({"OLLAMA_HOST": await local_server(b'{"models": []}')})
    assert isinstance(found.model, EmbeddedModel)
    assert "ollama pull" in found.note


async def test_with_nothing_there_is_the_embedded_model_which_says_what_it_is() -> None:
    found = await detect_model({"OPENAI_API_KEY": "  ", **NOBODY})
    assert (found.name, found.why, found.note) == ("embedded", "no key and no local model server found", found.model.note)
    assert "rule-based" in found.note


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("box:8000", "http://box:8000"),
        ("https://box.example.org", "https://box.example.org:443"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("http://box/", "http://box:80"),
    ],
)
def test_the_forms_of_ollama_host(host: str, address: str) -> None:
    assert ollama_address({"OLLAMA_HOST": host}) == address


async def test_an_ollama_host_that_is_no_address_is_noted() -> None:
    assert "OLLAMA_HOST is not an address" in (await detect_model({"OLLAMA_HOST": "box:many"})).note
