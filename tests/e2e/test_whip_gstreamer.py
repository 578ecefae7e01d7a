"""Another implementation of WHIP and WebRTC, GStreamer's, against the real server: the example of docs/webrtc.md, as it is written."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "voice"))
from live_house import live_house  # noqa: E402

pytestmark = pytest.mark.e2e

SYSTEM_PYTHON = "/usr/bin/python3"
NEEDED = """
import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstWebRTC
Gst.init(None)
assert all(Gst.ElementFactory.find(name) for name in ("webrtcbin", "nicesrc", "dtlsenc", "opusenc", "wavparse"))
"""
PATIENCE_S = 60


def address() -> str | None:
    """This machine's address in its network: GStreamer offers no loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        found: str = probe.getsockname()[0]
        return None if found.startswith("127.") else found


def is_installed() -> bool:
    return Path(SYSTEM_PYTHON).exists() and subprocess.run([SYSTEM_PYTHON, "-c", NEEDED], capture_output=True).returncode == 0


async def test_gstreamer_is_heard_and_answered_and_leaves() -> None:
    if not await asyncio.to_thread(is_installed):
        pytest.skip("needs GStreamer with webrtcbin and its Python bindings: see examples/whip/studio.py")
    mine = address()
    if mine is None:
        pytest.skip("needs an address that is not loopback")
    wav = ROOT / "audio_fixtures" / "requests" / "tell_me_a_story.wav"
    rooms = f"webrtc: {{addresses: ['{mine}']}}\nrooms: {{default: {{agents: [{{name: Ava}}]}}}}"
    async with live_house(rooms, heard=["tell me a story"]) as live, asyncio.timeout(PATIENCE_S):
        process = await asyncio.create_subprocess_exec(
            SYSTEM_PYTHON, str(ROOT / "examples" / "whip" / "studio.py"), f"{live.url}/api/webrtc?room=default&name=Studio",
            "--source", f"filesrc location={wav} ! wavparse", stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            while not live.house.sessions:
                assert process.returncode is None, (await process.communicate())[1].decode()
                await asyncio.sleep(0.05)
            (studio,) = live.house.sessions.values()
            _, said = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, said.decode()
        heard = [event for event in studio.log if event.type == "transcript" and event.final]
        assert [(event.speaker, event.text) for event in heard] == [("Studio", "tell me a story")]
        assert [event.agent for event in studio.log if event.type == "reply"][:1] == ["Ava"]
        while live.house.sessions:
            await asyncio.sleep(0.05)
