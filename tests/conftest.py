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
    "voice/test_evaluate_turns.py", "voice/test_evaluate_endpointing.py", "voice/test_api_operator.py", "voice/test_access.py",
    "contract/test_asr_contract.py", "contract/test_model_contract.py", "contract/test_tts_contract.py", "test_docs.py",
)  # fmt: skip
"""Files that take longest by `pytest --durations=0`, beside those in `e2e/`, which are long all of them."""

# The time that an example takes says more about the machine than about the code.
settings.register_profile("hubbub", deadline=None)
settings.load_profile("hubbub")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spreads the long files evenly among the first nine tenths of the others. Workers take file by file: so a browser talks in real time
    beside tests that only compute, not beside a second browser, and no worker is left alone with a long file at the end. (xdist's own
    order, by the number of tests, puts the few long ones last: `make test` switches it off.)"""
    places = {TESTS / name for name in LONG_FILES}
    if gone := [str(path) for path in places if not path.is_file()]:
        raise pytest.UsageError(f"LONG_FILES in {__file__} names files that are gone: {', '.join(gone)}")
    files = list(dict.fromkeys(item.path for item in items))
    long = [path for path in files if path in places or TESTS / "e2e" in path.parents]
    short = [path for path in files if path not in set(long)]
    step = 0.9 * len(short) / max(1, len(long))
    place = {path: (float(at), 1) for at, path in enumerate(short)} | {path: (at * step, 0) for at, path in enumerate(long)}
    items.sort(key=lambda item: place[item.path])


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
