"""The operator's page with a real server that records and is locked: its figures, a recording's timeline and sound, and a replay."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import page_browser
import pytest
from fake_microphone import write_tone
from hubbub.voice.token import TokenRequest, mint
from page_browser import AXE, LOOPBACK, Page, chromium
from page_layout import PHONE, layout_faults
from served_house import served_house

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-"),
]

ROOMS = """
server:
  access: {open: false}
rooms:
  default:
    agents: [{name: Ava}]
"""
KEY = secrets.token_urlsafe(32)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("pocketsphinx")
    folder = tmp_path_factory.mktemp("recorded")
    rooms = folder / "rooms.yaml"
    rooms.write_text(ROOMS)
    with served_house(rooms, "--record", folder / "recordings", HUBBUB_SERVER_KEY=KEY) as served:
        yield served.url


def talk(page: Page, address: str) -> None:
    """A caller asks for a story and cuts it."""
    token = mint(TokenRequest(), KEY)[0]
    page.open(f"{address}/?name=Ann<b>&lang=en&mic=raw&transport=webrtc#token={token}").join("typing")
    page.type("tell me a story\n")
    page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length > 3", seconds=30)
    page.click("#interrupt")
    page.until("document.querySelector('.entry[data-state=final] s')")


def test_an_operator_sees_the_figures_and_replays_a_recording(house: str, tmp_path: Path) -> None:
    with chromium(microphone=write_tone(tmp_path / "tone.wav", 5), extra=LOOPBACK) as driver:
        page = Page(driver)
        talk(page, house)
        caller = driver.current_window_handle
        driver.switch_to.new_window("tab")
        operator = driver.current_window_handle
        driver.get(f"{house}/operator?lang=en")
        page.until("!document.querySelector('#key-form').hidden")
        assert page.js("document.querySelector('#board').hidden")
        driver.find_element("css selector", "#key").send_keys("nonsense\n")
        page.until("window.hubbub.api.token === 'nonsense'")
        page.until("document.querySelector('#server').dataset.state === 'closed'")
        driver.find_element("css selector", "#key").clear()
        driver.find_element("css selector", "#key").send_keys(KEY + "\n")
        page.until("!document.querySelector('#board').hidden && document.querySelector('#key-form').hidden")
        assert all("401" in fault for fault in page.faults()), "nothing but the refusals before there was a key"
        assert "Ann<b>" in page.text("#sessions")
        assert "webrtc" in page.text("#sessions")
        assert page.js("document.querySelectorAll('#sessions b b').length") == 0
        assert page.text("#tiles li:first-child b") == "1"
        page.until("document.querySelectorAll('#turns li').length === 1")
        total = page.text("#turns li b")
        assert total in page.text("#latency tr.total"), "the only turn is the median"
        assert "Ava" in page.text("#rooms")
        if AXE.exists():
            assert page.axe() == []
        driver.switch_to.window(caller)
        page.click("#leave")
        driver.switch_to.window(operator)
        page.until("[...document.querySelectorAll('#recordings td')].some(e => e.textContent === 'complete')", seconds=20)
        replayed(page)
        on_a_phone(page)
        assert page.faults() == []


def replayed(page: Page) -> None:
    """Looks at the only recording, listens to it and replays it."""
    page.js("document.querySelector('#recordings a').click()")
    page.until("document.querySelectorAll('#happened li').length > 2", seconds=30)
    happened = page.text("#happened")
    for expected in ("Commit", "Interrupt", "tell me a story"):
        assert expected in happened
    assert page.js("document.querySelector('#happened s')") is not None
    drawn = page.js(
        "(() => { const c = document.querySelector('#waves'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; })()"
    )
    assert drawn > 1000
    addresses = page.js("window.hubbub.recording.sound.map(one => one.src)")
    assert [address.partition("?")[0].rpartition("/")[2] for address in addresses] == ["heard.flac", "ear.flac"]
    assert not any(KEY in address or "token" in address for address in addresses), "no key stands in an address"
    assert "s heard of" in happened, "what was heard of the reply that was cut"
    assert page.js("window.hubbub.recording.timeline.replies.map(one => one.known)") == ["reported"], "the browser knows what it plays"
    page.click("#play")
    page.until("window.hubbub.recording.sound.every(one => one.currentTime > 0.3 && !one.error)", seconds=20)
    page.until("parseFloat(document.querySelector('#needle').style.getPropertyValue('--at')) > 5")
    page.click("#play")
    page.js("(window.hubbub.recording.ticketEnds = 0, window.hubbub.recording.seek(1000))")
    page.click("#play")
    page.until("window.hubbub.recording.playing && window.hubbub.recording.ticketEnds > Date.now() + 60000")
    page.until("window.hubbub.recording.sound.every(one => one.currentTime > 1.05 && !one.error)", seconds=20)
    page.click("#play")
    page.click("#happened li:last-child button")
    assert page.js("window.hubbub.recording.sound[0].currentTime") > 0.5, "a row leads to its moment"
    span = page.js("window.hubbub.recording.timeline.to_ms - window.hubbub.recording.timeline.from_ms")
    page.click("#zoom-in")
    page.until("window.hubbub.recording.timeline.to_ms - window.hubbub.recording.timeline.from_ms < 0.6 * arguments[0]", span, seconds=60)
    page.click("#replay")
    page.until("document.querySelector('.verdict')", seconds=60)
    assert page.js("document.querySelector('.verdict').dataset.same") == "true"
    if AXE.exists():
        assert page.axe() == []


def on_a_phone(page: Page) -> None:
    """The recording that is open, and all figures: dark, in Chinese, at a phone's size."""
    page.phone(*PHONE)
    page.touch(True)
    page.dark(True)
    page.tap("#language")
    page.until("document.documentElement.lang === 'zh-CN' && document.documentElement.dataset.theme === 'dark'")
    page.until("document.querySelector('#waves').width > 0 && document.querySelector('#waves').clientWidth < arguments[0]", PHONE[0])
    fits(page)
    page.tap("#recording .back")
    page.until("!document.querySelector('#board').hidden && document.querySelector('#recordings tbody')")
    fits(page)
    assert page.js("getComputedStyle(document.querySelector('#recordings tr')).display") == "grid", "a card instead of a row"


def fits(page: Page) -> None:
    assert layout_faults(page) == []
    wider = "[...document.querySelectorAll('.block, .table')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.id || e.className)"
    assert page.js(wider) == [], "nothing has to be scrolled sideways"
    if AXE.exists():
        assert page.axe() == []
