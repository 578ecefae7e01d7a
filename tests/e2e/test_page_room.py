"""What one does in the page's room, against a scripted server: who speaks next, push to talk, devices, a reload, a moderator's hand."""

import itertools
import json
from collections.abc import Iterator

import page_browser
import pytest
from fake_page_server import FakeServer
from hubbub.voice import event as ev
from hubbub.voice import protocol as wire
from page_browser import AXE, Page
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-")]

HELLO = "Hello Ann, how are you today?"
ADDRESS = "/?name=Ann&lang=en&mic=raw&transport=websocket"


@pytest.fixture
def page(browser: Page, fake: FakeServer) -> Iterator[Page]:
    browser.faults()
    browser.open(f"{fake.base_url}{ADDRESS}&room=council").join()
    yield browser
    assert browser.faults() == []
    browser.js("(localStorage.clear(), sessionStorage.clear())")
    browser.driver.get("about:blank")


def seat(name: str) -> str:
    return f'#people li:has(button[title="{name}"])'


def key(page: Page, code: str, *, down: bool) -> None:
    kind = "keydown" if down else "keyup"
    page.js(f"document.body.dispatchEvent(new KeyboardEvent('{kind}', {{code: '{code}', key: ' ', bubbles: true}}))")


# ── who is here ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_speaks_and_who_speaks_next_is_seen(page: Page, fake: FakeServer) -> None:
    fake.say(HELLO * 3)
    fake.send(ev.Floor(speaker="Ada", mouth="speaking", queue=("明", "Grace")))
    page.until("!document.querySelector('#queue').hidden")
    assert page.text("#queue") == "Next to speak: 明 and Grace"
    assert page.text(f"{seat('明')} .badge") == "1"
    assert page.text(f"{seat('Grace')} .badge") == "2"
    assert "speaks as number 2 from now" in page.js(f"document.querySelector({json.dumps(seat('Grace') + ' button')}).textContent")
    page.until(f"document.querySelector({json.dumps(seat('Ada') + ' .disc')}).style.getPropertyValue('--level') > 0.3")
    fake.send(ev.SpeechStarted(speaker="Ben"))
    page.until(f"document.querySelector({json.dumps(seat('Ben'))}).dataset.doing === 'speaking'")
    assert page.text("#status") == "Ben is speaking"


def test_roles_and_mutes_of_others_are_seen(page: Page, fake: FakeServer) -> None:
    fake.send(ev.ParticipantChanged(participant=ev.Participant(name="Ben", kind="caller", role="listener", muted=True)))
    page.until(f"document.querySelector({json.dumps(seat('Ben'))}).dataset.muted === 'true'")
    assert page.text(f"{seat('Ben')} .sub") == "listener"
    fake.send(ev.ParticipantChanged(participant=ev.Participant(name="Ann", kind="caller", role="listener")))
    page.until("document.querySelector('#status').innerText === 'You listen here'")


def test_giant_names_and_marks_in_them_break_nothing(page: Page, fake: FakeServer) -> None:
    giant = "<i>" + "Wolfeschlegelsteinhausenbergerdorff" * 4
    fake.send(ev.ParticipantJoined(participant=ev.Participant(name=giant, kind="caller")))
    fake.send(ev.ParticipantJoined(participant=ev.Participant(name=giant, kind="agent")))
    fake.send(ev.SpeechStarted(speaker=giant))
    fake.send(ev.Transcript(speaker=giant, text="x" * 500, final=True, turn=9))
    fake.send(ev.Floor(speaker=giant, mouth="speaking", queue=(giant, "Ada")))
    page.until("document.querySelector('.entry .who')")
    try:
        for width in (1280, 375, 320):
            page.phone(width, 700)
            assert page.js("document.documentElement.scrollWidth") <= width
            assert page.js("document.querySelectorAll('main i i, .who i, .seat b i').length") == 0
            out = (
                "[...document.querySelectorAll('.dock button, .top button, .seat, .status')].filter(b => b.offsetParent)"
                ".map(b => b.getBoundingClientRect()).filter(r => r.width > innerWidth || r.bottom > innerHeight + 1)"
            )
            assert page.js(out) == []
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert giant in page.text(".entry .who")


# ── talking ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_push_to_talk_with_the_space_bar_and_with_the_button(page: Page, fake: FakeServer) -> None:
    page.click("#devices-open")
    page.until("document.querySelector('#devices').open")
    page.click("#ptt")
    page.click("#devices [data-close]")
    page.until("document.querySelector('#mute').dataset.state === 'ready'")
    assert page.text("#mute") == "Hold to talk"
    page.wait(100)
    still = len(fake.audio)
    key(page, "Space", down=True)
    page.until("document.querySelector('#mute').dataset.state === 'open' && window.hubbub.view.dock.level > 0.1")
    page.wait(200)
    assert len(fake.audio) > still
    key(page, "Space", down=False)
    page.until("document.querySelector('#mute').dataset.state === 'ready'")
    mouse = ActionChains(page.driver).click_and_hold(page.driver.find_element("css selector", "#mute"))
    mouse.perform()
    page.until("document.querySelector('#mute').dataset.state === 'open'")
    ActionChains(page.driver).release().perform()
    page.until("document.querySelector('#mute').dataset.state === 'ready'")
    said = [type(message).__name__ for message in fake.messages if isinstance(message, wire.Mute | wire.Commit)]
    assert said == ["Mute"] + ["Mute", "Commit", "Mute"] * 2
    assert [message.muted for message in fake.of(wire.Mute)] == [True, False, True, False, True]


def test_keys_mute_type_and_show_and_are_letters_while_typing(page: Page, fake: FakeServer) -> None:
    body = page.driver.find_element("css selector", "body")
    body.send_keys("m")
    page.until("document.querySelector('#mute').dataset.state === 'muted'")
    body.send_keys("m")
    before = page.js("document.querySelector('#details').hidden")
    body.send_keys("d")
    assert page.js("document.querySelector('#details').hidden") != before
    body.send_keys("/")
    assert page.js("document.activeElement.id") == "text"
    page.type("mid")
    assert page.js("document.querySelector('#text').value") == "mid"
    assert page.js("document.querySelector('#details').hidden") != before
    page.driver.find_element("css selector", "#mute").send_keys("i")
    page.until("document.querySelector('#invite').open")
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    page.until("!document.querySelector('#invite').open")
    assert fake.of(wire.Interrupt) == []


# ── coming back, and having others in ─────────────────────────────────────────────────────────────────────────────────────


def test_a_reload_comes_back_to_the_seat_and_the_script(page: Page, fake: FakeServer) -> None:
    fake.send(ev.Transcript(speaker="Ann", text="Hello there.", final=True, turn=1))
    fake.say(HELLO, word_ms=40)
    page.until("document.querySelector('.entry[data-kind=agent][data-state=final]')")
    page.driver.refresh()
    page.until("window.hubbub?.client?.state === 'open'")
    assert fake.joins[-1].resume == "token-1"
    assert page.js("[...document.querySelectorAll('.entry .text')].map(e => e.textContent)") == ["Hello there.", HELLO]
    assert page.js("document.querySelector('#announcer').textContent") == "", "nothing is read out again"
    page.click("#leave")
    page.until("!document.querySelector('#lobby').hidden")
    page.driver.refresh()
    page.until("!document.querySelector('#join-voice').disabled")
    page.wait(200)
    assert page.js("document.body.dataset.view") == "lobby", "who left stays out"
    assert len(fake.joins) == 2


def test_an_invitation_is_a_link_and_a_picture(page: Page, fake: FakeServer) -> None:
    page.click("#invite-open")
    page.until("document.querySelector('#invite').open")
    assert page.js("document.querySelector('#invite-link').value") == f"{fake.base_url}/?room=council"
    assert page.js("document.querySelector('#invite-qr path').getAttribute('d').length") > 1000
    page.driver.find_element("css selector", "#invite-agent-name").send_keys("Kurt" + Keys.ENTER)
    page.until("document.querySelector('#invite-said').textContent.includes('Kurt')")
    assert fake.requests[-1] == ("POST", "council/agents", {"name": "Kurt"})


def test_a_moderator_mutes_and_removes(page: Page, fake: FakeServer) -> None:
    for name, act, expected in (
        ("Grace", "person.mute", ("PATCH", "council/agents/Grace", {"muted": True})),
        ("Ben", "person.listener", ("PATCH", "council/callers/Ben", {"role": "listener"})),
        ("Ben", "person.remove", ("DELETE", "council/callers/Ben", None)),
    ):
        page.click(f"{seat(name)} button")
        page.until("document.querySelector('#person').open")
        page.click(f"#person [data-act='{act}']")
        page.until("!document.querySelector('#person').open")
        assert fake.requests[-1] == expected
    page.click(f"{seat('Ann')} button")
    assert page.js("document.querySelectorAll('#person-actions button').length") == 0, "nobody removes himself here"
    page.click("#person [data-close]")


def test_an_agents_memory_shows_what_was_not_heard(page: Page, fake: FakeServer) -> None:
    fake.memory = [
        {"name": "Ann", "role": "user", "text": "tell me <b>a story</b>", "unheard": "", "interrupted_by": None},
        {"name": "明", "role": "assistant", "text": "Once upon a time", "unheard": " there was a fog", "interrupted_by": "Ann"},
    ]
    page.click(f"{seat('明')} button")
    page.click("#person [data-act='person.memory']")
    page.until("document.querySelectorAll('.memories li').length === 2")
    assert fake.requests[-1][1] == "council/agents/明/memory"
    assert page.text(".memories li:last-child s") == "there was a fog"
    assert page.js("document.querySelectorAll('.memories b').length") == 0
    fake.memory.append({"name": "Ann", "role": "user", "text": "go on", "unheard": "", "interrupted_by": None})
    fake.send(ev.Transcript(speaker="Ann", text="go on", final=True, turn=2))
    page.until("document.querySelectorAll('.memories li').length === 3")


def test_a_turns_steps_fill_its_silence(page: Page, fake: FakeServer) -> None:
    fake.say(HELLO, word_ms=60)
    page.until("document.querySelector('.waterfall')")
    assert page.text(".silence b") == "592 ms"
    lanes = page.js(
        "[...document.querySelectorAll('.waterfall .lane i')].map(i => { const r = i.getBoundingClientRect(), l ="
        " i.parentElement.getBoundingClientRect(); return [(r.left - l.left) / l.width, r.width / l.width]; })"
    )
    assert len(lanes) == 7
    assert lanes[0][0] == pytest.approx(0, abs=0.01)
    for (left, width), (following, _) in itertools.pairwise(lanes):
        assert following == pytest.approx(left + width, abs=0.03), "one part begins where the last ended"
    assert lanes[-1][0] + lanes[-1][1] == pytest.approx(1, abs=0.02)


# ── for everybody ─────────────────────────────────────────────────────────────────────────────────────────────────────────


LOOKS = [(1280, "en", False), (1280, "zh", True), (390, "en", True), (390, "zh", False)]
"""Width, language and whether it is dark: each with each other at least once."""


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core (npm ci in web/)")
@pytest.mark.parametrize(("width", "lang", "dark"), LOOKS)
def test_axe_finds_nothing_serious(browser: Page, fake: FakeServer, width: int, lang: str, dark: bool) -> None:
    browser.dark(dark)
    browser.phone(width, 844)
    address = f"{fake.base_url}{ADDRESS}&room=council".replace("lang=en", f"lang={lang}")
    try:
        browser.open(address)
        at_the_door(browser, fake)
        in_the_room(browser, fake)
        in_the_windows(browser)
    finally:
        browser.dark(False)
        browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.js("(localStorage.clear(), sessionStorage.clear())")


def at_the_door(page: Page, fake: FakeServer) -> None:
    """Open, and refusing."""
    assert page.axe() == []
    fake.refuse = "the room is full"
    page.click("#join-voice")
    page.until("document.querySelector('.notice[data-key=join]')")
    settled(page)
    assert page.axe("#notices") == []
    fake.refuse = None
    page.click(".notice .row button")
    page.until("!document.querySelector('#room').hidden && window.hubbub.client.state === 'open'")


def in_the_room(page: Page, fake: FakeServer) -> None:
    """Nothing said yet; all that can be said, with a queue, listeners and a fault; held; muted; the line lost."""
    settled(page)
    assert page.axe() == []
    fake.say(HELLO * 4, word_ms=60)
    page.until("document.querySelectorAll('[data-word=heard]').length > 2")
    fake.cut()
    fake.turns = 1
    fake.send(ev.Backchannel(speaker="Ann", text="mm-hm"))
    fake.send(ev.ToolUse(agent="Ada", name="clock", state="error"))
    fake.send(ev.Transcript(speaker="Ann", text="tell me", final=False, turn=1))
    fake.say(HELLO * 8)
    fake.send(ev.Floor(speaker="Ada", mouth="speaking", queue=("Grace",)))
    fake.send(ev.ParticipantChanged(participant=ev.Participant(name="Ben", kind="caller", role="listener", muted=True)))
    fake.send(ev.Error(code="slow_model", message="the model takes its time"))
    page.until("document.querySelectorAll('.latency').length === 2 && document.querySelector('.entry:last-child [data-word=heard]')")
    fake.hold()
    page.until("document.querySelector('#status').dataset.state === 'held'")
    settled(page)
    assert page.axe() == []
    fake.resume()
    fake.cut()
    page.click("#mute")
    page.until("document.querySelector('#status').dataset.state === 'muted'")
    page.click("#sound")
    settled(page)
    assert page.axe(".dock") == []
    fake.down = True
    fake.drop()
    page.until("document.querySelector('.notice[data-key=lost]')")
    settled(page)
    assert page.axe("#notices") == []
    assert page.axe(".top") == []
    fake.down = False
    page.js("document.querySelector('.notice[data-key=lost] button')?.click()")
    page.until("window.hubbub.client.state === 'open' && !document.querySelector('.notice[data-key=lost]')")


def in_the_windows(page: Page) -> None:
    """Those of the room, and the panel with its tabs."""
    for opener, box in (("#invite-open", "#invite"), ("#devices-open", "#devices"), (f"{seat('Ada')} button", "#person")):
        page.click(opener)
        page.until(f"document.querySelector('{box}').open")
        if box == "#devices":
            page.click("#ptt")
        settled(page)
        assert page.axe(box) == []
        page.click(f"{box} [data-close]")
    assert page.axe(".dock") == [], "with push to talk"
    if page.js("document.querySelector('#details').hidden"):
        page.click("#details-toggle")
    for tab in ("turns", "memory", "about"):
        page.click(f"#tab-{tab}")
        settled(page)
        assert page.axe("#details") == [], tab


def settled(page: Page) -> None:
    """Waits until what moves in has come in: what is half transparent has no contrast."""
    page.until("document.getAnimations().every((one) => one.effect.getTiming().iterations === Infinity || one.playState !== 'running')")


def test_each_caption_is_read_out_once_and_politely(page: Page, fake: FakeServer) -> None:
    page.js(
        "(window.read = [], new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) =>"
        " window.read.push(node.textContent)))).observe(document.querySelector('#announcer'), {childList: true}), true)"
    )
    for text in ("who", "who is"):
        fake.send(ev.Transcript(speaker="Ben", text=text, final=False, turn=1))
    for _ in range(2):  # told again, as after a lost line
        fake.send(ev.Transcript(speaker="Ben", text="Who is it?", final=True, turn=1))
    fake.say(HELLO, word_ms=40)
    page.until("document.querySelector('.entry[data-kind=agent][data-state=final]')")
    fake.send(ev.Reply(reply=fake.replies, agent="Ada", text=HELLO, final=True, reason="completed"))
    fake.send(ev.Transcript(speaker="Ann", text="Me.", final=True, turn=2))
    page.until("window.read.length >= 3")
    page.wait(100)
    assert page.js("window.read") == ["Ben: Who is it?", f"Ada: {HELLO}", "Ann: Me."]
    places = "[document.querySelector('#announcer'), document.querySelector('#scroll'), document.querySelector('#alerts')]"
    assert page.js(f"{places}.map((one) => one.ariaLive ?? one.role)") == ["polite", "off", "alert"]


def test_captions_are_read_from_the_accessibility_tree(page: Page, fake: FakeServer) -> None:
    fake.send(ev.Transcript(speaker="Ben", text="Who is it?", final=True, turn=1))
    fake.say(HELLO, word_ms=40)
    page.until("document.querySelector('.entry[data-kind=agent][data-state=final]')")
    page.until("document.querySelector('#announcer').children.length >= 2")
    nodes = {node["nodeId"]: node for node in page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]}

    def words(node: dict) -> str:
        if node.get("role", {}).get("value") == "StaticText":
            return str(node["name"]["value"])
        return " ".join(filter(None, (words(nodes[child]) for child in node.get("childIds", []) if child in nodes)))

    logs = [words(node) for node in nodes.values() if node.get("role", {}).get("value") == "log"]
    assert any("Ben: Who is it?" in log and f"Ada: {HELLO}" in log for log in logs), "told as it comes"
    assert any(f"Ada {HELLO}" in log for log in logs), "and there to be read"


def test_who_wants_less_motion_gets_none(browser: Page, fake: FakeServer) -> None:
    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        browser.open(f"{fake.base_url}{ADDRESS}").join("typing")
        fake.say(HELLO)
        browser.until("document.querySelector('[data-word=now]')")
        assert browser.js("document.getAnimations().length") == 0
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
