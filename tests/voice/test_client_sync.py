"""The caller for scripts: used from a plain thread, as a script does."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hubbub.voice.audio.wav import write_wav
from hubbub.voice.client import CannotConnectError, RefusedError, VoiceClientError
from hubbub.voice.client.sync import Caller
from hubbub.voice.event import Joined, Left, Reply
from live_house import live_house

TONE = (np.sin(np.arange(16 * 700) * 0.35) * 9000).astype(np.int16)


async def script(work: Callable[[str], Any], **options: Any) -> Any:
    """Serves a house, and runs a script that knows no asyncio beside it."""
    async with live_house(**options) as live:
        before = threading.active_count()
        done = await asyncio.to_thread(work, live.url)
        assert threading.active_count() <= before + 1, "no thread is left behind but the pool's"
        return done


async def test_a_script_asks_and_is_answered() -> None:
    def work(url: str) -> None:
        with Caller(url, name="Kim", record=True) as kim:
            assert kim.joined.name == "Kim"
            first, second = kim.ask("what is two plus two"), kim.ask("and three plus three")
            assert (first.text.strip(), first.unheard) == ("Four.", "")
            assert second.turn == first.turn + 1
            assert len(kim.heard_pcm()) > 2 * 24 * 250
            kinds = [type(kim.next_event(1)) for _ in range(5)]
            assert kinds[0] is Joined

    await script(work, answer="Four.")


async def test_a_script_speaks_a_recording(tmp_path: Path) -> None:
    def work(url: str) -> None:
        write_wav(tmp_path / "question.wav", TONE.tobytes(), 16_000)
        with Caller(url) as kim:
            answer = kim.say(tmp_path / "question.wav")
            assert answer is not None
            assert answer.text.strip() == "Hi."
            assert any(isinstance(event, Reply) and event.final for event in _so_far(kim))

    await script(work, heard=["hello"], answer="Hi.")


async def test_iterating_ends_when_the_server_does() -> None:
    async with live_house() as live:
        kim = Caller(live.url)
        await asyncio.to_thread(kim.__enter__)
        listening = asyncio.create_task(asyncio.to_thread(list, kim))
        for session in list(live.house.sessions.values()):
            session.emit(Left(reason="the evening is over"))
        events = await listening
        assert isinstance(events[-1], Left)
        await asyncio.to_thread(kim.__exit__, None, None, None)
        with pytest.raises(VoiceClientError):
            kim.ask("hello")


def test_what_is_wrong_is_said_in_the_script() -> None:
    with pytest.raises(CannotConnectError, match="connection refused"), Caller("http://127.0.0.1:1"):
        pass
    with pytest.raises(ValueError, match="the address"):
        Caller("ftp://nowhere")
    with pytest.raises(VoiceClientError, match="with Caller"):
        Caller("http://127.0.0.1:1").ask("hello")


async def test_refusals_and_long_waits_are_said_too() -> None:
    def work(url: str) -> None:
        with pytest.raises(RefusedError), Caller(url, room="nowhere"):
            pass
        with Caller(url) as kim:
            with pytest.raises(ValueError, match="at most 4000"):
                kim.ask("a" * 5000)
            with pytest.raises(TimeoutError, match=r"longer than 0\.05 s"):
                kim.ask("tell me everything", timeout_s=0.05)
            with pytest.raises(TimeoutError):
                while True:
                    kim.next_event(0.5)

    await script(work, answer="word " * 30)


def _so_far(kim: Caller) -> list[Any]:
    events = []
    try:
        while True:
            events.append(kim.next_event(0.2))
    except TimeoutError:
        return events
