"""What every test may ask for: the sounds of `audio_fixtures/`, and the human recordings where they are at hand."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hubbub.voice.audio.frames import EAR_HZ
from hubbub.voice.audio.wav import read_wav
from hypothesis import settings

TESTS = Path(__file__).resolve().parent
FIXTURES = TESTS.parent / "audio_fixtures"

LONG_FILES = (
    "e2e/test_page.py", "voice/test_evaluate_turns.py", "e2e/test_page_room.py", "voice/test_evaluate_endpointing.py",
    "e2e/test_page_talks.py", "e2e/test_protocol_conformance.py", "e2e/test_rooms_browser.py", "e2e/test_asterisk.py",
    "e2e/test_webrtc_browser.py", "e2e/test_bad_input.py", "e2e/test_page_webrtc.py", "e2e/test_calls.py", "e2e/test_js_sdk.py",
    "e2e/test_offline_talk.py", "e2e/test_page_operator.py", "e2e/test_webrtc_network.py", "voice/test_api_operator.py",
    "voice/test_access.py", "contract/test_asr_contract.py", "contract/test_model_contract.py", "contract/test_tts_contract.py",
    "test_docs.py",
)  # fmt: skip
"""Files that take longest, by `pytest --durations=0`; one that talks in real time beside one that computes."""

# The time that an example takes says more about the machine than about the code.
settings.register_profile("hubbub", deadline=None)
settings.load_profile("hubbub")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first: of two workers that take file by file, none is left alone with a long one at the end. (xdist's own order, by
    the number of tests, puts the few long ones last: `make test` switches it off.)"""
    places = {TESTS / name: place for place, name in enumerate(LONG_FILES)}
    if gone := [str(path) for path in places if not path.is_file()]:
        raise pytest.UsageError(f"LONG_FILES in {__file__} names files that are gone: {', '.join(gone)}")
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def fixture_path() -> Callable[[str], Path]:
    """The WAV file of a clip in `audio_fixtures/`, by its name in the manifest (`requests/hello`)."""

    def path_of(name: str) -> Path:
        path = FIXTURES / f"{name}.wav"
        if not path.is_file():
            pytest.fail(f"audio_fixtures/manifest.json has no clip {name!r}, or its file is missing: run audio_fixtures/make.py")
        return path

    return path_of


@pytest.fixture(scope="session")
def fixture_audio(fixture_path: Callable[[str], Path]) -> Callable[[str], bytes]:
    """The sound of a clip in `audio_fixtures/` as PCM16 at 16 kHz, by its name in the manifest (`requests/hello`)."""
    return lambda name: read_wav(fixture_path(name), EAR_HZ)


@pytest.fixture(scope="session")
def shared_audio() -> Callable[[str], Path]:
    """A file of the folder of human recordings that HUBBUB_SHARED_AUDIO names (`speech/jfk.flac`).

    These recordings are not part of the project: where they are not at hand the test that asks is skipped.
    """

    def path_of(name: str) -> Path:
        folder = os.environ.get("HUBBUB_SHARED_AUDIO")
        if not folder:
            pytest.skip("HUBBUB_SHARED_AUDIO does not name a folder of human recordings")
        path = Path(folder) / name
        if not path.is_file():
            pytest.skip(f"{name} is not among the recordings in HUBBUB_SHARED_AUDIO")
        return path

    return path_of
