"""What every test may ask for: the sounds of `audio_fixtures/`, and the human recordings where they are at hand."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hubbub.voice.audio.frames import EAR_HZ
from hubbub.voice.audio.wav import read_wav
from hypothesis import settings

FIXTURES = Path(__file__).resolve().parent.parent / "audio_fixtures"

# The time that an example takes says more about the machine than about the code.
settings.register_profile("hubbub", deadline=None)
settings.load_profile("hubbub")


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
