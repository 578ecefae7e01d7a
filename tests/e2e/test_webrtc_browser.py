"""A person in a real browser and an agent, over WebRTC, with real engines: a question, the answer, a barge-in, measured by the sound in
the page."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_microphone import write_microphone
from page_browser import chromium, missing
from selenium.webdriver.support.ui import WebDriverWait
from served_house import served_house

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing())]

SCRIPT = (Path(__file__).parent / "webrtc_page.js").read_text()
LOUD = 0.01
"""RMS of full scale 1: speech has ten times as much."""


class Page:
    """What the script in the page has seen."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def until(self, expression: str, seconds: float = 30) -> Any:
        waiting = WebDriverWait(self.driver, seconds, poll_frequency=0.05)
        return waiting.until(lambda _: self.driver.execute_script(f"const rtc = window.rtc; return {expression}"), f"never: {expression}")

    def events(self, kind: str) -> list[dict[str, Any]]:
        return list(self.driver.execute_script("return window.rtc.events.filter((event) => event.type === arguments[0])", kind))

    def levels(self) -> np.ndarray[Any, Any]:
        return np.array(self.driver.execute_script("return window.rtc.levels"))


def test_a_person_asks_hears_the_answer_and_breaks_in(tmp_path: Path, fixture_audio: Callable[[str], bytes]) -> None:
    sound = write_microphone(
        tmp_path / "microphone.wav", 1.0, fixture_audio("requests/count_to_twenty"), 4.0, fixture_audio("requests/no_wait"), 20.0
    )
    with (
        served_house() as server,
        chromium(microphone=Path(f"{sound}%noloop"), extra=("--allow-loopback-in-peer-connection",)) as driver,
    ):
        driver.get(server.url + "/healthz")
        begun = time.monotonic()
        assert driver.execute_async_script(SCRIPT, "name=Kim") == ""
        page = Page(driver)
        page.until("rtc.events.length > 0")
        print(f"joined {1000 * (time.monotonic() - begun):.0f} ms after the page began")
        assert page.events("joined")[0]["name"] == "Kim"
        page.until("rtc.trickled === 204")
        assert driver.execute_script("return window.rtc.events[0].type") == "joined"

        page.until(f"rtc.levels.some((level) => level[1] > {LOUD})")
        (playing, *_) = page.events("playing")
        heard_at, timestamp = next((at, timestamp) for at, level, timestamp in page.levels() if level > LOUD)
        playhead = playing["offset"] + ((int(timestamp) - playing["rtp"] + 2**31) % 2**32 - 2**31) // 2
        assert 0 <= playhead < 24_000 / 2, "the page knows where in the reply it is, by the RTP timestamp it plays"
        print(f"sound in the page {heard_at - playing['at']:.0f} ms after the server said that it plays")

        page.until("rtc.events.some((event) => event.type === 'reply' && event.final && event.interrupted)")
        cut = page.events("clear")[0]["at"] if page.events("clear") else page.events("hold")[0]["at"]
        page.until(f"rtc.levels.at(-1)[0] > {cut} + 1000")
        reply = next(event for event in page.events("reply") if event["final"] and event["interrupted"])
        assert reply["interrupted_by"] == "Kim"
        assert reply["text"] and reply["unheard"], "some was heard and some was not"
        held = next(event["at"] for event in page.events("hold") if event["reply"] == reply["reply"])
        levels = page.levels()
        before = levels[(levels[:, 0] < held) & (levels[:, 0] > held - 1500)]
        after = levels[(levels[:, 0] > held + 600) & (levels[:, 0] < held + 900)]
        assert before[:, 1].max() > LOUD, "the agent was heard"
        assert after.size and after[:, 1].max() < LOUD, "and fell silent"
        loud = levels[(levels[:, 1] > LOUD) & (levels[:, 0] < held + 600)]
        print(f"silent in the page {loud[-1, 0] - held:.0f} ms after the page was told of the hold")

        assert driver.execute_async_script("window.rtc.restart().then(arguments[0], (error) => arguments[0](String(error)))") == ""
        page.until("rtc.pc.iceConnectionState === 'connected' || rtc.pc.iceConnectionState === 'completed'")
        driver.execute_script("window.rtc.channel.send('{\"type\": \"ping\", \"id\": 9}')")
        page.until("rtc.events.some((event) => event.type === 'pong' && event.id === 9)")
        assert len(page.events("joined")) == 1, "the seat and the connection are the same"

        answered = driver.execute_async_script(
            "const done = arguments[0]; fetch(window.rtc.location, {method: 'DELETE'}).then((answer) => done(answer.status), done)"
        )
        assert answered == 200
        page.until("rtc.events.at(-1).type === 'left'")
        assert not [line for line in server.log if "Traceback" in line or "ERROR" in line]
