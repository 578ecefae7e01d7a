"""Each check of the doctor, on machines that are well and machines that are not."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from hubbub.voice import doctor


@contextmanager
def http_server(body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_python_must_be_new_enough() -> None:
    assert doctor.check_python((3, 11)).state == "ok"
    old = doctor.check_python((3, 9))
    assert (old.state, old.found) == ("fail", "3.9 is too old")
    assert "3.11" in old.mend


def test_the_engines_of_this_machine_are_found() -> None:
    for finding in (doctor.check_vad(), doctor.check_asr({}), doctor.check_tts({})):
        assert finding.state in ("ok", "warn", "fail")
        assert finding.found
        assert (finding.state == "ok") or finding.mend


@pytest.mark.parametrize("check", [doctor.check_vad, lambda: doctor.check_asr({}), lambda: doctor.check_tts({})])
def test_without_engines_the_doctor_says_what_to_install(check, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("nothing works here")

    for stage in ("vad", "asr", "tts"):
        monkeypatch.setattr(f"hubbub.voice.{stage}.choose.choose_{stage}", fails)
    finding = check()
    assert (finding.state, finding.found) == ("fail", "nothing works here")
    assert "hubbub[offline]" in finding.mend


def test_webrtc_is_found_and_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_webrtc().state == "ok"
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None)
    missed = doctor.check_webrtc()
    assert (missed.state, "hubbub[webrtc]" in missed.mend) == ("warn", True)


def test_an_aiortc_of_another_make_is_named_with_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("aiortc.RTCDtlsTransport._set_role")
    finding = doctor.check_webrtc()
    assert finding.state == "warn"
    assert "aiortc" in finding.found and "RTCDtlsTransport has no _set_role" in finding.found


def test_a_key_stands_for_its_model() -> None:
    found = doctor.check_model({"OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": "http://localhost:1"})
    assert "http://localhost:1" in found.found
    assert "sk-secret" not in found.found
    assert doctor.check_model({}).state == "warn"
    assert doctor.check_model({"OPENAI_API_KEY": ""}).state == "warn"


def test_a_key_without_its_package_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    finding = doctor.check_model({"DASHSCOPE_API_KEY": "k"})
    assert (finding.state, finding.mend) == ("fail", "pip install 'hubbub[dashscope]'")


@pytest.mark.parametrize(
    ("body", "state", "words"),
    [
        (b'{"models": [{"name": "llama3.2"}, {"name": "qwen"}]}', "ok", "with llama3.2, qwen"),
        (b'{"models": []}', "warn", "without any model"),
        (b'{"hello": 1}', "warn", "is not Ollama"),
        (b"[1]", "warn", "is not Ollama"),
        (b"<html>", "warn", "is not Ollama"),
    ],
)
def test_ollama_is_recognised(body: bytes, state: str, words: str) -> None:
    with http_server(body) as address:
        finding = doctor.check_ollama({"OLLAMA_HOST": address}, timeout_s=5)
    assert finding.state == state
    assert words in finding.found


def test_no_ollama_is_no_fault() -> None:
    assert doctor.check_ollama({"OLLAMA_HOST": "127.0.0.1:1"}).state == "ok"


def test_a_taken_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "address already in use" in doctor.check_port(port).found
    assert doctor.check_port(0).state == "ok"
    assert doctor.check_port(99_999).state == "warn"


def test_a_browser_is_found_by_its_driver_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}" if name in ("chromium", "chromedriver") else None)
    assert doctor.check_browser().state == "ok"
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "apt install chromium" in doctor.check_browser().mend
    assert "https://" in doctor.check_browser().found


def test_a_missing_device_hinders_only_live_talk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubbub.voice.client.devices.missing_devices", lambda: "there is no microphone")
    assert doctor.check_devices().state == "warn"
    monkeypatch.setattr("hubbub.voice.client.devices.missing_devices", lambda: "")
    assert doctor.check_devices().state == "ok"


def test_a_folder_that_cannot_be_written_fails(tmp_path: Path) -> None:
    assert doctor.check_folder(tmp_path).state == "ok"
    finding = doctor.check_folder(tmp_path / "none")
    assert (finding.state, bool(finding.mend)) == ("fail", True)


def test_the_command_prints_a_table_and_json() -> None:
    command = [sys.executable, "-m", "hubbub.voice.cli", "doctor", "--port", "0"]
    table = subprocess.run(command, capture_output=True, text=True, check=False)
    findings = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=False).stdout)
    assert {finding["name"] for finding in findings} >= {"Python", "speech detection", "port"}
    assert all(finding["name"] in table.stdout for finding in findings)
    assert table.returncode == any(finding["state"] == "fail" for finding in findings)
