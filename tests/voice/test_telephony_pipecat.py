"""What Pipecat reads and writes equals what we do: its own serializers, in an environment of their own (see `.ci/run`)."""

import base64
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hubbub.voice.gateway.telephony.coding import decode, encode
from hubbub.voice.gateway.telephony.wire.base import Clear, Digit, Media, Start
from hubbub.voice.gateway.telephony.wire.carriers import CARRIERS, carrier_end, server_end
from hubbub.voice.testing.carrier import CODING_OF

SIDE = Path(__file__).with_name("pipecat_side.py")


class Line:
    """Both ends of a carrier's line, and what is said on it."""

    def __init__(self, carrier: str) -> None:
        self.carrier, self.coding = carrier, CODING_OF[carrier]
        self.theirs, self.ours = carrier_end(carrier), server_end(carrier)
        self.ours.receive(self.theirs.send(Start("stream-1", "call-1", "account", coding=self.coding)))
        at = np.arange(self.coding.rate_hz // 50) / self.coding.rate_hz
        self.pcm = (9000 * np.sin(2 * np.pi * 440 * at) + 500).astype("<i2").tobytes()
        self.sound = Media(encode(self.coding, self.pcm))
        self.wire = [self.theirs.send(message) for message in (self.sound, Digit("5"), Digit("#"))]

    @property
    def asked(self) -> dict[str, object]:
        wire = [{"base64": base64.b64encode(data).decode()} if isinstance(data, bytes) else data for data in self.wire]
        sound = base64.b64encode(self.pcm).decode()
        return {"carrier": self.carrier, "rate_hz": self.coding.rate_hz, "stream": "stream-1", "wire": wire, "sound": sound}


@pytest.fixture(scope="module")
def pipecat() -> dict[str, dict]:
    """What Pipecat answers to each carrier's line: one process for all, since it takes seconds to load."""
    python = os.environ.get("HUBBUB_PIPECAT_PYTHON")
    if not python or not Path(python).exists():
        pytest.skip("HUBBUB_PIPECAT_PYTHON does not name a Python that has pipecat-ai")
    asked = json.dumps([Line(carrier).asked for carrier in CARRIERS])
    done = subprocess.run([python, SIDE], input=asked, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(zip(CARRIERS, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("carrier", CARRIERS)
def test_pipecat_and_we_read_and_write_the_same(carrier, pipecat):
    line, found = Line(carrier), pipecat[carrier]
    heard = line.ours.receive(line.wire[0])
    assert isinstance(heard, Media)
    assert base64.b64decode(found["read"][0]["audio"]) == decode(line.coding, heard.payload), "the same sound in the same message"
    assert [one["digit"] for one in found["read"][1:]] == [line.ours.receive(data).digit for data in line.wire[1:]] == ["5", "#"]

    sound, clear = found["written"]
    mine = line.ours.send(line.sound)
    if isinstance(mine, bytes):
        assert base64.b64decode(sound["base64"]) == mine
    else:
        assert json.loads(sound).items() >= json.loads(mine).items(), "Pipecat names the stream even where it need not"
        assert line.theirs.receive(sound) == line.theirs.receive(mine) == line.sound, "a carrier would hear the same"
    assert json.loads(clear) == json.loads(line.ours.send(Clear()))
    assert line.theirs.receive(clear) == Clear()
