"""The page in headless Chromium with a fake microphone, against a scripted server."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fake_microphone
import numpy as np
import page_browser
import pytest
from fake_page_server import RATE_HZ, TONE_HZ, FakeServer, running
from hubbub.voice import event as ev
from hubbub.voice import protocol as wire
from page_browser import Page, chromium
from selenium.webdriver.common.keys import Keys

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-")]

HELLO = "Hello Ann, how are you today?"
STORY = "Once upon a time there was a lighthouse keeper who talked to the fog every single evening of her long life"


@pytest.fixture
def page(browser: Page, fake: FakeServer) -> Iterator[Page]:
    """The page, opened and joined as Ann; at the end it must have met no script error and broken no security policy."""
    browser.faults()
    browser.open(f"{fake.base_url}/?name=Ann&lang=en&mic=raw&transport=websocket").join()
    yield browser
    assert browser.faults() == []
    browser.driver.get("about:blank")


def own_words(page: Page) -> list[str]:
    return list(page.js("[...document.querySelectorAll('.entry[data-own=true] .text')].map(e => e.textContent)"))


def words(page: Page, state: str) -> str:
    script = "[...document.querySelectorAll('.entry:last-child [data-word=' + arguments[0] + ']')].map(e => e.textContent).join(' ')"
    return str(page.js(script, state))


def speaking(page: Page, fake: FakeServer, text: str = STORY) -> int:
    """A reply that is being heard; answers its number."""
    said = fake.say(text)
    page.until("window.hubbub.player.playhead.reply === arguments[0] && window.hubbub.player.playhead.offset > 0", said.reply)
    return said.reply


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


# ── sound ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_microphone_arrives_as_pcm16_at_16_khz(page: Page, fake: FakeServer) -> None:
    page.until("window.hubbub.view.dock.level > 0.1")
    start = len(fake.audio)
    page.wait(1500)
    assert set(fake.audio_sizes) == {640}  # 20 ms
    heard = np.frombuffer(bytes(fake.audio[start:]), dtype="<i2").astype(np.float64)[:16000]
    assert len(heard) == 16000
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert abs(int(np.argmax(spectrum)) - fake_microphone.TONE_HZ) <= 2
    level = np.sqrt(np.mean(heard**2)) / 32768
    assert level == pytest.approx(fake_microphone.TONE_LEVEL / np.sqrt(2), rel=0.1)
    beside = spectrum.copy()
    beside[980:1020] = 0
    assert spectrum.max() > 100 * beside.max(), "the tone comes without hiss and without aliases"
    assert int(page.js("document.querySelector('#meter').getAttribute('aria-valuenow')")) > 50


def test_agents_voice_sounds_in_the_page(page: Page, fake: FakeServer) -> None:
    assert page.js("window.hubbub.player.level()") < 0.001
    speaking(page, fake)
    assert page.until("window.hubbub.player.level() > 0.15")
    peak = page.js(
        "(() => { const a = window.hubbub.player.analyser, d = new Float32Array(a.frequencyBinCount);"
        " a.getFloatFrequencyData(d); return d.indexOf(Math.max(...d)) * a.context.sampleRate / a.fftSize; })()"
    )
    assert abs(peak - TONE_HZ) < 2 * RATE_HZ / 1024


def test_playhead_is_reported_exactly(page: Page, fake: FakeServer) -> None:
    said = fake.say(HELLO)
    page.until("document.querySelector('.entry[data-kind=agent][data-state=final]')")
    reports = [message.offset for message in fake.of(wire.Playhead) if message.reply == said.reply]
    assert reports == sorted(reports)
    assert 0 < reports[0] < RATE_HZ // 5, "the first movement is told at once"
    assert reports[-1] == said.samples, "the last report is the whole of it"
    assert len(reports) >= said.samples // (RATE_HZ // 5)
    assert page.js("window.hubbub.player.playhead.offset") == said.samples


def test_hold_is_silent_at_once_and_resume_goes_on_where_it_was(page: Page, fake: FakeServer) -> None:
    reply = speaking(page, fake)
    page.until("window.hubbub.player.level() > 0.15")
    fake.hold()
    page.until("document.querySelector('#status').dataset.state === 'held'")
    page.until("window.hubbub.player.level() < 0.001")
    held = page.js("window.hubbub.player.playhead.offset")
    page.wait(400)
    drained = page.js("window.hubbub.player.playhead.offset")
    assert held <= drained <= held + RATE_HZ // 10, "it stays where it was, but for what was on its way to the ear"
    fake.resume()
    page.until("window.hubbub.player.level() > 0.15")
    page.until("window.hubbub.player.playhead.offset > arguments[0] + 4800", drained)
    offsets = [message.offset for message in fake.of(wire.Playhead) if message.reply == reply]
    assert offsets == sorted(offsets)


def test_clear_drops_what_is_buffered_and_what_comes_late(page: Page, fake: FakeServer) -> None:
    reply = speaking(page, fake)
    page.until("window.hubbub.player.level() > 0.15")
    fake.cut()
    page.until("window.hubbub.player.level() < 0.001")
    before = len(fake.of(wire.Playhead))
    fake.late_frame(reply)
    page.wait(300)
    assert page.js("window.hubbub.player.level()") < 0.001
    assert len(fake.of(wire.Playhead)) <= before + 1
    assert speaking(page, fake) == reply + 1, "the next reply is heard"
    page.until("window.hubbub.player.level() > 0.15")


# ── captions ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_captions_form_and_become_final(page: Page, fake: FakeServer) -> None:
    fake.send(ev.SpeechStarted(speaker="Ann"))
    page.until("document.querySelector('#status').dataset.state === 'caller'")
    fake.send(ev.Transcript(speaker="Ann", text="hello", final=False, turn=1))
    page.until("document.querySelector('.entry[data-state=partial]')")
    fake.send(ev.Transcript(speaker="Ann", text="hello there", final=False, turn=1))
    fake.send(ev.SpeechStopped(speaker="Ann"))
    fake.send(ev.Transcript(speaker="Ann", text="Hello there.", final=True, turn=1))
    page.until("document.querySelector('.entry[data-state=final]')")
    assert own_words(page) == ["Hello there."]
    assert page.js("document.querySelector('#status').dataset.state") == "listening"
    fake.send(ev.Transcript(speaker="Ben", text="And me!", final=True, turn=1))
    page.until("document.querySelectorAll('.entry').length === 2")
    assert page.js("document.querySelector('.entry:last-child').dataset.own") == "false"
    assert page.js("document.querySelector('#announcer').textContent").endswith("Ben: And me!")


def test_words_light_up_as_they_are_heard(page: Page, fake: FakeServer) -> None:
    fake.say(HELLO)
    page.until("document.querySelector('[data-word=now]')")
    assert words(page, "coming")
    page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length >= 2")
    seen = page.js(
        "(() => { const s = [...document.querySelectorAll('.entry:last-child [data-word]')];"
        " return {order: s.filter(e => e.textContent.trim()).map(e => e.dataset.word), at: window.hubbub.player.playhead.offset}; })()"
    )
    order = seen["order"]
    begun = sum(1 for word in fake.speaking.words if word.at <= seen["at"]) if fake.speaking else 0
    assert order.count("now") == 1
    assert order == ["heard"] * (begun - 1) + ["now"] + ["coming"] * (len(order) - begun)
    page.until("document.querySelector('.entry[data-kind=agent][data-state=final]')")
    assert words(page, "heard") == HELLO


def test_what_was_not_heard_is_struck_through(page: Page, fake: FakeServer) -> None:
    speaking(page, fake)
    page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length >= 2")
    fake.cut(by="Ann")
    page.until("document.querySelector('.entry[data-state=final] s')")
    heard, unheard = words(page, "heard"), words(page, "unheard")
    assert heard
    assert heard.strip() + " " + unheard.strip() == STORY
    assert "line-through" in page.js("getComputedStyle(document.querySelector('.entry s')).textDecorationLine")
    assert "cut off by you" in page.text(".entry:last-child .foot")


def test_backchannel_latency_and_people_are_shown(page: Page, fake: FakeServer) -> None:
    fake.say(STORY * 3)  # long enough for a busy machine
    page.until("document.querySelector('.entry .latency')")
    assert "answered in 592 ms" in page.text(".entry .latency")
    page.click(".entry .latency summary")
    parts = page.text(".entry .latency .legend")
    assert "384 ms" in parts
    assert "61 ms" in parts
    assert "median 592 ms" in page.text("#latency")
    fake.send(ev.Backchannel(speaker="Ann", text="mm-hm"))
    page.until("document.querySelector('.aside.backchannel')")
    assert page.text(".aside.backchannel") == "you: mm-hm"
    assert page.js("document.querySelector('#people li[data-kind=agent]').dataset.doing") == "speaking"
    fake.send(ev.ParticipantJoined(participant=ev.Participant(name="Ben", kind="caller")))
    page.until("document.querySelectorAll('#people li').length === 3")
    fake.send(ev.ParticipantLeft(participant=ev.Participant(name="Ben", kind="caller")))
    page.until("document.querySelectorAll('#people li').length === 2")


def test_engines_are_named_with_their_limits(page: Page) -> None:
    shown = page.text("#engines")
    for expected in ("silero", "pocketsphinx", "English and simple", "embedded", "Rule-based", "espeak-ng"):
        assert expected in shown


def test_markup_of_others_is_text(page: Page, fake: FakeServer) -> None:
    nasty = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"
    fake.send(ev.Transcript(speaker=nasty, text=nasty, final=True, turn=1))
    fake.send(ev.ParticipantJoined(participant=ev.Participant(name=nasty, kind="caller")))
    fake.send(ev.Error(code="x", message=nasty))
    fake.say(nasty)
    page.until("document.querySelectorAll('.entry').length === 2 && document.querySelector('.notice')")
    assert page.js("document.querySelectorAll('main img, .notices img, main .text b').length") == 0
    assert page.text(".entry .text") == nasty
    assert page.js("document.title") == "The living room · Hubbub"


# ── doing ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_mute_stops_the_sound_and_tells_the_server(page: Page, fake: FakeServer) -> None:
    page.until("window.hubbub.view.dock.level > 0.1")
    page.click("#mute")
    page.until("document.querySelector('#mute').getAttribute('aria-pressed') === 'true'")
    page.wait(200)
    still = len(fake.audio)
    page.wait(300)
    assert len(fake.audio) == still
    assert page.text("#mute") == "Unmute"
    assert page.text("#status") == "Your microphone is muted"
    page.click("#mute")
    page.until("window.hubbub.view.dock.level > 0.1")
    assert [message.muted for message in fake.of(wire.Mute)] == [True, False]


def test_typing_takes_the_turn(page: Page, fake: FakeServer) -> None:
    fake.answers["what time is it"] = "It is three o'clock."
    page.type("  what time is it" + Keys.ENTER)
    page.until("document.querySelector('.entry[data-kind=agent]')")
    assert [message.text for message in fake.of(wire.Text)] == ["what time is it"]
    assert own_words(page) == ["what time is it"]
    assert page.text(".entry[data-own=true] .foot") == "typed"
    assert page.js("document.querySelector('#text').value") == ""
    page.type("   " + Keys.ENTER)
    page.until("document.querySelector('.entry[data-kind=agent][data-state=final]')")
    assert len(fake.of(wire.Text)) == 1, "nothing is not a turn"


def test_interrupt_by_button_and_by_escape(page: Page, fake: FakeServer) -> None:
    assert page.js("document.querySelector('#interrupt').disabled")
    for press in (lambda: page.click("#interrupt"), lambda: page.type(Keys.ESCAPE)):
        speaking(page, fake)
        finals = page.js("document.querySelectorAll('.entry[data-state=final]').length")
        press()
        page.until("document.querySelectorAll('.entry[data-state=final]').length > arguments[0]", finals)
    page.type(Keys.ESCAPE)
    page.until("document.querySelector('#interrupt').disabled")
    assert len(fake.of(wire.Interrupt)) == 2


def test_sound_off_keeps_the_captions_in_time(page: Page, fake: FakeServer) -> None:
    page.click("#sound")
    said = fake.say(HELLO)
    page.until("document.querySelector('[data-word=now]')")
    assert page.js("document.querySelector('#sound').getAttribute('aria-pressed')") == "true"
    assert page.until("window.hubbub.player.volume < 0.01") is True
    page.until("window.hubbub.player.playhead.offset === arguments[0]", said.samples)


def test_leaving_goes_back_to_the_door(page: Page, fake: FakeServer) -> None:
    page.click("#leave")
    page.until("!document.querySelector('#lobby').hidden && document.querySelector('#room').hidden")
    assert len(fake.of(wire.Leave)) == 1
    page.join()
    assert len(fake.joins) == 2
    assert fake.joins[1].resume is None


def test_joins_without_a_microphone(browser: Page, fake: FakeServer) -> None:
    fake.answers["hello"] = HELLO
    browser.open(f"{fake.base_url}/?name=Ann&lang=en&transport=websocket").join("typing")
    browser.type("hello" + Keys.ENTER)
    browser.until("document.querySelector('.entry[data-kind=agent][data-state=final]')")
    assert fake.audio == b""
    assert browser.text("#mute") == "Use the microphone"
    browser.click("#mute")
    browser.until("document.querySelector('#mute').dataset.state === 'open' && window.hubbub.view.dock.level > 0.01")
    assert len(fake.audio) > 0


# ── when it goes wrong ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lost_connection_shows_a_banner_and_comes_back(browser: Page, fake: FakeServer) -> None:
    browser.open(f"{fake.base_url}/?name=Ann&lang=en&mic=raw&transport=websocket").join()
    fake.down = True
    fake.drop()
    browser.until("document.querySelector('.notice[data-key=lost]')")
    browser.until("/next try comes by itself in [0-9]+ s/.test(document.querySelector('.notice[data-key=lost]').innerText)")
    assert browser.text("#connection") == "Reconnecting"
    browser.type("kept")
    browser.click("#typing .send")
    browser.until("document.querySelector('.notice[data-key=not-connected]')")
    assert browser.js("document.querySelector('#text').value") == "kept"
    fake.down = False
    browser.js("document.querySelector('.notice[data-key=lost] button')?.click()")  # unless it came back by itself already
    browser.until("window.hubbub.client.state === 'open'")
    browser.until("!document.querySelector('.notice')")
    assert fake.joins[-1].resume == "token-1"
    sounds = len(fake.audio)
    speaking(browser, fake)
    assert len(fake.audio) > sounds, "the microphone goes on"


def test_a_machine_without_a_network_does_not_listen(page: Page, fake: FakeServer) -> None:
    for online, status, connection in ((False, "Reconnecting", "Reconnecting"), (True, "Listening", "Connected")):
        page.js(
            "(Object.defineProperty(navigator, 'onLine', {value: arguments[0], configurable: true}),"
            " dispatchEvent(new Event(arguments[0] ? 'online' : 'offline')))",
            online,
        )
        assert page.text("#status") == status
        assert page.text("#connection") == connection
        assert bool(page.js("document.querySelector('.notice[data-key=quiet]')")) is not online


def test_refusal_says_the_servers_reason(browser: Page, fake: FakeServer) -> None:
    fake.refuse = "there is somebody called Ann already: choose another name"
    browser.open(f"{fake.base_url}/?name=Ann&lang=en&transport=websocket")
    browser.click("#join-voice")
    browser.until("document.querySelector('.notice[data-key=join]')")
    notice = browser.text(".notice")
    assert "did not let you in" in notice
    assert "choose another name" in notice
    fake.refuse = None
    browser.click(".notice .row button")
    browser.until("!document.querySelector('#room').hidden")
    assert browser.js("document.querySelectorAll('.notice').length") == 0


def test_seat_taken_over_elsewhere_can_be_taken_again(browser: Page, fake: FakeServer) -> None:
    browser.open(f"{fake.base_url}/?name=Ann&lang=en&transport=websocket").join("typing")
    fake.drop(wire.CLOSE_REPLACED)
    browser.until("document.querySelector('.notice[data-key=ended]') && document.querySelector('#room').hidden")
    assert "joined from somewhere else" in browser.text(".notice")
    browser.click(".notice .row button")
    browser.until("!document.querySelector('#room').hidden")
    assert browser.js("document.querySelectorAll('.notice').length") == 0


def test_server_gone_before_joining_is_said_at_the_door(browser: Page) -> None:
    with running() as fake:
        browser.open(f"{fake.base_url}/?name=Ann&lang=en&transport=websocket")
        for down in (True, False):
            fake.down = down
            browser.js("dispatchEvent(new Event('online'))")  # the network is back: it looks again at once, and not in some seconds
            browser.until("!!document.querySelector('.notice[data-key=unreachable]') === arguments[0]", down)
            assert ("does not answer" in browser.text("#notices")) is down


def test_unknown_room_is_said_and_another_offered(browser: Page, fake: FakeServer) -> None:
    browser.open(f"{fake.base_url}/?room=cellar&lang=en")
    browser.until("document.querySelector('.notice[data-key=room-unknown]')")
    assert "cellar" in browser.text(".notice")
    assert browser.js("document.querySelector('input[name=room]:checked').value") == "default"


def refused_page(fake: FakeServer, permission: str, expected: tuple[str, ...]) -> None:
    with chromium(permission=permission) as driver:
        page = Page(driver).open(f"{fake.base_url}/?name=Ann&lang=en&transport=websocket")
        devices = driver.execute_async_script("navigator.mediaDevices.enumerateDevices().then(arguments[0])")
        if permission == "none" and any(device["kind"] == "audioinput" for device in devices):
            pytest.skip("this machine has a microphone")
        page.click("#join-voice")
        page.until("document.querySelector('.notice[data-key=join]')")
        for part in expected:
            assert part in page.text(".notice")
        assert fake.joins == []
        page.click(".notice .row button:last-child")  # without a microphone, then
        page.until("!document.querySelector('#room').hidden")


def test_refused_permission_says_how_to_allow_it(fake: FakeServer) -> None:
    refused_page(fake, "deny", ("The microphone was not allowed", "lock symbol"))


def test_missing_microphone_says_so(fake: FakeServer) -> None:
    refused_page(fake, "none", ("No microphone was found", "Plug one in"))


def test_sound_that_never_starts_keeps_nobody_waiting(browser: Page, fake: FakeServer) -> None:
    browser.open(f"{fake.base_url}/?name=Ann&lang=en&mic=raw&transport=websocket")
    browser.js(  # as in Firefox on a machine without a sound card
        "(Object.defineProperty(AudioContext.prototype, 'resume', {value: () => new Promise(() => {})}),"
        " Object.defineProperty(BaseAudioContext.prototype, 'state', {get: () => 'suspended'}), true)"
    )
    browser.click("#join-voice")
    browser.until("document.querySelector('.notice[data-key=join]')")
    assert "did not start the sound" in browser.text(".notice")
    browser.click(".notice .row button:last-child")  # without a microphone, then
    browser.until("!document.querySelector('#room').hidden && window.hubbub.client.state === 'open'")


def test_insecure_origin_says_what_to_do_and_still_joins(fake: FakeServer, tone: Path) -> None:
    mapped = "--host-resolver-rules=MAP hubbub.test 127.0.0.1"
    with chromium(microphone=tone, extra=(mapped,)) as driver:
        page = Page(driver).open(fake.base_url.replace("127.0.0.1", "hubbub.test") + "/?name=Ann&lang=en&transport=websocket")
        page.click("#join-voice")
        page.until("document.querySelector('.notice[data-key=join]')")
        assert "https" in page.text(".notice")
        page.click(".notice .row button:last-child")
        page.until("!document.querySelector('#room').hidden && window.hubbub.client.state === 'open'")
        fake.say(HELLO)
        page.until("document.querySelector('[data-word=now]')")
        page.until("document.querySelector('.entry[data-kind=agent][data-state=final]')")
        assert "AudioWorklet" in page.text(".notice"), "why nothing is heard"


# ── looks ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", [320, 375, 768])
def test_narrow_windows_need_no_sideways_scrolling(browser: Page, fake: FakeServer, width: int) -> None:
    wide = "document.documentElement.scrollWidth"
    browser.phone(width, 640)
    try:
        browser.open(f"{fake.base_url}/?name=Ann&lang=en&room=council&transport=websocket")
        assert browser.js(wide) <= width
        browser.join()
        fake.send(ev.Transcript(speaker="Ann", text="w" * 300, final=True, turn=1))
        speaking(browser, fake)
        browser.until("document.querySelector('.latency')")
        assert browser.js(wide) <= width
        out = (
            "[...document.querySelectorAll('.dock button, .top button')].filter(b => b.offsetParent)"
            ".map(b => b.getBoundingClientRect()).filter(r => r.left < 0 || r.right > innerWidth || r.bottom > innerHeight)"
        )
        assert browser.js(out) == []
        browser.click("#details-toggle")
        assert browser.js(wide) <= width
        browser.click("#details-close")
        assert browser.js("document.querySelector('#details').hidden")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast(browser: Page, fake: FakeServer, dark: bool) -> None:
    browser.dark(dark)
    try:
        browser.open(f"{fake.base_url}/?name=Ann&lang=en&transport=websocket").join("typing")
        fake.send(ev.Transcript(speaker="Ann", text="tell me", final=False, turn=1))
        speaking(browser, fake)
        browser.until("document.querySelector('[data-word=heard]') && document.querySelector('.latency')")
        assert browser.js("document.documentElement.dataset.theme") == ("dark" if dark else "light")
        pairs = browser.js(
            "[...document.querySelectorAll('body *')].filter(e => e.offsetParent && !e.disabled && !e.closest('[disabled]')"
            " && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())).map(e => {"
            " let g = e; while (g && /rgba\\(0, 0, 0, 0\\)/.test(getComputedStyle(g).backgroundColor)) g = g.parentElement;"
            " return [e.id || e.className || e.dataset.word || e.tagName, getComputedStyle(e).color,"
            " getComputedStyle(g || document.body).backgroundColor]; })"
        )
        assert len(pairs) > 25
        for what, ink, ground in pairs:
            if "rgb" not in ink or "rgb" not in ground:
                continue
            light, shade = sorted((luminance(ink), luminance(ground)), reverse=True)
            assert (light + 0.05) / (shade + 0.05) >= 4.5, f"{what}: {ink} on {ground}"
    finally:
        browser.dark(False)


def test_chinese_and_the_toggles(browser: Page, fake: FakeServer) -> None:
    browser.open(f"{fake.base_url}/?name=Ann&lang=zh&transport=websocket")
    assert browser.js("document.documentElement.lang") == "zh-CN"
    assert browser.text("#join-voice") == "加入"
    browser.join()
    speaking(browser, fake)
    browser.until("document.querySelector('#status').innerText === 'Ada 正在说话'")
    assert "离线识别器" in browser.text("#engines")
    browser.click("#language")
    assert browser.text("#interrupt") == "Interrupt"
    for expected in ("light", "dark"):
        browser.click("#theme")
        assert browser.js("document.documentElement.dataset.theme") == expected
    browser.click("#theme")
    assert browser.js("localStorage.getItem('hubbub.theme')") == "auto"


def test_everything_has_a_name_for_screen_readers(page: Page, fake: FakeServer) -> None:
    speaking(page, fake)
    nodes = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    seen = [node for node in nodes if not node.get("ignored")]
    roles = {node["role"]["value"] for node in seen}
    assert {"main", "banner", "log", "meter", "button", "textbox", "status"} <= roles
    nameless = [
        node["role"]["value"]
        for node in seen
        if node["role"]["value"] in ("button", "textbox", "meter", "img", "image", "radio", "link", "region")
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []


def test_keyboard_reaches_every_control(page: Page) -> None:
    page.js("document.querySelector('#language').focus()")
    reached = []
    for _ in range(16):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(page.js("document.activeElement.id"))
    assert {"theme", "scroll", "text", "mute", "sound", "details-toggle", "leave"} <= set(reached)
