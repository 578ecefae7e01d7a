"""Examines a machine: can it run a Hubbub server, with which engines, and what would mend what is missing.

Each check is a function that looks at one thing and answers a `Finding`; none changes anything, and none takes more than a second.
"""

import asyncio
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "warn", "fail"]
LEAST_PYTHON = (3, 11)
OFFLINE = "pip install 'hubbub[offline]'"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    state: State
    """`ok`; `warn`: it works, but less well, or not everything does; `fail`: no server runs, or no session works."""
    found: str
    mend: str = ""
    """What to do, where there is something to do."""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def examine(*, port: int = 8080, environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """All checks, in the order in which sound passes a server."""
    return [
        check_python(sys.version_info[:2]),
        check_vad(),
        check_asr(environ),
        check_tts(environ),
        check_model(environ),
        check_ollama(environ),
        check_webrtc(),
        check_port(port),
        check_browser(),
        check_devices(),
        check_folder(Path(tempfile.gettempdir())),
    ]


def check_python(version: tuple[int, ...]) -> Finding:
    """Is Python new enough?"""
    text = ".".join(map(str, version))
    if version < LEAST_PYTHON:
        wanted = ".".join(map(str, LEAST_PYTHON))
        return Finding("Python", "fail", f"{text} is too old", f"install Python {wanted} or newer, and run 'make run' with it")
    return Finding("Python", "ok", f"{text} ({platform.machine()})")


def check_webrtc() -> Finding:
    """Can browsers join over WebRTC?"""
    from .rtc.opus import OpusError, version

    mend = "pip install 'hubbub[webrtc]'; without it browsers talk over the WebSocket"
    missing = [name for name in ("aiortc", "aioice") if importlib.util.find_spec(name) is None]
    if missing:
        return Finding("WebRTC", "warn", f"{' and '.join(missing)} not installed", mend)
    try:
        from .rtc.transport import try_packages

        asyncio.run(try_packages())
        return Finding("WebRTC", "ok", f"aiortc {importlib.metadata.version('aiortc')}, {version()}")
    except (ImportError, OpusError) as error:
        return Finding("WebRTC", "warn", str(error), mend)


def check_vad() -> Finding:
    """Which detector of speech works?"""
    from .vad.base import VADEngine
    from .vad.choose import choose_vad

    def verdict(engine: VADEngine, why: str) -> Finding:
        if engine.name == "silero":
            return Finding("speech detection", "ok", f"{engine.name}: {why}")
        mend = f"for the best one: {OFFLINE}, and pip install --no-deps silero-vad (or 'make run', which does both)"
        return Finding("speech detection", "warn", f"{engine.name}: {why}", mend)

    try:
        engine, why = choose_vad(None)
    except Exception as error:  # whatever an engine's own library raises, the doctor goes on to the next organ
        return Finding("speech detection", "fail", _words(error), OFFLINE)
    try:
        return verdict(engine, why)
    finally:
        engine.close()


def check_asr(environ: Mapping[str, str]) -> Finding:
    """Which recogniser works?"""
    from .asr.choose import choose_asr

    try:
        engine, why = choose_asr(None, environ)
    except Exception as error:  # see check_vad
        return Finding("speech recognition", "fail", _words(error), OFFLINE)
    return Finding("speech recognition", "ok", " ".join(part for part in (f"{engine.name}: {why}", _note(engine.note)) if part))


def check_tts(environ: Mapping[str, str]) -> Finding:
    """Which synthesiser works?"""
    from .tts.choose import choose_tts

    try:
        engine, why = choose_tts(None, environ)
    except Exception as error:  # see check_vad
        return Finding("speech synthesis", "fail", _words(error), f"apt install espeak-ng, or {OFFLINE}")
    return Finding("speech synthesis", "ok", f"{engine.name}: {why}")


def check_model(environ: Mapping[str, str]) -> Finding:
    """Which chat model do the keys in the environment stand for, and is its package there?"""
    for variable, package in (("OPENAI_API_KEY", "openai"), ("DASHSCOPE_API_KEY", "dashscope")):
        if not environ.get(variable):
            continue
        if importlib.util.find_spec(package) is None:
            mend = f"pip install 'hubbub[{package}]'"
            return Finding("chat model", "fail", f"{variable} is set, but the package {package} is not installed", mend)
        where = environ.get("OPENAI_BASE_URL") if package == "openai" else None
        at = f" at {where}" if where else ""
        return Finding("chat model", "ok", f"{package}{at}, for {variable} is set (the key was not tried)")
    mend = "for a language model set OPENAI_API_KEY or DASHSCOPE_API_KEY, or run Ollama on this machine"
    return Finding("chat model", "warn", "no key: the embedded rule-based model answers, unless Ollama is found", mend)


def check_ollama(environ: Mapping[str, str], timeout_s: float = 0.25) -> Finding:
    """Does a local Ollama answer?"""
    import httpx

    host = environ.get("OLLAMA_HOST") or "127.0.0.1:11434"
    url = host if "://" in host else f"http://{host}"
    try:
        models = httpx.get(f"{url}/api/tags", timeout=timeout_s, trust_env=False).raise_for_status().json()["models"]
        names = [str(model["name"]) for model in models]
    except (httpx.HTTPError, httpx.InvalidURL):
        return Finding("Ollama", "ok", f"none at {url}, and none is needed")
    except (ValueError, KeyError, TypeError):
        return Finding("Ollama", "warn", f"what answers at {url} is not Ollama", "stop it, or point OLLAMA_HOST at Ollama")
    if not names:
        return Finding("Ollama", "warn", f"at {url}, without any model", "ollama pull llama3.2")
    return Finding("Ollama", "ok", f"at {url}, with {', '.join(names[:3])}{' …' if len(names) > 3 else ''}")


def check_port(port: int, host: str = "127.0.0.1") -> Finding:
    """Is the server's port free?"""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        mend = "stop the program that listens there (perhaps a Hubbub server), or use 'hubbub serve --port'"
        return Finding("port", "warn", f"{port} at {host}: {_words(error)}", mend)
    return Finding("port", "ok", f"{port} at {host} is free")


def check_browser() -> Finding:
    """What browsers need, and whether the browser tests can run."""
    needs = "browsers give the microphone only to https:// pages and to http://localhost and 127.0.0.1"
    found = [name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)]
    if found and shutil.which("chromedriver"):
        return Finding("browser", "ok", f"{found[0]} and chromedriver are here for the browser tests; {needs}")
    return Finding("browser", "warn", f"the browser tests cannot run; {needs}", "for the tests: apt install chromium chromium-driver")


def check_devices() -> Finding:
    """Can `hubbub talk` use a microphone and a loudspeaker here?"""
    from .client.devices import missing_devices

    missing = missing_devices()
    if missing:
        return Finding("microphone", "warn", missing, "needed only for 'hubbub talk' without --wav; a browser needs nothing of this")
    return Finding("microphone", "ok", "microphone and loudspeaker are here for 'hubbub talk'")


def check_folder(folder: Path) -> Finding:
    """Can temporary files be written?"""
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"hubbub")
            file.flush()
    except OSError as error:
        return Finding("write access", "fail", f"{folder}: {_words(error)}", "free some space there, or set TMPDIR to another folder")
    return Finding("write access", "ok", f"{folder} can be written to")


def _words(error: Exception) -> str:
    text = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
    return text or type(error).__name__


def _note(note: str) -> str:
    return f"({note})" if note else ""
