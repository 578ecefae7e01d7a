"""The page with a whole server of scripted engines, through a line that is cut for five seconds; its devices; and coming back to a seat."""

import asyncio
import contextlib
import io
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import page_browser
import pytest
from cut_line import CutLine, cut_line
from fake_microphone import TONE_HZ, write_hush, write_tone
from hubbub.voice.client import SimulatedLoudspeaker, VoiceClient, VoicesFrame
from page_browser import LOOPBACK, Page, chromium
from page_layout import PHONE, layout_faults
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "voice"))
from live_house import LiveHouse, live_house

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-"),
]

WORDS = 50
STORY = " ".join(f"number {number}" for number in range(1, WORDS // 2 + 1)) + "."
"""The scripted voice says a word in 0.3 s: fifteen seconds."""
ROOMS = "rooms: {" + ", ".join(f"r{number}: {{agents: [{{name: Ava}}]}}" for number in range(12)) + "}"
CUT_S = 5


@pytest.fixture(scope="module")
def house() -> Iterator[LiveHouse]:
    """A served house in a thread of its own."""
    pytest.importorskip("aiortc")
    ready = threading.Event()
    served: list[Any] = []

    async def run() -> None:
        over = asyncio.Event()
        async with live_house(ROOMS, answer=STORY) as live:
            served.extend((live, asyncio.get_running_loop(), over))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(20), "the house did not start"
    live, loop, over = served
    try:
        yield live
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A quiet room with three microphones and three loudspeakers."""
    hush = write_hush(tmp_path_factory.mktemp("microphone") / "hush.wav")
    with chromium(microphone=hush, extra=(*LOOPBACK, "--use-fake-device-for-media-stream=device-count=3")) as driver:
        yield Page(driver)


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    """The only window; at the end it must have met no script error."""
    browser.faults()
    yield browser
    (first, *others) = browser.driver.window_handles
    for other in others:
        browser.driver.switch_to.window(other)
        browser.driver.close()
    browser.driver.switch_to.window(first)
    browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.touch(False)
    with contextlib.suppress(Exception):
        browser.js("(localStorage.clear(), sessionStorage.clear())")
    browser.driver.get("about:blank")


def at(url: str, room: str, name: str = "Ann", **more: str) -> str:
    return f"{url}/?name={name}&lang=en&mic=raw&room={room}" + "".join(f"&{key}={value}" for key, value in more.items())


def hear_story(page: Page) -> None:
    """Asks, and waits until some words were heard."""
    page.type("tell me a story" + Keys.ENTER)
    page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length > 3")
    page.until("window.hubbub.player.level() > 0.01")


# ── a line that is cut ───────────────────────────────────────────────────────────────────────────────────────────────────

WINDOWS = {"phone": ("r0", "websocket"), "desktop": ("r1", "webrtc")}
"""Each hears a story of its own while the line of both is cut."""


def test_five_seconds_without_a_line(page: Page, house: LiveHouse) -> None:
    with cut_line(house.url) as line:
        windows = open_windows(page, line)
        sessions = {}
        for size, window in windows.items():
            page.driver.switch_to.window(window)
            hear_story(page)
            sessions[size] = page.js("window.hubbub.client.joined.session")
        line.cut()
        cut_at = time.monotonic()
        for size, window in windows.items():
            page.driver.switch_to.window(window)
            page.until("document.querySelector('.notice[data-key=quiet]')")
            assert "Your seat is kept" in page.text(".notice[data-key=quiet]"), size
            assert page.text("#connection") == "Reconnecting"
            if size == "phone":
                assert layout_faults(page) == []
        page.until("window.hubbub.player.level() < 0.001")
        time.sleep(max(0.0, cut_at + CUT_S - time.monotonic()))
        line.mend()
        for window in windows.values():
            page.driver.switch_to.window(window)
            page.until("window.hubbub.client.state === 'open' && !document.querySelector('.notice')")
            page.until("window.hubbub.player.level() > 0.01")
        for size, window in windows.items():
            page.driver.switch_to.window(window)
            nothing_is_missing(page, sessions[size])
        assert page.faults() == []


def open_windows(page: Page, line: CutLine) -> dict[str, str]:
    """One of a phone, over WebSocket, and one of a desktop, over WebRTC, both through the line."""
    windows = {}
    for size, (room, transport) in WINDOWS.items():
        if windows:
            page.driver.switch_to.new_window("window")
        if size == "phone":
            page.phone(*PHONE)
        page.open(at(line.url, room, transport=transport)).join()
        assert page.js("window.hubbub.client.wire") == transport
        windows[size] = page.driver.current_window_handle
    assert line.datagrams == 1
    return windows


def nothing_is_missing(page: Page, session: str) -> None:
    """In the end all is there that was said, in the same seat, and the conversation goes on."""
    page.until("document.querySelector('.entry:last-child[data-state=final]')", seconds=60)
    assert page.js("window.hubbub.client.joined.session") == session, "the same seat"
    assert page.js("document.querySelectorAll('.entry').length") == 2
    assert page.text(".entry[data-own=true] .text") == "tell me a story"
    assert page.js("document.querySelector('.entry:last-child .text').textContent") == STORY
    assert page.js("document.querySelectorAll('.entry:last-child s').length") == 0, "all of it was heard"
    page.type("once more" + Keys.ENTER)
    page.until("document.querySelectorAll('.entry').length === 4")
    page.click("#interrupt")


# ── devices ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Listener:
    """Another caller of the room, in a thread of his own, who measures how loud the others are."""

    def __init__(self, url: str, room: str) -> None:
        self.url, self.room = url, room
        self.loud: list[float] = []

    async def _listen(self) -> None:
        async with VoiceClient(self.url, room=self.room, name="Ben") as client, SimulatedLoudspeaker(client) as loudspeaker:
            async for item in client:
                loudspeaker.take(item)
                if isinstance(item, VoicesFrame):
                    samples = np.frombuffer(item.pcm, "<i2").astype(float)
                    self.loud.append(float(np.sqrt(np.mean(samples**2))) / 32768 if len(samples) else 0.0)

    @contextlib.contextmanager
    def listening(self) -> Iterator["Listener"]:
        """Until the end of the block."""
        loop = asyncio.new_event_loop()
        task = loop.create_task(self._listen())

        def run() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(task.cancel)
            thread.join(5)
            loop.close()


def hears(page: Page, ben: Listener) -> bool:
    """Whether a second of sound reaches the other caller from now on."""
    before = len(ben.loud)
    for _ in range(200):
        if sum(level > 0.05 for level in ben.loud[before:]) >= 50:
            return True
        page.wait(50)
    return False


def choose(page: Page, select: str, device: str) -> None:
    page.driver.find_element("css selector", f'{select} option[value="{device}"]').click()


def options(page: Page, select: str) -> list[str]:
    """The devices that a list offers, but what stands for the system's choice."""
    page.until(f"document.querySelectorAll('{select} option').length > 2")
    return [each for each in page.js(f"[...document.querySelectorAll('{select} option')].map(o => o.value)") if each not in ("", "default")]


@pytest.mark.parametrize(("transport", "room"), [("webrtc", "r2"), ("websocket", "r3")])
def test_another_microphone_and_loudspeaker_while_one_talks(tmp_path: Path, house: LiveHouse, transport: str, room: str) -> None:
    tone = write_tone(tmp_path / "tone.wav", 2)
    devices = (*LOOPBACK, "--use-fake-device-for-media-stream=device-count=3")
    with chromium(microphone=tone, extra=devices) as driver, Listener(house.url, room).listening() as ben:
        page = Page(driver).open(at(house.url, room, transport=transport)).join()
        assert page.js("window.hubbub.client.wire") == transport
        assert hears(page, ben)
        link = "window.link = window.hubbub.client.link, link.peer && (link.peer.onnegotiationneeded = () => window.renegotiated = true)"
        page.js(f"({link}, true)")
        page.click("#devices-open")
        another_microphone(page, ben, transport)
        another_loudspeaker(page, transport)
        assert page.js("window.hubbub.client.link === window.link && !window.renegotiated"), "on the connection that there was"

        page.driver.refresh()  # what was chosen is remembered
        page.until("window.hubbub?.client?.state === 'open'")
        page.until("window.hubbub.player.context.sinkId === localStorage.getItem('hubbub.speaker')")
        assert page.js("window.hubbub.voice.microphone.device === localStorage.getItem('hubbub.microphone')")
        assert page.js("document.querySelectorAll('.notice[data-key=no-speaker], .notice[data-key=other-microphone]').length") == 0
        page.click("#leave")
        gone_devices(page)
        assert page.faults() == []


def another_microphone(page: Page, ben: Listener, transport: str) -> None:
    """The sound comes from the other device, the meter follows it; with none there is silence, and no talk of an error."""
    before = page.js("window.hubbub.voice.microphone.device")
    other = next(each for each in options(page, "#device-microphone") if each != before)
    choose(page, "#device-microphone", other)
    page.until("window.hubbub.voice.microphone.device === arguments[0]", other)
    page.until("window.hubbub.view.dock.level > 0.1")
    if transport == "webrtc":
        assert page.js("window.link.sender.track === window.hubbub.voice.microphone.track")
    assert hears(page, ben)
    choose(page, "#device-microphone", "")
    page.until("document.querySelector('#mute').dataset.state === 'none' && window.hubbub.view.dock.level === 0")
    if transport == "webrtc":
        page.until("window.link.sender.track === null")
    choose(page, "#device-microphone", other)
    page.until("document.querySelector('#mute').dataset.state === 'open' && window.hubbub.view.dock.level > 0.1")
    assert hears(page, ben)


SINKS = "[window.hubbub.player.context.sinkId, window.hubbub.player.remote?.audio.sinkId ?? arguments[0]]"


def another_loudspeaker(page: Page, transport: str) -> None:
    """What is chosen takes all the sound; when it is pulled out the system's does, and the page says so; put back, it is used again."""
    other = options(page, "#device-speaker")[-1]
    choose(page, "#device-speaker", other)
    page.until(f"{SINKS}.every((id) => id === arguments[0])", other)
    assert page.js("!!window.hubbub.player.remote") == (transport == "webrtc")
    page.click("#devices [data-close]")
    plugged(page, other, False)
    page.until("document.querySelector('.notice[data-key=no-speaker]')")
    assert "the sound comes out where your system has it" in page.text(".notice[data-key=no-speaker]")
    page.until("window.hubbub.player.context.sinkId === '' && !(window.hubbub.player.remote?.audio.sinkId)")
    plugged(page, other, True)
    page.until("!document.querySelector('.notice[data-key=no-speaker]')")
    page.until(f"{SINKS}.every((id) => id === arguments[0])", other)


def plugged(page: Page, device: str, there: bool) -> None:
    """Chromium's simulated devices cannot be pulled out: the page is told of it as a browser would tell."""
    page.driver.execute_script(
        "const all = navigator.mediaDevices; delete all.enumerateDevices; const ask = all.enumerateDevices.bind(all);"
        "if (!arguments[1]) all.enumerateDevices = async () => (await ask()).filter((one) => one.deviceId !== arguments[0]);"
        "all.dispatchEvent(new Event('devicechange'));",
        device,
        there,
    )


def gone_devices(page: Page) -> None:
    """Who joins with devices that are unplugged by now joins with those of the system, and is told."""
    page.js("(localStorage.setItem('hubbub.microphone', 'f'.repeat(64)), localStorage.setItem('hubbub.speaker', 'f'.repeat(64)))")
    page.join()
    page.until("document.querySelector('.notice[data-key=no-speaker]') && document.querySelector('.notice[data-key=other-microphone]')")
    page.until("window.hubbub.view.dock.level > 0.1")


# ── each other ───────────────────────────────────────────────────────────────────────────────────────────────────────────

LOUDEST = (
    "(() => { const a = window.hubbub.player.analyser, d = new Float32Array(a.frequencyBinCount);"
    " a.getFloatFrequencyData(d); return d.indexOf(Math.max(...d)) * a.context.sampleRate / a.fftSize; })()"
)
"""The frequency that sounds loudest of what comes in frames, Hz."""


def test_one_person_hears_another_over_the_websocket(page: Page, tmp_path: Path, house: LiveHouse) -> None:
    """Kim's microphone hears a tone, Lee's a quiet room."""
    lee = page.open(at(house.url, "r8", "Lee", transport="websocket")).join()
    with chromium(microphone=write_tone(tmp_path / "tone.wav", 2)) as driver:
        kim = Page(driver).open(at(house.url, "r8", "Kim", transport="websocket")).join()
        lee.until("window.hubbub.player.level() > 0.1")
        assert abs(lee.js(LOUDEST) - TONE_HZ) < 50
        lee.until("document.querySelector('#people li:has(button[title=Kim])').dataset.doing === 'speaking'")
        assert kim.js("window.hubbub.player.level()") < 0.001, "nobody hears himself"
        kim.click("#mute")
        lee.until("window.hubbub.player.level() < 0.001")
        kim.click("#mute")
        lee.until("window.hubbub.player.level() > 0.1")
        assert kim.faults() == [] == lee.faults()


# ── coming back, and having others in ────────────────────────────────────────────────────────────────────────────────────


def test_a_reload_while_a_reply_plays_goes_on_with_it(page: Page, house: LiveHouse) -> None:
    page.open(at(house.url, "r4", transport="websocket")).join()
    hear_story(page)
    session = page.js("window.hubbub.client.joined.session")
    before = page.js("window.hubbub.player.playhead.offset")
    page.driver.refresh()
    page.until("window.hubbub?.client?.state === 'open'")
    assert page.js("window.hubbub.client.joined.session") == session
    page.until("window.hubbub.player.level() > 0.01")
    page.until("window.hubbub.player.playhead.offset > arguments[0]", before)
    page.until("document.querySelector('.entry:last-child [data-word=heard]')")
    page.click("#interrupt")
    page.until("document.querySelector('.entry[data-state=final] s')")
    heard = page.text(".entry:last-child [data-word=heard]")
    unheard = page.text(".entry:last-child s")
    assert heard.startswith("number 1 ")
    assert f"{heard.strip()} {unheard.strip()}"[:40] == STORY[:40], "nothing is missing between what was heard and what was not"
    assert page.faults() == []


def test_a_second_window_takes_the_seat_and_the_first_says_so(page: Page, house: LiveHouse) -> None:
    page.open(at(house.url, "r5", transport="websocket")).join("typing")
    first = page.driver.current_window_handle
    page.type("tell me a story" + Keys.ENTER)
    page.until("document.querySelector('.entry:last-child [data-word=heard]')")
    kept = page.js("JSON.stringify(sessionStorage)")
    page.driver.switch_to.new_window("tab")  # as "duplicate tab" does: the tab's storage comes along
    page.driver.get(f"{house.url}/static/icon.svg")
    page.js("(Object.entries(JSON.parse(arguments[0])).forEach(([key, value]) => sessionStorage.setItem(key, value)))", kept)
    page.driver.get(at(house.url, "r5", transport="websocket"))
    page.until("window.hubbub?.client?.state === 'open'")
    page.until("document.querySelectorAll('#people li').length === 2")
    second = page.driver.current_window_handle
    page.driver.switch_to.window(first)
    page.until("document.querySelector('.notice[data-key=ended]')")
    assert "joined from somewhere else" in page.text(".notice")
    page.driver.switch_to.window(second)
    page.click("#interrupt")
    page.until("document.querySelector('.entry[data-state=final] s')")

    page.driver.switch_to.window(first)  # and a stranger of the same name gets a name of his own, or is told
    page.open(at(house.url, "r5", transport="websocket"))
    page.click("#join-typing")
    page.until("document.querySelector('.notice') || !document.querySelector('#room').hidden")
    if not page.js("document.querySelector('#room').hidden"):
        names = page.js("window.hubbub.client.joined.participants.map((one) => one.name)")
        assert len(set(names)) == len(names) == 3
    else:
        assert "name" in page.text(".notice")


def test_an_invitation_that_is_photographed_opens_on_a_phone(page: Page, house: LiveHouse) -> None:
    page.open(at(house.url, "r6", transport="websocket")).join("typing")
    page.click("#invite-open")
    page.until("document.querySelector('#invite').open")
    link = read_qr(page)
    assert link == page.js("document.querySelector('#invite-link').value")
    page.click("#invite [data-close]")
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("window")
    page.phone(*PHONE)
    page.touch(True)
    page.driver.get(f"{link}&lang=en&transport=websocket")
    page.until("!document.querySelector('#join-voice').disabled")
    assert page.js("document.querySelector('input[name=room]:checked').value") == "r6"
    name = page.driver.find_element("css selector", "#name")
    name.clear()
    name.send_keys("Bea")
    page.tap("#join-voice")
    page.until("!document.querySelector('#room').hidden && window.hubbub.client.state === 'open'")
    assert layout_faults(page) == []
    page.driver.switch_to.window(first)
    page.until("[...document.querySelectorAll('#people b')].some((one) => one.textContent === 'Bea')")


def read_qr(page: Page) -> str:
    """What a camera reads in the picture of the invitation."""
    zxingcpp = pytest.importorskip("zxingcpp", reason="needs zxing-cpp to read the QR code")
    image = pytest.importorskip("PIL.Image")
    png = page.driver.find_element("css selector", "#invite-qr").screenshot_as_png
    (found,) = zxingcpp.read_barcodes(np.asarray(image.open(io.BytesIO(png)).convert("L")))
    return str(found.text)


# ── by the keyboard alone ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_keyboard_alone_joins_talks_types_and_leaves(page: Page, house: LiveHouse) -> None:
    page.open(f"{house.url}/?lang=en&mic=raw&room=r7&transport=websocket")
    keys = ActionChains(page.driver)

    def press(*what: str) -> None:
        keys.send_keys(*what).perform()

    def tab_to(wanted: str) -> None:
        for _ in range(30):
            if page.js("document.activeElement.matches(arguments[0])", wanted):
                ring = page.js("getComputedStyle(document.activeElement).outlineStyle")
                assert ring != "none", f"{wanted}: one sees where one is"
                return
            press(Keys.TAB)
        raise AssertionError(f"the keyboard does not reach {wanted}")

    tab_to("#name")
    press("Ann")
    tab_to("#join-voice")
    press(Keys.ENTER)
    page.until("!document.querySelector('#room').hidden && window.hubbub.client.state === 'open'")
    assert page.js("document.activeElement.id") == "mute", "where one talks"
    press(Keys.SPACE)
    page.until("document.querySelector('#mute').dataset.state === 'muted'")
    press(Keys.SPACE)
    page.until("document.querySelector('#mute').dataset.state === 'open'")
    press("/")
    press("tell me a story", Keys.ENTER)
    page.until("document.querySelector('.entry:last-child [data-word=heard]')")
    press(Keys.ESCAPE)
    page.until("document.querySelector('.entry[data-state=final] s')")
    tab_to("#devices-open")
    press(Keys.ENTER)
    page.until("document.querySelector('#devices').open")
    tab_to("#ptt")
    press(Keys.SPACE)
    press(Keys.ESCAPE)
    page.until("!document.querySelector('#devices').open && document.querySelector('#mute').dataset.state === 'ready'")
    assert page.js("document.activeElement.id") == "devices-open", "back where one was"
    tab_to("#leave")
    press(Keys.ENTER)
    page.until("!document.querySelector('#lobby').hidden")
    assert page.js("document.activeElement.id") == "join-voice"
    assert page.faults() == []
