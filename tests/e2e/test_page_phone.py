"""The page on a phone (390 by 844, touch), against a scripted server: everything one does, and at each step what fits and can be read."""

from collections.abc import Iterator

import page_browser
import pytest
from fake_page_server import FakeServer
from hubbub.voice import event as ev
from hubbub.voice import protocol as wire
from page_browser import Page
from page_layout import LANDSCAPE, PHONE, caption_faults, layout_faults
from selenium.webdriver.common.keys import Keys

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-")]

ADDRESS = "/?name=Ann&lang=en&mic=raw&transport=websocket&room=council"
STORY = "Once upon a time there was a lighthouse keeper who talked to the fog every single evening of her long life"
PORTRAIT_ROOM_PX = 240
"""Least height for captions: five lines and who says them."""
NARROW_ROOM_PX = 64
"""The same where a keyboard is up or the phone lies on its side: two lines."""


@pytest.fixture
def page(browser: Page, fake: FakeServer) -> Iterator[Page]:
    """A person who has just come in by a link."""
    browser.faults()
    browser.phone(*PHONE)
    browser.touch(True)
    browser.open(f"{fake.base_url}{ADDRESS}")
    assert layout_faults(browser) == []
    browser.tap("#join-voice")
    browser.until("!document.querySelector('#room').hidden && window.hubbub.client.state === 'open'")
    yield browser
    assert browser.faults() == []
    browser.js("(localStorage.clear(), sessionStorage.clear())")
    browser.driver.get("about:blank")


def speaking(page: Page, fake: FakeServer) -> None:
    said = fake.say(STORY)
    page.until("window.hubbub.player.playhead.reply === arguments[0] && window.hubbub.player.playhead.offset > 0", said.reply)


def test_one_talks_is_cut_types_and_turns_the_phone(page: Page, fake: FakeServer) -> None:
    page.until("window.hubbub.view.dock.level > 0.1")
    assert len(fake.audio) > 0
    assert layout_faults(page) == []
    fake.turns = 1
    fake.send(ev.Transcript(speaker="Ann", text="tell me a story", final=True, turn=1))
    speaking(page, fake)
    page.until("window.hubbub.player.level() > 0.15")
    page.until("document.querySelector('.latency') && document.querySelectorAll('[data-word=heard]').length > 3")
    assert layout_faults(page) == []
    assert caption_faults(page, room_px=PORTRAIT_ROOM_PX) == []

    page.phone(*LANDSCAPE)
    page.until("innerWidth === arguments[0]", LANDSCAPE[0])
    page.until("document.querySelector('#newest').hidden")
    assert layout_faults(page) == []
    assert caption_faults(page, room_px=NARROW_ROOM_PX) == []
    page.phone(*PHONE)
    page.until("innerWidth === arguments[0]", PHONE[0])

    page.tap("#interrupt")
    page.until("document.querySelector('.entry[data-state=final] s')")
    page.until("window.hubbub.player.level() < 0.001")
    assert "cut off by you" in page.text(".entry:last-child .foot")
    assert len(fake.of(wire.Interrupt)) == 1

    page.tap("#text")
    assert page.js("document.activeElement.id") == "text"
    page.phone(PHONE[0], 470)  # the keyboard comes up and takes the rest: the page says `interactive-widget=resizes-content`
    page.until("innerHeight === 470")
    page.type("what time is it" + Keys.ENTER)
    page.until("document.querySelector('.entry:last-child[data-own=true]')")
    box = page.js("(({top, bottom}) => [top, bottom])(document.querySelector('#text').getBoundingClientRect())")
    assert box[0] >= 0 and box[1] <= 470, "what one types is seen"
    assert layout_faults(page) == []
    assert caption_faults(page, room_px=NARROW_ROOM_PX) == []


def test_mute_push_to_talk_and_devices_by_touch(page: Page, fake: FakeServer) -> None:
    page.until("window.hubbub.view.dock.level > 0.1")
    page.tap("#mute")
    page.until("document.querySelector('#mute').dataset.state === 'muted'")
    assert layout_faults(page) == []
    page.tap("#mute")
    page.until("document.querySelector('#mute').dataset.state === 'open'")

    page.tap("#devices-open")
    page.until("document.querySelector('#devices').open && document.querySelectorAll('#device-microphone option').length > 2")
    assert layout_faults(page) == []
    other = page.js("[...document.querySelectorAll('#device-microphone option')].at(-1).value")
    page.driver.find_element("css selector", f'#device-microphone option[value="{other}"]').click()
    page.until("window.hubbub.voice.microphone.device === arguments[0]", other)
    page.tap("#device-try")
    page.until("window.hubbub.player.level() > 0.05")
    page.tap("#ptt")
    page.tap("#devices [data-close]")
    page.until("document.querySelector('#mute').dataset.state === 'ready'")
    assert layout_faults(page) == []
    fake.messages.clear()
    page.finger("#mute", down=True)
    page.until("document.querySelector('#mute').dataset.state === 'open' && window.hubbub.view.dock.level > 0.1")
    page.wait(200)
    page.finger("#mute", down=False)
    page.until("document.querySelector('#mute').dataset.state === 'ready'")
    said = [type(message).__name__ for message in fake.messages if isinstance(message, wire.Mute | wire.Commit)]
    assert said == ["Mute", "Commit", "Mute"], "a touch that is held opens the microphone, and no click follows it"


def test_who_is_here_is_looked_after_and_others_are_invited(page: Page, fake: FakeServer) -> None:
    fake.send(ev.Floor(speaker="Ada", mouth="speaking", queue=("Grace",)))
    page.until("!document.querySelector('#queue').hidden")
    assert layout_faults(page) == []
    page.tap("#people li:has(button[title=Ben]) button")
    page.until("document.querySelector('#person').open")
    assert layout_faults(page) == []
    page.tap("#person [data-act='person.listener']")
    page.until("!document.querySelector('#person').open")
    assert fake.requests[-1] == ("PATCH", "council/callers/Ben", {"role": "listener"})

    page.tap("#invite-open")
    page.until("document.querySelector('#invite').open")
    assert layout_faults(page) == []
    seen = page.js("(({left, right}) => [left, right])(document.querySelector('#invite-qr').getBoundingClientRect())")
    assert seen[0] >= 0 and seen[1] <= PHONE[0], "the whole picture can be photographed"
    page.tap("#invite [data-close]")

    page.tap("#details-toggle")
    page.until("!document.querySelector('#details').hidden")
    for tab in ("turns", "memory", "about"):
        page.tap(f"#tab-{tab}")
        assert layout_faults(page) == [], tab
    page.tap("#details-close")
    page.until("document.querySelector('#details').hidden")


def test_a_lost_line_is_said_and_a_microphone_refused(page: Page, fake: FakeServer) -> None:
    fake.down = True
    fake.drop()
    page.until("document.querySelector('.notice[data-key=lost]')")
    assert layout_faults(page) == []
    fake.down = False
    page.tap(".notice[data-key=lost] button")
    page.until("window.hubbub.client.state === 'open' && !document.querySelector('.notice')")
    page.tap("#leave")
    page.until("!document.querySelector('#lobby').hidden")
    page.js("navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('Permission denied', 'NotAllowedError'); }")
    page.tap("#join-voice")
    page.until("document.querySelector('.notice[data-key=join]')")
    assert "not allowed" in page.text(".notice")
    assert layout_faults(page) == []
    page.tap(".notice .row button:last-child")  # without a microphone, then
    page.until("!document.querySelector('#room').hidden && window.hubbub.client.state === 'open'")
    assert layout_faults(page) == []
