"""A headless Chromium with a fake microphone, for the tests of the page and for its pictures."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
LOOPBACK = ("--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns")
"""For WebRTC to a server on this machine: browsers keep loopback to themselves."""


def missing() -> str:
    """Why there is no browser to test with; empty where there is."""
    if not (shutil.which("chromium") or shutil.which("google-chrome")):
        return "needs Chromium (apt-get install chromium)"
    if not shutil.which("chromedriver"):
        return "needs chromedriver (apt-get install chromium-driver)"
    return ""


@contextlib.contextmanager
def chromium(
    *, microphone: Path | None = None, permission: str = "grant", size: tuple[int, int] = (1280, 800), extra: tuple[str, ...] = ()
) -> Iterator[webdriver.Chrome]:
    """`permission`: "grant" (with a fake device), "deny", or "none" for the devices of this machine, which may be none."""
    options = Options()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    flags = [
        "--headless=new",
        "--no-sandbox",
        "--autoplay-policy=no-user-gesture-required",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        f"--window-size={size[0]},{size[1]}",
        "--lang=en-US",
        "--force-prefers-reduced-motion",  # without a graphics card, moving pictures take a core from the tests beside
        *extra,
    ]
    if permission == "grant":
        flags += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    elif permission == "deny":
        flags += ["--use-fake-device-for-media-stream", "--deny-permission-prompts"]
    else:
        flags += ["--use-fake-ui-for-media-stream"]
    if microphone:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}")
    for flag in flags:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """The page in a browser, as a person would use it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> "Page":
        self.driver.get(url)
        self.until("!document.querySelector('#join-voice').disabled")
        return self

    def join(self, how: str = "voice") -> "Page":
        self.click(f"#join-{how}")
        self.until("!document.querySelector('#room').hidden && window.hubbub.client.state === 'open'")
        return self

    def click(self, selector: str) -> None:
        self.driver.find_element("css selector", selector).click()

    def type(self, text: str) -> None:
        self.driver.find_element("css selector", "#text").send_keys(text)

    def js(self, expression: str, *arguments: Any) -> Any:
        return self.driver.execute_script(f"return {expression}", *arguments)

    def until(self, expression: str, *arguments: Any, seconds: float = 30) -> Any:
        """Waits until an expression of the page is true, and gives it."""
        waiting = WebDriverWait(self.driver, seconds, poll_frequency=0.03)
        return waiting.until(lambda _: self.js(expression, *arguments), f"never true: {expression}")

    def wait(self, ms: int) -> None:
        """Lets time pass in the page: to see that something does not happen."""
        self.driver.execute_async_script("setTimeout(arguments[1], arguments[0])", ms)

    def text(self, selector: str) -> str:
        return str(self.js("document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def dark(self, on: bool) -> None:
        value = "dark" if on else "light"
        features = [{"name": "prefers-color-scheme", "value": value}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def phone(self, width: int, height: int, scale: float = 1) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": True}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def touch(self, on: bool) -> None:
        """A screen that is touched: the pointer is coarse and hovers over nothing."""
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": on, "maxTouchPoints": 1})

    def finger(self, selector: str, *, down: bool) -> None:
        """Puts a finger on the middle of an element, or takes it away."""
        points = []
        if down:
            element = self.driver.find_element("css selector", selector)
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'nearest', inline: 'nearest'})", element)
            x, y = self.driver.execute_script(
                "const r = arguments[0].getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]", element
            )
            points = [{"x": x, "y": y}]
        kind = "touchStart" if down else "touchEnd"
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def tap(self, selector: str) -> None:
        self.finger(selector, down=True)
        self.finger(selector, down=False)

    def axe(self, within: str = "html") -> list[str]:
        """What axe finds serious or worse in what is on the screen, or in a part of it: rule, element and reason."""
        if not self.js("!!window.axe"):
            self.driver.execute_script(AXE.read_text())
        found = self.driver.execute_async_script(
            "const done = arguments[1]; axe.run(arguments[0], {resultTypes: ['violations']}).then(r => done(r.violations.filter(v =>"
            " ['serious', 'critical'].includes(v.impact)).flatMap(v => v.nodes.map(n => `${v.id}: ${n.target}: ${n.failureSummary}`))))",
            within,
        )
        return list(found)

    def faults(self) -> list[str]:
        """What the browser complained of: script errors and refusals of the content security policy."""
        log = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in log if entry["level"] == "SEVERE"]
