"""`hubbub call` against a server of a few lines: what is said and heard, what is printed, and what is said of servers that do it wrong."""

import asyncio
import os
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hubbub.voice.audio.wav import write_wav
from hubbub.voice.cli import main
from hubbub.voice.commands import phone
from hubbub.voice.commands.status import ExitStatus
from hubbub.voice.gateway.telephony.wire import base as w
from phone_server import PhoneLine, events, phone_server
from sound_card import SoundCard


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers who wait for no greeting, and take a short silence for an end."""
    monkeypatch.setattr(phone, "GREETING_MS", 100)
    monkeypatch.setattr(phone, "SETTLED_MS", 320)


@pytest.fixture
def question(tmp_path: Path) -> str:
    path = tmp_path / "question.wav"
    write_wav(path, tone(300, 16_000), 16_000)
    return str(path)


def tone(ms: int, rate_hz: int = 8000) -> bytes:
    return (np.sin(np.arange(rate_hz * ms // 1000) * 0.3) * 8000).astype("<i2").tobytes()


async def hubbub(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    async with asyncio.timeout(30):
        status = await asyncio.to_thread(main, ["call", *arguments])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return status, printed.out, printed.err


async def answering(line: PhoneLine) -> None:
    """Answers once the caller has spoken, and waits until its answer has been heard."""
    await line.until(lambda: line.loud() > 10)
    quiet = line.loud()
    await asyncio.sleep(0.2)
    while line.loud() > quiet:
        quiet = line.loud()
        await asyncio.sleep(0.1)
    await line.play(tone(400))
    await line.until(lambda: bool(line.of(w.MarkPlayed)))


async def test_a_question_is_asked_and_the_answer_heard(
    capsys: pytest.CaptureFixture[str], question: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBBUB_CALL_AUTH_TOKEN", "secret")
    recording = tmp_path / "call.wav"
    async with phone_server(answering) as server:
        arguments = (server.http, "--wav", question, "--json", "--record", str(recording), "--param", "tenant=t1", "--from", "+4930")
        status, out, err = await hubbub(capsys, *arguments)
    assert (status, err) == (ExitStatus.OK, "")
    assert "x-twilio-signature" in server.asked[0].lower()
    assert "From=%2B4930" in server.asked[0]
    (start,) = server.lines[0].of(w.Start)
    assert isinstance(start, w.Start)
    assert start.parameters == {"tenant": "t1"}
    assert start.call_id in server.asked[0], "webhook and stream name the same call"
    told = events(out)
    kinds = [event["type"] for event in told]
    assert kinds[0] == "CallStarted"
    assert kinds[-2:] == ["CallEnded", "Summary"]
    (speaks,) = (event for event in told if event["type"] == "AgentSpeaks")
    assert 150 <= int(str(speaks["after_ms"])) <= 900
    (silent,) = (event for event in told if event["type"] == "AgentSilent")
    assert 380 <= int(str(silent["spoke_ms"])) <= 440
    assert told[-1]["marks"] == 1
    with wave.open(str(recording)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert (np.abs(both) > 1000).sum(axis=0) / 8000 == pytest.approx([0.276, 0.368], abs=0.04)


async def test_sentences_for_people(capsys: pytest.CaptureFixture[str], question: str) -> None:
    async with phone_server(answering) as server:
        status, out, _ = await hubbub(capsys, server.ws, "--wav", question, "--loss", "10", "--jitter", "40")
    assert status == ExitStatus.OK
    for words in (f"calling {server.ws}", f"says {question} (0.3 s)", "agent   is heard, ", "it spoke 0.4 s at -15 dBFS",
                  "caller  hangs up", "1 marks, 0 clears"):  # fmt: skip
        assert words in out


async def test_keys_and_a_barge_in(capsys: pytest.CaptureFixture[str], question: str) -> None:
    async def talkative(line: PhoneLine) -> None:
        await line.until(lambda: bool(line.of(w.Digit)))
        await line.play(tone(5000))
        await line.until(lambda: line.loud() > 5)
        await line.send(w.Clear())
        await asyncio.sleep(0.4)
        await line.play(tone(200))

    async with phone_server(talkative) as server:
        status, out, _ = await hubbub(capsys, server.ws, "--digits", "7#", "--wav", question, "--overlap", "0.5", "--json")
    assert status == ExitStatus.OK
    assert [digit.digit for digit in server.lines[0].of(w.Digit) if isinstance(digit, w.Digit)] == ["7", "#"]
    first = next(event for event in events(out) if event["type"] == "AgentSilent")
    assert 0 < int(str(first["barge_in_ms"])) < 400
    (clear,) = (event for event in events(out) if event["type"] == "ClearCame")
    assert float(str(clear["thrown_ms"])) > 3000, "this server had sent all of it ahead"


async def test_a_person_talks_with_the_machines_own_microphone(
    capsys: pytest.CaptureFixture[str], question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = SoundCard()
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    played = bytearray()

    async def talk() -> None:
        while True:
            card.hear(tone(20))
            played.extend(card.played())
            await asyncio.sleep(0.02)

    async def listening(line: PhoneLine) -> None:
        await line.until(lambda: line.loud() > 20)
        await line.play(tone(200))
        await line.until(lambda: bool(line.of(w.MarkPlayed)))
        await asyncio.sleep(0.1)  # for the loudspeaker
        await line.socket.close()

    async with phone_server(listening) as server:
        talking = asyncio.create_task(talk())
        status, out, err = await hubbub(capsys, server.ws, "--mic", "built-in")
        talking.cancel()
    assert (status, err) == (ExitStatus.OK, "")
    assert "speak; Ctrl-C hangs up" in out
    assert (np.abs(np.frombuffer(bytes(played), "<i2")) > 1000).sum() / 8000 == pytest.approx(0.184, abs=0.03)
    assert card.microphone is not None and not card.microphone.running


async def test_without_a_microphone_nobody_is_called(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async with phone_server() as server:
        monkeypatch.setitem(sys.modules, "sounddevice", SoundCard())
        status, _, err = await hubbub(capsys, server.ws, "--mic", "headset")
        assert (status, "no microphone is called 'headset'" in err) == (ExitStatus.NO_DEVICE, True)
        monkeypatch.setitem(sys.modules, "sounddevice", None)
        status, _, err = await hubbub(capsys, server.ws, "--live")
        assert (status, "hubbub[mic]" in err) == (ExitStatus.NO_DEVICE, True)
    assert server.lines == []


async def closing(line: PhoneLine) -> None:
    await asyncio.sleep(0.1)
    await line.socket.close(1011, "out of order")


TO_NOBODY = '<Response><Connect><Stream url="ws://127.0.0.1:1/"/></Connect></Response>'


@pytest.mark.parametrize(
    ("answer", "http_status", "script", "status", "words"),
    [
        ("<html>It works!</html>", "200 OK", None, ExitStatus.NO_SERVER, "must be <Response>, not <html>"),
        ("<Response><Hangup/></Response>", "200 OK", None, ExitStatus.NO_SERVER, "the call ends in <Hangup>"),
        ("", "500 Internal Server Error", None, ExitStatus.NO_SERVER, "answered 500, a carrier wants 200"),
        ("", "302 Found", None, ExitStatus.NO_SERVER, "answered 302"),
        ("", "403 Forbidden", None, ExitStatus.REFUSED, "answered 403: it does not accept the signature"),
        ("", "404 Not Found", None, ExitStatus.REFUSED, "answered 404"),
        (TO_NOBODY, "200 OK", None, ExitStatus.NO_SERVER, "nobody answers"),
        ("", "200 OK", None, ExitStatus.NO_REPLY, "nothing was heard in answer to"),
        ("", "200 OK", closing, ExitStatus.LOST, "before the agent was heard: it closed the stream with 1011 (out of order)"),
    ],
)  # fmt: skip
async def test_a_server_that_does_it_wrong_is_told_so(
    capsys: pytest.CaptureFixture[str], question: str, answer: str, http_status: str, script: Any, status: ExitStatus, words: str
) -> None:
    async with phone_server(script) as server:
        server.answer, server.status = answer, http_status
        found, _, err = await hubbub(capsys, server.http, "--wav", question, "--timeout", "0.5")
    assert words in err
    assert found == status


async def test_who_answers_but_speaks_no_websocket(capsys: pytest.CaptureFixture[str], question: str) -> None:
    async with phone_server() as server:
        status, _, err = await hubbub(capsys, server.http.replace("http", "ws"), "--wav", question)
    assert status == ExitStatus.NO_SERVER
    assert "not with a WebSocket" in err or "speaks no WebSocket" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--wav", "nowhere.wav", "ws://x"], "nowhere.wav"),
        (["--digits", "5x", "ws://x"], "a key is one of 0-9, *, #, A-D, not 'x'"),
        (["--loss", "100", "ws://x"], "a percentage from 0 to 99"),
        (["--param", "tenant", "ws://x"], "must be written NAME=VALUE"),
        (["--coding", "opus", "ws://x"], "must be ulaw, alaw or l16"),
        (["--coding", "l16/16000", "ws://x"], "twilio streams ulaw at 8000 Hz"),
        (["nonsense"], "begins with wss:// or ws://"),
        (["--carrier", "audiosocket", "http://x"], "AudioSocket's address is written like 127.0.0.1:9092"),
        (["--carrier", "audiosocket", "--call-id", "7", "x"], "UUID"),
        (["--via", "nonsense", "ws://x"], "is written like http://127.0.0.1:8080"),
        (["--carrier", "bell", "ws://x"], "invalid choice"),
        (["--burst", "1", "ws://x"], "a burst is at least one frame"),
    ],
)
async def test_wrong_arguments_are_explained(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    try:
        status, _, err = await hubbub(capsys, *arguments)
    except SystemExit as error:  # argparse
        status, err = int(str(error.code)), capsys.readouterr().err
    assert status == ExitStatus.USAGE
    assert words in err


async def test_a_recording_that_cannot_be_written_is_found_out_before_anybody_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    async with phone_server() as server:
        status, _, err = await hubbub(capsys, server.ws, "--record", os.path.join("nowhere", "call.wav"), "--stay", "0")
    assert status == ExitStatus.FAILED
    assert "cannot be written" in err
    assert server.lines == []
