"""Which model there is: a key in the environment, a model server on this machine, or the embedded model."""

import asyncio
import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .base import ChatModelBase
from .embedded import EmbeddedModel

OPENAI_MODEL = "gpt-4o-mini"
DASHSCOPE_MODEL = "qwen-plus"
"""What is asked for where `HUBBUB_MODEL` names no model: quick and cheap ones, as talk wants them."""

PROBE_TIMEOUT_S = 0.25
"""A server on this machine answers in a few milliseconds (0.7 ms measured); who takes longer is not waited for."""

LARGEST_LIST_BYTES = 1 << 20
"""A longer answer to the probe is no list of models."""

PREFERRED_OLLAMA = ("qwen3", "qwen2.5", "llama3", "gemma3", "gemma2", "mistral", "phi")
"""Families that converse well and are quick; the first that is there is taken, else the first model that is listed."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A model, and what the log says of it."""

    model: ChatModelBase
    name: str
    """Provider and model, such as `openai gpt-4o-mini`."""
    why: str
    """The reason for the choice, in plain words."""
    note: str = ""
    """What users should know: a limit of the model, or a key that could not be used and what mends that."""


async def detect_model(environ: Mapping[str, str] = os.environ) -> Detection:
    """The best model that the environment offers.

    In this order: `OPENAI_API_KEY` (with `OPENAI_BASE_URL`), `DASHSCOPE_API_KEY` (with `DASHSCOPE_HTTP_BASE_URL`), an Ollama at
    `OLLAMA_HOST` or on this machine, the embedded model. `HUBBUB_MODEL` names the model to ask for. A key whose package is
    missing is passed over, with a note that says so.
    """
    wanted = environ.get("HUBBUB_MODEL", "").strip()
    notes: list[str] = []
    if (key := environ.get("OPENAI_API_KEY", "").strip()) and _installed("openai", "OPENAI_API_KEY is set", notes):
        from .openai import OpenAIChatModel

        base_url = environ.get("OPENAI_BASE_URL", "").strip() or None
        why = "OPENAI_API_KEY is set" + (f", with OPENAI_BASE_URL at {urlsplit(base_url).hostname}" if base_url else "")
        openai = OpenAIChatModel(wanted or OPENAI_MODEL, key, base_url)
        return Detection(openai, f"openai {openai.name}", why)
    if (key := environ.get("DASHSCOPE_API_KEY", "").strip()) and _installed("dashscope", "DASHSCOPE_API_KEY is set", notes):
        from .dashscope import DashScopeChatModel

        qwen = DashScopeChatModel(wanted or DASHSCOPE_MODEL, key, environ.get("DASHSCOPE_HTTP_BASE_URL") or None)
        return Detection(qwen, f"dashscope {qwen.name}", "DASHSCOPE_API_KEY is set", "; ".join(notes))
    if found := await _ollama(environ, wanted, notes):
        return found
    embedded = EmbeddedModel()
    why = "no key that can be used and no local model server found" if notes else "no key and no local model server found"
    return Detection(embedded, embedded.name, why, "; ".join([embedded.note, *notes]))


def ollama_address(environ: Mapping[str, str]) -> str:
    """Where Ollama listens: `OLLAMA_HOST` in any form that Ollama takes (host, host:port, address), or 127.0.0.1:11434."""
    host = environ.get("OLLAMA_HOST", "").strip() or "127.0.0.1"
    parts = urlsplit(host if "://" in host else f"http://{host}")
    name = parts.hostname or "127.0.0.1"
    name = "127.0.0.1" if name in ("0.0.0.0", "::") else name  # what it listens on, not where it is reached
    port = parts.port or (11434 if "://" not in host else 443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{port}"


async def _ollama(environ: Mapping[str, str], wanted: str, notes: list[str]) -> Detection | None:
    try:
        address = ollama_address(environ)
    except ValueError:
        notes.append(f"OLLAMA_HOST is not an address: {environ.get('OLLAMA_HOST')!r}")
        return None
    listed = await _listed(address)
    if listed is None:
        return None
    names = [name for name in listed if "embed" not in name]
    if not names:
        notes.append(f"Ollama at {address} has no chat model: run `ollama pull qwen3`")
        return None
    if not _installed("openai", f"Ollama was found at {address}", notes):
        return None
    from .openai import OpenAIChatModel

    chosen = wanted if wanted in names else _preferred(names)
    if wanted and chosen != wanted:
        notes.append(f"HUBBUB_MODEL is {wanted}, which Ollama does not have")
    model = OpenAIChatModel(chosen, "ollama", f"{address}/v1")
    return Detection(model, f"ollama {chosen}", f"Ollama was found at {address}", "; ".join(notes))


async def _listed(address: str) -> list[str] | None:
    """The models that a server lists; None where none answers in time, or answers as Ollama does not: others may use the port."""
    import httpx

    verify = address.startswith("https")  # building a TLS context costs more than the whole probe
    try:
        async with (
            asyncio.timeout(PROBE_TIMEOUT_S),
            httpx.AsyncClient(trust_env=False, verify=verify) as client,
            client.stream("GET", f"{address}/api/tags") as answer,
        ):
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > LARGEST_LIST_BYTES:
                    return None
        return [str(model["name"]) for model in json.loads(body)["models"]]
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError, LookupError, TypeError):
        return None


def _preferred(names: list[str]) -> str:
    return next((name for family in PREFERRED_OLLAMA for name in names if name.startswith(family)), names[0])


def _installed(package: str, found: str, notes: list[str]) -> bool:
    if importlib.util.find_spec(package) is not None:
        return True
    notes.append(f"{found}, but the package `{package}` is missing: pip install 'hubbub[{package}]'")
    return False
