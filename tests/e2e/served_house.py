"""A whole server as a process of its own, as `hubbub serve` runs it: real engines, a free port, nothing of the user's environment."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

START_S = 60
"""Loading the recogniser takes a second or two; a machine that runs other tests beside takes longer."""

NOT_FOR_TESTS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "DASHSCOPE_API_KEY", "HUBBUB_MODEL")


@dataclass
class Served:
    """A running server."""

    url: str
    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)
    """All lines of its log so far."""

    def said(self, words: str) -> bool:
        return any(words in line for line in self.log)


@contextmanager
def served_house(*arguments: str | Path, **variables: str) -> Iterator[Served]:
    """Runs `hubbub serve` with `arguments` and environment `variables` until the end of the block, then interrupts it and waits for it."""
    environ = {name: value for name, value in os.environ.items() if name not in NOT_FOR_TESTS}
    environ |= {"OLLAMA_HOST": "127.0.0.1:1", **variables}
    command = [sys.executable, "-m", "hubbub.voice.cli", "serve", "--port", "0", *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environ)
    served = Served("", process)
    ready = threading.Event()
    reader = threading.Thread(target=_read, args=(served, ready), daemon=True)
    reader.start()
    try:
        assert ready.wait(START_S) and served.url, f"the server did not start: {served.log}"
        yield served
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"the server did not end when it was asked to: {served.log[-20:]}") from None
        finally:
            reader.join(5)


def _read(served: Served, ready: threading.Event) -> None:
    assert served.process.stderr is not None
    for line in served.process.stderr:
        served.log.append(line.rstrip())
        if found := re.search(r"open\s+(http://\S+)", line):
            served.url = found[1]
        if "TTS" in line and served.url:  # the last line of the block that says the server is ready
            ready.set()
    ready.set()
