"""The words of a greeting, as a recogniser makes them out stretch by stretch."""

import asyncio

from hubbub.voice.gateway.telephony.greeting_words import MACHINE, PAUSE_MS, PERSON, PHRASES, GreetingWords
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.testing.time import run_simulated

LOUD, QUIET = b"\x00\x20\x00\xe0" * 160, bytes(640)


async def speak(words: GreetingWords, ms: int) -> None:
    for _ in range(ms // 20):
        words.hear(LOUD, 0)
        await asyncio.sleep(0.02)


async def rest(words: GreetingWords, ms: int) -> None:
    for at in range(ms // 20):
        words.hear(QUIET, (at + 1) * 20)
        await asyncio.sleep(0.02)


def test_each_stretch_is_recognised_and_all_of_it_told() -> None:
    async def scenario() -> None:
        told: list[str | None] = []
        asr = ScriptedASR(["Hi, Maria here.", "Leave a message."])
        words = GreetingWords(asr, "en", told.append)
        await rest(words, 600)
        assert asr.opened == 0, "nobody has spoken yet"
        await speak(words, 1200)
        await rest(words, PAUSE_MS + 400)
        assert told[-1] == "hi, maria here."
        await speak(words, 1200)
        await rest(words, PAUSE_MS + 400)
        assert told[-1] == "hi, maria here. leave a message."
        assert asr.opened == 2
        words.close()
        await speak(words, 600)
        assert asr.opened == 2

    run_simulated(scenario())


def test_a_recogniser_that_fails_is_told_once_and_asked_no_more() -> None:
    async def scenario() -> None:
        told: list[str | None] = []
        asr = ScriptedASR([RuntimeError("no model")], partial_ms=None)
        words = GreetingWords(asr, "en", told.append)
        await speak(words, 600)
        await rest(words, PAUSE_MS + 400)
        await speak(words, 600)
        assert (told, asr.opened) == ([None], 1)

    run_simulated(scenario())


def test_what_is_closed_says_nothing_any_more() -> None:
    async def scenario() -> None:
        told: list[str | None] = []
        words = GreetingWords(ScriptedASR(["leave a message"], partial_ms=None, final_ms=1500), "en", told.append)
        await speak(words, 900)
        await rest(words, PAUSE_MS)  # the final has been asked for
        words.close()
        await asyncio.sleep(2)
        assert told == []

    run_simulated(scenario())


def test_nothing_that_is_expected_of_one_is_taken_for_the_other() -> None:
    for phrase in PHRASES:
        assert not (MACHINE.search(phrase) and PERSON.search(phrase)), phrase
    assert not MACHINE.search("hello this is maria speaking how are you")
