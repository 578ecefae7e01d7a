"""What the tests of the page share: a tone for its microphone, a browser, and a scripted server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_microphone import write_tone
from fake_page_server import FakeServer, running
from page_browser import Page, chromium


@pytest.fixture(scope="session")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the fake microphone hears."""
    return write_tone(tmp_path_factory.mktemp("microphone") / "tone.wav")


@pytest.fixture(scope="module")
def browser(tone: Path) -> Iterator[Page]:
    """One window for all tests of a file, with three microphones and three loudspeakers."""
    with chromium(microphone=tone, extra=("--use-fake-device-for-media-stream=device-count=3",)) as driver:
        yield Page(driver)


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    """A scripted server at an address of its own: the page keeps nothing from another test."""
    with running() as server:
        yield server
