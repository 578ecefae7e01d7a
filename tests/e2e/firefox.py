"""A headless Firefox with its own fake microphone (a tone), driven by WebDriver BiDi, which it speaks without a driver beside it."""

import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

BINARY = shutil.which("firefox-esr") or shutil.which("firefox") or ""
PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
}


class FirefoxPage:
    """The only tab, as a person would use it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._asked = 0
        self.faults: list[str] = []
        """What its console called an error."""
        self._order("session.new", capabilities={})
        self._order("session.subscribe", events=["log.entryAdded"])
        self._tab = self._order("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, url: str) -> None:
        self._order("browsingContext.navigate", context=self._tab, url=url, wait="interactive")

    def js(self, expression: str) -> Any:
        """The value of an expression of the page, or of what it promises."""
        code = f"(async () => JSON.stringify(await ({expression}) ?? null))()"
        said = self._order(
            "script.evaluate", expression=code, target={"context": self._tab}, awaitPromise=True, userActivation=True
        )
        assert said["type"] == "success", said.get("exceptionDetails", said)
        return json.loads(said["result"]["value"])

    def until(self, expression: str, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not self.js(f"!!({expression})"):
            assert time.monotonic() < end, f"never true: {expression}; {self.faults}"
            time.sleep(0.05)

    def click(self, selector: str) -> None:
        self.js(f"document.querySelector({json.dumps(selector)}).click()")

    def type(self, text: str) -> None:
        """Into the text box, and sends it."""
        self.js("document.querySelector('#text').focus()")
        keys = [{"type": kind, "value": key} for key in f"{text}\ue007" for kind in ("keyDown", "keyUp")]
        self._order("input.performActions", context=self._tab, actions=[{"type": "key", "id": "keys", "actions": keys}])

    def _order(self, method: str, **params: Any) -> Any:
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv(timeout=60))
            if said.get("method") == "log.entryAdded" and said["params"]["level"] == "error":
                self.faults.append(said["params"]["text"])
            if said.get("id") == self._asked:
                assert said["type"] == "success", said
                return said["result"]


@contextlib.contextmanager
def firefox() -> Iterator[FirefoxPage]:
    """Until the end of the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        (Path(profile) / "user.js").write_text("".join(lines))
        command = [BINARY, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            with connect(f"{_address(process)}/session", max_size=None) as socket:
                yield FirefoxPage(socket)
        finally:
            process.terminate()
            process.wait(20)


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1]
    raise AssertionError("Firefox did not start")
