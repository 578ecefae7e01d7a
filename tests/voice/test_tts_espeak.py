"""What is espeak-ng's own: its processes, its voices, and how it is found."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from hubbub.voice.tts import choose, espeak, espeak_helper
from hubbub.voice.tts.base import SpokenWord, TTSError, Voice
from hubbub.voice.tts.espeak import EspeakTTS, find_espeak, find_espeak_wheel
from hubbub.voice.tts.parts import parts
from hubbub.voice.tts.silence import LeadingSilence
from hubbub.voice.tts.words import WordTimes, written_words
from hypothesis import given
from hypothesis import strategies as st


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[EspeakTTS]:
    try:
        library = find_espeak({})
    except TTSError as error:
        pytest.skip(str(error))
    engine = EspeakTTS(library, helpers=2)
    await engine.start()
    yield engine
    await engine.close()


async def say(engine: EspeakTTS, text: str, voice: Voice = Voice()) -> bytes:  # noqa: B008
    return b"".join([chunk.pcm async for chunk in engine.synthesize(text, voice)])


def is_heard(pcm: bytes) -> bool:
    """Whether there is a word's worth of sound: a fifth of a second that is loud somewhere."""
    sound = np.frombuffer(pcm, "<i2")
    return len(sound) > 22_050 // 5 and int(np.abs(sound.astype(int)).max()) > 3000


# ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_crash_ends_the_running_sentence_and_the_next_one_starts_a_new_helper(engine: EspeakTTS):
    before = engine.helper_pids
    assert len(before) == 2
    for pid in before:
        os.kill(pid, signal.SIGSTOP)  # so that the sentences are certainly running when the crash comes
    tasks = [asyncio.create_task(say(engine, f"Sentence {number}.")) for number in range(2)]
    await asyncio.sleep(0)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, TTSError) and "SIGKILL" in str(result)
    assert await say(engine, "Here again.")
    assert engine.helper_pids and not set(engine.helper_pids) & set(before)


async def test_a_helper_that_died_while_idle_is_replaced_without_an_error(engine: EspeakTTS):
    before = engine.helper_pids
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    while engine.helper_pids:
        await asyncio.sleep(0.01)
    assert await say(engine, "Nobody noticed.")
    assert engine.helper_pids and not set(engine.helper_pids) & set(before)


async def test_a_helper_that_hangs_is_killed_and_says_so(engine: EspeakTTS, monkeypatch):
    monkeypatch.setattr("hubbub.voice.tts.espeak_process.STALL_TIMEOUT_S", 0.05)
    for pid in engine.helper_pids:
        os.kill(pid, signal.SIGSTOP)
    for _ in range(2):
        with pytest.raises(TTSError, match="died"):
            await say(engine, "Nothing comes.")
    monkeypatch.undo()
    assert await say(engine, "Now it does.")


async def test_closing_ends_the_processes_and_later_sentences_get_an_error(engine: EspeakTTS):
    pids = engine.helper_pids
    await engine.close()
    assert engine.helper_pids == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(TTSError, match="closed"):
        await say(engine, "Too late.")


async def test_many_aborts_leave_every_helper_free(engine: EspeakTTS):
    async def abort_early(number: int) -> None:
        async with aclosing(engine.synthesize(f"This is sentence {number}, and it goes on. " * 6, Voice())) as chunks:
            await anext(chunks)

    await asyncio.gather(*(abort_early(number) for number in range(30)))
    assert len(await asyncio.gather(*(say(engine, "Done.") for _ in range(4)))) == 4
    assert len(engine.helper_pids) == 2


def test_the_helper_leaves_when_its_input_closes_and_ignores_ctrl_c():
    try:
        library = find_espeak({})
    except TTSError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-I", "-S", espeak_helper.__file__, library.path, *filter(None, [library.data_folder])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        kind, number, length = espeak_helper.HEAD.unpack(process.stdout.read(espeak_helper.HEAD.size))
        assert (kind, number) == (espeak_helper.READY, 0) and process.stdout.read(length)
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_the_helper_imports_nothing_of_the_server():
    probe = "import sys, runpy; runpy.run_path(sys.argv[1], run_name='x'); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-I", "-S", "-c", probe, espeak_helper.__file__], capture_output=True, text=True)
    loaded = out.stdout.split()
    assert "ctypes" in loaded and not {"numpy", "asyncio", "hubbub"} & set(loaded)


async def test_a_library_that_does_not_load_says_so():
    engine = EspeakTTS(espeak.EspeakLibrary("libnothing-of-that-name.so", None, "test"))
    with pytest.raises(TTSError, match=r"libnothing-of-that-name\.so"):
        await engine.start()
    assert engine.helper_pids == []


# ── voices ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["en-us", "en-gb", "en-us+f5", "en-gb+f5", "de", "cmn"])
async def test_voices_that_people_know_work(engine: EspeakTTS, name: str):
    said = await say(engine, "Hello.", Voice(name=name))
    assert is_heard(said)
    other = "en-gb" if name == "en-us" else "en-us"
    assert said != await say(engine, "Hello.", Voice(name=other)), "it is a voice of its own"


@pytest.mark.parametrize("language", ["en", "en-US", "en-GB", "zh", "zh-CN", "de-DE", "fr-CA", "pt-BR"])
async def test_languages_get_a_voice(engine: EspeakTTS, language: str):
    assert is_heard(await say(engine, "Hello 你好.", Voice(language=language)))


@pytest.mark.parametrize("voice", [Voice(name="zorg"), Voice(name="en-us+nobody"), Voice(language="xx-YY")])
async def test_unknown_voices_are_an_error_that_names_them_and_hurts_nobody(engine: EspeakTTS, voice: Voice):
    with pytest.raises(TTSError, match=f"'{(voice.name or voice.language).lower()}'".replace("+", r"\+")):
        await say(engine, "Hello.", voice)
    assert await say(engine, "Hello.")


async def test_every_agent_keeps_its_voice_when_they_take_turns(engine: EspeakTTS):
    low, high = Voice("en-us", pitch=0.7), Voice("en-us+f5", speed=1.3)
    alone = {voice: len(await say(engine, "Good morning to you.", voice)) for voice in (low, high)}
    assert alone[low] > alone[high] + 2000
    mixed = await asyncio.gather(*(say(engine, "Good morning to you.", voice) for voice in [low, high] * 6))
    near = 2 * 22050 // 100  # espeak-ng's length varies by some samples with what it said before
    assert all(abs(len(pcm) - alone[voice]) < near for pcm, voice in zip(mixed, [low, high] * 6, strict=True))


async def test_pitch_is_a_factor(engine: EspeakTTS):
    def period(pcm: bytes) -> int:
        sound = np.frombuffer(pcm, np.int16)[4000:9000].astype(float)
        likeness = np.correlate(sound, sound, "full")[len(sound) - 1 :]
        return int(np.argmax(likeness[60:600])) + 60

    normal, high = [period(await say(engine, "aaaaaaaa", Voice(pitch=pitch))) for pitch in (1.0, 1.6)]
    assert 1.3 < normal / high < 1.9


async def test_a_long_text_is_cut_and_keeps_its_words_in_place(engine: EspeakTTS):
    text = " ".join(f"word{number}" for number in range(200)) + ". Ende der Übung."
    words = [word async for chunk in engine.synthesize(text, Voice()) for word in chunk.words]
    assert [text[word.start : word.end] for word in words] == text.replace(".", "").split()
    assert [word.at_sample for word in words] == sorted(word.at_sample for word in words)


@given(st.text(st.sampled_from("ab ,.。，!"), max_size=900))
def test_parts_are_the_text_and_short(text: str):
    cut = list(parts(text, espeak.PART_CHARACTERS))
    assert "".join(cut) == text
    assert all(0 < len(part) <= espeak.PART_CHARACTERS for part in cut)


# ── choosing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_system_library_comes_first_then_the_wheel(monkeypatch):
    monkeypatch.setattr(espeak.ctypes.util, "find_library", lambda name: "libespeak-ng.so.1")
    assert find_espeak({}).path == "libespeak-ng.so.1" and "system" in find_espeak({}).why
    monkeypatch.setattr(espeak.ctypes.util, "find_library", lambda name: None)
    pytest.importorskip("espeakng_loader")
    wheel = find_espeak({})
    assert wheel == find_espeak_wheel() and Path(wheel.path).is_file() and "wheel" in wheel.why


def test_nothing_installed_says_what_to_install(monkeypatch):
    monkeypatch.setattr(espeak.ctypes.util, "find_library", lambda name: None)
    monkeypatch.setattr(espeak, "find_spec", lambda name: None)
    with pytest.raises(TTSError, match=r"espeak-ng.*hubbub\[offline\]"):
        choose.choose_tts("espeak", {})


def test_a_library_named_in_the_environment_must_exist(tmp_path):
    with pytest.raises(TTSError, match="HUBBUB_ESPEAK_LIBRARY"):
        find_espeak({"HUBBUB_ESPEAK_LIBRARY": str(tmp_path / "no.so")})
    file = tmp_path / "libespeak-ng.so"
    file.touch()
    assert find_espeak({"HUBBUB_ESPEAK_LIBRARY": str(file)}).path == str(file)


def test_unknown_engines_are_named_with_those_there_are():
    with pytest.raises(TTSError, match=r"'robot'.*espeak"):
        choose.choose_tts("robot", {})


# ── word times and silence ────────────────────────────────────────────────────────────────────────────────────────────


def test_written_words():
    text = "Isn't “this” — 3.14 $5 fine? 你好。 (yes)"
    assert [text[start:end] for start, end in written_words(text)] == [
        "Isn't", "this", "3.14", "5", "fine", "你", "好", "yes",
    ]


def test_words_without_a_report_are_timed_between_their_neighbours():
    times = WordTimes("out of the blue")
    assert times.report(0, 0) == [SpokenWord(0, 3, 0)]
    assert times.report(11, 1100) == [SpokenWord(4, 6, 400), SpokenWord(7, 10, 700), SpokenWord(11, 15, 1100)]
    assert times.report(4, 1200) == []
    assert times.finish(2000) == []


@given(st.text(st.sampled_from("ab 你。1'-"), max_size=40), st.lists(st.tuples(st.integers(-3, 45), st.integers(0, 9000))))
def test_every_written_word_gets_exactly_one_time_in_order(text: str, reports: list[tuple[int, int]]):
    times, words = WordTimes(text), []
    for start, at_sample in reports:
        words += times.report(start, at_sample)
    words += times.finish(10_000)
    assert [(word.start, word.end) for word in words] == written_words(text)
    assert [word.at_sample for word in words] == sorted(word.at_sample for word in words)


@given(st.integers(0, 5000), st.lists(st.integers(1, 900), min_size=1, max_size=30))
def test_leading_silence_is_cut_the_same_in_any_chunks(lead: int, sizes: list[int]):
    sound = np.concatenate([np.full(lead, 10), np.full(1000, 5000)]).astype(np.int16).tobytes()
    whole = LeadingSilence(16_000)
    expected = whole.push(sound)
    assert whole.trimmed_samples * 2 + len(expected) == len(sound)
    assert whole.trimmed_samples == max(0, lead - 80)
    parts, out, start = LeadingSilence(16_000), b"", 0
    for size in [*sizes, len(sound)]:
        out += parts.push(sound[start : start + size * 2])
        start += size * 2
    assert out == expected and parts.trimmed_samples == whole.trimmed_samples
