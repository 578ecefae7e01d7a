"""A whole conversation in the browser: espeak's voice into the page's microphone, a real server, and what comes back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import page_browser
import pytest
from fake_microphone import write_microphone
from page_browser import LOOPBACK, Page, chromium
from served_house import served_house

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-"),
]

BEFORE_S = 6.0
"""Silence before the request: the greeting, if there is one, is over by then."""


@pytest.fixture(scope="module")
def house() -> Iterator[str]:
    """A server with the offline engines; its address."""
    pytest.importorskip("pocketsphinx")
    with served_house() as served:
        yield served.url


@pytest.fixture
def request_sound(tmp_path: Path, fixture_audio: Callable[[str], bytes]) -> Path:
    """What the fake microphone hears: silence, "tell me a story", silence."""
    return write_microphone(tmp_path / "request.wav", BEFORE_S, fixture_audio("requests/tell_me_a_story"), 50.0)


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
def test_a_spoken_request_is_answered_and_the_answer_cut(house: str, request_sound: Path, transport: str) -> None:
    if transport == "webrtc":
        pytest.importorskip("aiortc")
    with chromium(microphone=Path(f"{request_sound}%noloop"), extra=LOOPBACK) as driver:
        page = Page(driver).open(f"{house}/?name=Ann&lang=en&mic=raw&transport={transport}").join()
        assert page.js("window.hubbub.client.wire") == transport
        page.until("document.querySelector('.entry[data-own=true][data-state=final]')", seconds=30)
        assert "tell me" in page.text(".entry[data-own=true] .text").lower()  # a busy machine's browser stutters: "stormy" was heard
        page.until("window.hubbub.player.level() > 0.01", seconds=20)
        page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length > 4", seconds=20)
        assert page.js("document.querySelectorAll('.entry:last-child [data-word=now]').length") == 1
        latency = page.until("window.hubbub.details.latency.turns[0]?.latency")
        parts = sum(value for name, value in latency.items() if name not in ("total_ms", "overlap_ms", "trimmed_ms"))
        assert parts == pytest.approx(latency["total_ms"], abs=1)

        page.click("#interrupt")
        page.until("document.querySelector('.entry[data-state=final] s')")
        assert "cut off by you" in page.text(".entry:last-child .foot")
        page.until("window.hubbub.player.level() < 0.001")

        driver.find_element("css selector", "#text").send_keys("who are you\n")
        page.until("document.querySelector('.entry:last-child[data-kind=agent][data-state=final]')", seconds=30)
        assert page.js("document.querySelectorAll('.entry:last-child s').length") == 0
        assert page.text(".entry:last-child .text").endswith((".", "!", "?"))
        assert page.faults() == []
