"""`hubbub talk` as users run it: a process, against a scripted server."""

import asyncio
import json
import os
import pty
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from client_server import Line, Script, scripted_server
from hubbub.voice.audio.wav import read_wav, write_wav
from hubbub.voice.commands.status import ExitStatus
from hubbub.voice.event import Clear, Floor, Reply, SpeechStarted, SpeechStopped, Transcript, Turn, TurnLatency, Words, WordTime
from hubbub.voice.protocol import Leave, Playhead, Text
from websockets.asyncio.server import ServerConnection, serve

ANSWER = (np.arange(4800) % 1000 + 500).astype("<i2").tobytes()  # 200 ms at 24 kHz
LATENCY = TurnLatency(
    endpoint_ms=500, asr_ms=40, model_ms=10, sentence_ms=20, tts_ms=5, send_ms=15, play_ms=30, total_ms=620
)


@pytest.fixture
def question(tmp_path: Path) -> Path:
    path = tmp_path / "question.wav"
    write_wav(path, (np.arange(3200) % 999 + 1).astype("<i2").tobytes(), 16_000)
    return path


async def hubbub(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hubbub.voice.cli", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def answer(line: Line, turn: int, words: str = "what time is it") -> None:
    await line.send(Transcript(speaker="guest", text=words, final=True, turn=turn))
    await line.send(Floor(speaker="Ava", mouth="speaking"))
    await line.send(Reply(reply=turn, agent="Ava", text="It is late.", final=False, turn=turn))
    for offset in range(0, 4800, 480):
        await line.play(turn, offset, ANSWER[2 * offset : 2 * offset + 960], last=offset == 4320)
    await line.send(Turn(turn=turn, speaker="guest", agent="Ava", reply=turn, latency=LATENCY))
    await line.wait_until(
        lambda line: any(report.reply == turn and report.offset == 4800 for report in line.said(Playhead))
    )
    await line.send(Reply(reply=turn, agent="Ava", text="It is late.", final=True, turn=turn, reason="completed"))
    await line.send(Floor(speaker=None, mouth="idle"))


def heard(count: int) -> Script:
    """A server that answers after each of `count` recordings."""

    async def script(line: Line) -> None:
        for turn in range(1, count + 1):
            sound = len(line.audio)
            await line.wait_until(lambda line, sound=sound: any(line.audio[sound:]))
            await line.send(SpeechStarted(speaker="guest"))
            await line.wait_until(lambda line: not any(line.audio[-1280:]))
            await line.send(SpeechStopped(speaker="guest"))
            await answer(line, turn)

    return script


async def test_a_recording_is_answered_and_the_command_ends(question: Path, tmp_path: Path) -> None:
    saved = tmp_path / "reply.wav"
    async with scripted_server(heard(1)) as server:
        status, out, err = await hubbub("talk", server.url, "--wav", str(question), "--save", str(saved))
    assert (status, err) == (ExitStatus.OK, "")
    assert "in room default as guest, with Ava" in out
    assert re.search(r"guest: what time is it\n.*Ava: It is late\.", out, re.DOTALL)
    assert re.search(r"turn 1 +620 +500 +40 +10 +20 +5 +15 +30", out)
    assert read_wav(saved, 24_000).replace(b"\0\0", b"") == ANSWER
    assert bytes(server.lines[0].audio).count(read_wav(question, 16_000)) == 1


async def test_json_is_one_object_a_line(question: Path) -> None:
    async with scripted_server(heard(2)) as server:
        status, out, _ = await hubbub("talk", server.url, "--wav", str(question), "--wav", str(question), "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert status == ExitStatus.OK
    assert [event["text"] for event in events if event["type"] == "transcript"] == ["what time is it"] * 2
    replies = [event for event in events if event["type"] == "reply"]
    assert [(reply["agent"], reply["text"], reply["final"]) for reply in replies if reply["final"]] == [
        ("Ava", "It is late.", True)
    ] * 2
    assert [event["latency"]["total_ms"] for event in events if event["type"] == "turn"] == [620, 620]
    order = [event["type"] for event in events if event["type"] in ("transcript", "turn")]
    assert order == ["transcript", "turn"] * 2, "the second recording waits for the end of the first reply"


async def test_a_typed_line_is_answered() -> None:
    async def script(line: Line) -> None:
        await line.wait_until(lambda line: bool(line.said(Text)))
        await answer(line, 1, "hello")

    async with scripted_server(script) as server:
        status, out, _ = await hubbub("talk", server.url, "--text", "hello")
    assert status == ExitStatus.OK
    assert "Ava: It is late." in out


async def test_overlap_breaks_in() -> None:
    async def script(line: Line) -> None:
        await line.wait_until(lambda line: bool(line.said(Text)))
        await line.send(Transcript(speaker="guest", text="tell a story", final=True, turn=1))
        await line.send(Reply(reply=1, agent="Ava", text="Once upon", final=False, turn=1))
        await line.play(1, 0, ANSWER)
        await line.wait_until(lambda line: len(line.said(Text)) == 2)
        await line.send(Clear(reply=1))
        await line.send(
            Reply(reply=1, agent="Ava", text="Once", final=True, turn=1, interrupted=True, interrupted_by="guest")
        )
        await answer(line, 2, "stop")

    async with scripted_server(script) as server:
        status, out, _ = await hubbub("talk", server.url, "--text", "tell a story", "--text", "stop", "--overlap", "0.05")
    assert status == ExitStatus.OK
    assert "Ava: Once … [cut by guest]" in out


async def test_silence_of_the_agent_is_said() -> None:
    async def script(line: Line) -> None:
        await line.wait_until(lambda line: bool(line.said(Text)))
        await line.send(Transcript(speaker="guest", text="hello", final=True, turn=1))

    async with scripted_server(script) as server:
        status, _, err = await hubbub("talk", server.url, "--text", "hello", "--timeout", "0.3")
    assert status == ExitStatus.NO_REPLY
    assert err == "hubbub: no reply to hello was heard to its end: nothing happened for 0.3 s\n"


async def test_nothing_recognised_is_said_but_no_fault(question: Path) -> None:
    async with scripted_server() as server:
        status, out, _ = await hubbub("talk", server.url, "--wav", str(question), "--timeout", "0.3")
    assert status == ExitStatus.OK
    assert f"nothing was recognised in {question}" in out


async def test_nobody_at_the_address() -> None:
    status, out, err = await hubbub("talk", "http://127.0.0.1:1", "--text", "hello")
    assert (status, out) == (ExitStatus.NO_SERVER, "")
    assert "connection refused" in err
    assert "hubbub serve" in err


async def test_a_refusal() -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send('{"type": "error", "code": "no_room", "message": "there is no room attic", "fatal": true}')

    async with serve(refuse, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        status, _, err = await hubbub("talk", url, "--text", "hello", "--room", "attic")
    assert (status, err) == (ExitStatus.REFUSED, "hubbub: the server refused: there is no room attic\n")


async def test_a_server_that_dies() -> None:
    async def script(line: Line) -> None:
        await line.wait_until(lambda line: bool(line.said(Text)))
        line.socket.transport.abort()

    async with scripted_server(script) as server:
        status, _, err = await hubbub("talk", server.url, "--text", "hello")
    assert status == ExitStatus.LOST
    assert "the line went dead" in err


async def test_without_a_device_the_reason_is_said() -> None:
    from hubbub.voice.client.devices import missing_devices

    if not missing_devices():
        pytest.skip("this machine has a microphone and a loudspeaker")
    async with scripted_server() as server:
        status, _, err = await hubbub("talk", server.url)
    assert status == ExitStatus.NO_DEVICE
    assert "Traceback" not in err
    assert err.startswith("hubbub: ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"", "empty"),
        (b"this is no sound at all, but a text", "out.wav"),
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x55\0\1\0\x80>\0\0\0}\0\0\2\0\x10\0data\0\0\0\0", "WAV format"),
    ],
)
async def test_a_file_that_is_no_recording(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "odd.wav"
    if content is not None:
        path.write_bytes(content)
    status, out, err = await hubbub("talk", "http://127.0.0.1:1", "--wav", str(path))
    assert (status, out) == (ExitStatus.USAGE, "")
    assert err.startswith(f"hubbub: {path}: ")
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [["ftp://x", "--text", "a"], ["--text", ""], ["--gap", "-1"], ["--gap", "1", "--overlap", "1"], ["--timeout", "nan"]],
)
async def test_wrong_arguments(arguments: list[str]) -> None:
    status, _, err = await hubbub("talk", *arguments)
    assert status == ExitStatus.USAGE
    assert "Traceback" not in err
    assert err


async def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    async def script(line: Line) -> None:
        await line.wait_until(lambda line: bool(line.said(Text)))
        await answer(line, 1)

    async with scripted_server(script) as server:
        status, _, err = await hubbub("talk", server.url, "--text", "a", "--save", str(tmp_path / "none" / "reply.wav"))
    assert status == ExitStatus.FAILED
    assert "cannot be written: No such file or directory" in err


async def test_on_a_terminal_captions_are_rewritten_in_place() -> None:
    async def script(line: Line) -> None:
        await line.wait_until(lambda line: bool(line.said(Text)))
        await line.send(Transcript(speaker="guest", text="what", final=False, turn=1))
        await line.send(Transcript(speaker="guest", text="what time", final=False, turn=1))
        await line.send(Transcript(speaker="guest", text="what time is it", final=True, turn=1))
        await line.send(Reply(reply=1, agent="Ava", text="It is late.", final=False, turn=1))
        await line.send(Words(reply=1, words=(WordTime(start=0, end=2, at=0), WordTime(start=3, end=5, at=4000))))
        await line.play(1, 0, ANSWER, last=True)
        await line.wait_until(lambda line: any(report.offset == 4800 for report in line.said(Playhead)))
        await line.send(Reply(reply=1, agent="Ava", text="It is late.", final=True, turn=1))

    ours, theirs = pty.openpty()
    async with scripted_server(script) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hubbub.voice.cli", "talk", server.url, "--text", "what time is it",
            stdin=asyncio.subprocess.DEVNULL, stdout=theirs,
        )  # fmt: skip
        os.close(theirs)
        async with asyncio.timeout(60):
            status = await process.wait()
    shown = os.read(ours, 100_000).decode().replace("\r\n", "\n")
    os.close(ours)
    assert status == ExitStatus.OK
    assert "\r\x1b[Kguest: what\r\x1b[Kguest: what time\r\x1b[Kguest: what time is it\n" in shown
    assert "\r\x1b[KAva: It\r\x1b[KAva: It is\r\x1b[KAva: It is late.\n" in shown


async def test_ctrl_c_ends_it_quietly_and_leaves_the_room() -> None:
    async with scripted_server() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hubbub.voice.cli", "talk", server.url, "--text", "hello",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(60):
            assert process.stdout is not None
            await process.stdout.readline()
            await server.lines[0].wait_until(lambda line: bool(line.said(Text)))
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
            await server.lines[0].socket.wait_closed()
    assert (process.returncode, err) == (ExitStatus.INTERRUPTED, b"")
    assert server.lines[0].said(Leave)


async def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    async def script(line: Line) -> None:
        await line.wait_until(lambda line: bool(line.said(Text)))
        await answer(line, 1)

    async with scripted_server(script) as server:
        process = await asyncio.create_subprocess_shell(
            f"{sys.executable} -m hubbub.voice.cli talk {server.url} --text hello --json | head -n 1",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    assert json.loads(out)["type"] == "joined"
    assert err == b""
