"""The page over WebRTC with a real server: talk, be cut off, lose the line for five seconds, reload, have a second person in; and
the WebSocket where UDP finds no way."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import page_browser
import pytest
from fake_microphone import write_hush
from page_browser import LOOPBACK, Page, chromium
from served_house import served_house

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-"),
]

NO_UDP = ("--webrtc-ip-handling-policy=disable_non_proxied_udp", "--force-webrtc-ip-handling-policy")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    """A whole server with the offline engines: its address and its process."""
    pytest.importorskip("aiortc")
    pytest.importorskip("pocketsphinx")
    with served_house() as served:
        yield served.url, served.process.pid


@pytest.fixture(scope="module")
def silence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A microphone that hears only the hiss of a quiet room."""
    return write_hush(tmp_path_factory.mktemp("microphone") / "hush.wav")


@pytest.fixture(scope="module")
def browser(silence: Path) -> Iterator[Page]:
    with chromium(microphone=silence, extra=LOOPBACK) as driver:
        yield Page(driver)


def story(page: Page) -> None:
    """Asks for a story, and waits until it is heard."""
    page.type("tell me a story\n")
    page.until("window.hubbub.player.level() > 0.01", seconds=30)
    page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length > 3", seconds=20)


def test_one_talks_is_cut_loses_the_line_reloads_and_has_somebody_in(browser: Page, server: tuple[str, int]) -> None:
    address, process = server
    browser.open(f"{address}/?name=Ann&lang=en").join()
    assert browser.js("window.hubbub.client.wire") == "webrtc"
    assert browser.js("window.hubbub.client.link.stream.getAudioTracks().length") == 1
    browser.until("window.hubbub.details.facts.transport === 'WebRTC'")

    story(browser)
    assert browser.js("document.querySelectorAll('.entry:last-child [data-word=now]').length") == 1
    browser.click("#interrupt")
    browser.until("document.querySelector('.entry[data-state=final] s')")
    browser.until("window.hubbub.player.level() < 0.005")
    assert "cut off by you" in browser.text(".entry:last-child .foot")
    browser.click("#tab-memory")
    browser.until("document.querySelector('.memories s')")
    heard = browser.js("document.querySelector('.entry:last-child [data-word=heard]').textContent.trim()")
    assert heard in browser.text(".memories li:last-child"), "the agent remembers what the page shows as heard"

    session = browser.js("window.hubbub.client.joined.session")
    os.kill(process, signal.SIGSTOP)  # nothing comes and nothing goes, as on a line that is down
    time.sleep(5)
    os.kill(process, signal.SIGCONT)
    browser.until("window.hubbub.client.state === 'open'", seconds=20)
    browser.type("what is your name\n")
    browser.until("document.querySelectorAll('.entry[data-state=final]').length === 4", seconds=40)
    assert browser.js("window.hubbub.client.joined.session") == session

    entries = browser.js("document.querySelectorAll('.entry').length")
    browser.driver.refresh()
    browser.until("window.hubbub?.client?.state === 'open'", seconds=20)
    assert browser.js("window.hubbub.client.joined.session") == session
    assert browser.js("document.querySelectorAll('.entry').length") == entries
    second_person(browser)
    assert browser.faults() == []


def second_person(browser: Page) -> None:
    """Somebody follows the invitation in another tab; each reads and sees the other; in the end she is sent away."""
    browser.click("#invite-open")
    link = browser.js("document.querySelector('#invite-link').value")
    browser.click("#invite [data-close]")
    first = browser.driver.current_window_handle
    browser.driver.switch_to.new_window("tab")
    second = browser.driver.current_window_handle
    browser.open(f"{link}&name=Bea&lang=en").join()
    assert browser.js("[...document.querySelectorAll('#people b')].map(b => b.textContent)") == ["Ava", "Bea", "Ann"]
    browser.type("hello from Bea\n")
    browser.until("document.querySelector('.entry[data-own=true]')")
    browser.driver.switch_to.window(first)
    browser.until("[...document.querySelectorAll('#people b')].some(b => b.textContent === 'Bea')")
    browser.until("[...document.querySelectorAll('.entry')].some(e => e.innerText.includes('hello from Bea'))")
    browser.until("document.querySelector('.entry:last-child[data-kind=agent]')", seconds=30)
    browser.click("#people li:has(button[title='Bea']) button")
    browser.click("#person [data-act='person.remove']")
    browser.until("![...document.querySelectorAll('#people b')].some(b => b.textContent === 'Bea')")
    browser.driver.switch_to.window(second)
    browser.until("document.querySelector('.notice[data-key=ended]')")
    assert "Your seat was taken away" in browser.text(".notice")
    browser.driver.close()
    browser.driver.switch_to.window(first)


BLOCKED = """
webrtc: {block_udp: true}
engines: {model: {provider: embedded}}
rooms:
  default:
    agents: [{name: Ava}]
"""


@pytest.mark.parametrize("flags", [LOOPBACK, NO_UDP], ids=["firewall", "no address"])
def test_where_udp_is_blocked_the_websocket_takes_the_seat_over(silence: Path, tmp_path: Path, flags: tuple[str, ...]) -> None:
    rooms = tmp_path / "rooms.yaml"
    rooms.write_text(BLOCKED)
    with served_house(rooms) as served, chromium(microphone=silence, extra=flags) as driver:
        page = Page(driver).open(f"{served.url}/?name=Dan&lang=en").join()
        assert page.js("window.hubbub.client.wire") == "websocket"
        assert page.js("[...document.querySelectorAll('#people b')].filter(b => b.textContent.startsWith('Dan')).length") == 1
        story(page)
        page.click("#interrupt")
        page.until("document.querySelector('.entry[data-state=final] s')")
        assert page.faults() == []
