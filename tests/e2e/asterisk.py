"""A real Asterisk in a folder of its own, with the configuration of examples/asterisk, and callers that play a recording."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "asterisk"

MORE_MODULES = (
    "res_clioriginate", "app_playback", "app_mixmonitor", "app_senddtmf", "format_wav", "format_pcm", "core_local",
)  # fmt: skip

CALLER = """
[test-caller]
exten => s,1,Answer()
 same => n,MixMonitor({folder}/heard-${{WAY}}.wav,r({folder}/heard-${{WAY}}.wav))
 same => n,Wait(3)
 same => n,Playback({folder}/question)
 same => n,Wait(5)
 same => n,SendDTMF(5#)
 same => n,Wait(3)
 same => n,Hangup()
"""


@dataclass
class Asterisk:
    """A running Asterisk."""

    folder: Path
    command: list[str]

    def ask(self, words: str) -> str:
        """A command of its console."""
        done = subprocess.run([*self.command, "-rx", words], capture_output=True, text=True, check=False, timeout=20)
        return done.stdout

    def call(self, way: str) -> None:
        """Somebody dials 100 in a context of the examples, plays the recording, presses 5 and #, and hangs up after 15 s."""
        self.ask(f"dialplan set global WAY {way}")
        self.ask(f"channel originate Local/100@{way} extension s@test-caller")
        time.sleep(0.5)  # the console's command returns before the global is read

    def heard(self, way: str) -> Path:
        """What the caller heard."""
        return self.folder / f"heard-{way}.wav"

    def log(self) -> str:
        return (self.folder / "console.log").read_text(errors="replace")


def find_asterisk() -> tuple[list[str], Path, Path]:
    """The command, and its folders of modules and of data; skips the test where there is none."""
    found = os.environ.get("HUBBUB_ASTERISK") or shutil.which("asterisk")
    if not found or not Path(found).exists():
        pytest.skip("no 'asterisk' on the PATH (tests/e2e/asterisk_from_debian.sh gets one, for HUBBUB_ASTERISK)")
    root = Path(found).resolve().parent
    for folder in (root / "modules", *Path("/usr/lib").glob("*/asterisk/modules"), Path("/usr/lib/asterisk/modules")):
        if (folder / "app_audiosocket.so").exists():
            data = root / "data"
            return [found], folder, data if data.exists() else Path("/usr/share/asterisk")
    pytest.skip("this Asterisk has no app_audiosocket.so: version 18 or later is needed")


@contextmanager
def running_asterisk(folder: Path, question: Path, *, hubbub: str, audiosocket: str, http_port: int) -> Iterator[Asterisk]:
    """Starts Asterisk with the examples' files, their addresses replaced. `question`: a WAV file at 8 kHz."""
    command, modules, data = find_asterisk()
    etc = folder / "etc"
    for name in ("etc", "lib", "spool", "log", "run"):
        (folder / name).mkdir()
    shutil.copy(question, folder / "question.wav")
    directories = {"astetcdir": etc, "astmoddir": modules, "astrundir": folder / "run", "astlogdir": folder / "log",
                   "astspooldir": folder / "spool", "astdatadir": data}  # fmt: skip
    directories |= dict.fromkeys(("astvarlibdir", "astdbdir", "astkeydir", "astagidir"), folder / "lib")
    lines = "\n".join(f"{name} => {path}" for name, path in directories.items())
    (etc / "asterisk.conf").write_text(f"[directories]\n{lines}\n")
    (etc / "logger.conf").write_text("[logfiles]\nconsole => notice,warning,error,verbose\n")
    replaced = {"127.0.0.1:8080": hubbub, "127.0.0.1:9092": audiosocket, "8088": str(http_port)}
    for name in ("extensions.conf", "websocket_client.conf", "http.conf", "modules.conf"):
        text = (EXAMPLES / name).read_text()
        for old, new in replaced.items():
            text = text.replace(old, new)
        (etc / name).write_text(text)
    with (etc / "modules.conf").open("a") as file:
        file.writelines(f"load = {name}.so\n" for name in MORE_MODULES if (modules / f"{name}.so").exists())
    with (etc / "extensions.conf").open("a") as file:
        file.write(CALLER.format(folder=folder))
    base = [*command, "-C", str(etc / "asterisk.conf")]
    with (folder / "console.log").open("w") as log:
        process = subprocess.Popen([*base, "-f", "-vvv"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    asterisk = Asterisk(folder, base)
    try:
        for _ in range(100):
            if "Asterisk Ready" in asterisk.log():
                break
            assert process.poll() is None, asterisk.log()[-3000:]
            time.sleep(0.1)
        yield asterisk
    finally:
        process.terminate()
        process.wait(15)


def free_port() -> int:
    """A TCP port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
