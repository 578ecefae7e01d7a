"""Makes the pictures of the page in docs/images. Run it by hand: `python tests/e2e/page_pictures.py`."""

import base64
import math
import random
import struct
import sys
import tempfile
import wave
from pathlib import Path

from fake_page_server import RATE_HZ, FakeServer, running
from hubbub.voice import event as ev
from page_browser import Page, chromium

IMAGES = Path(__file__).parents[2] / "docs" / "images"
STORY = (
    "Once upon a time there was a lighthouse keeper who talked to the fog. Every evening she told it what she had seen, "
    "and every morning the fog had forgotten, so that she could tell it all again."
)


def syllables(seconds: float) -> float:
    """A loudness that rises and falls as speech does, with a pause now and then."""
    phrase = max(0.0, math.sin(seconds * 1.7) + 0.55)
    return min(1.0, phrase * (0.12 + 0.88 * abs(math.sin(seconds * 11) * math.sin(seconds * 6.3 + 1))) ** 1.5)


def write_murmur(path: Path, seconds: int = 30, rate_hz: int = 48000) -> Path:
    """A microphone that is spoken into, now and then."""
    noise = random.Random(7)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        for step in range(seconds * 50):
            at = step / 50
            loud = 9000 * syllables(at) if at % 5 < 2.2 else 60
            file.writeframes(struct.pack(f"<{rate_hz // 50}h", *(int(noise.uniform(-loud, loud)) for _ in range(rate_hz // 50))))
    return path


def converse(page: Page, fake: FakeServer, *, chinese: bool = False) -> None:
    """A conversation with all there is to see: a cut reply, a backchannel, a partial, a reply that is being spoken."""
    first, second = ("你好，我是小安。", "给我讲个故事吧。") if chinese else ("Hello, my name is Ann.", "Tell me a story.")
    hello = "你好 ， 小安 ！ 很 高兴 认识 你 。" if chinese else "Hello Ann, nice to meet you."
    story = "从前 有 一位 守灯塔 的 人 ， 她 每天 晚上 都 和 雾 说话 。" if chinese else STORY
    fake.turns = 1
    fake.send(ev.Transcript(speaker="Ann", text=first, final=True, turn=1))
    said = fake.say(hello, word_ms=60)
    page.until("document.querySelectorAll('.entry[data-kind=agent][data-state=final]').length === 1")
    fake.turns = 2
    fake.send(ev.Transcript(speaker="Ann", text=second, final=True, turn=2))
    said = fake.say(story, word_ms=90)
    page.until("window.hubbub.player.playhead.reply === 2 && window.hubbub.player.playhead.offset > arguments[0]", said.samples // 2)
    fake.send(ev.Backchannel(speaker="Ann", text="嗯" if chinese else "mm-hm"))
    fake.cut()
    fake.turns = 3
    third = "后来呢？雾最后记住了吗？" if chinese else "Wait, did the fog ever remember?"
    fake.send(ev.Transcript(speaker="Ann", text=third, final=True, turn=3))
    last = (
        "有 一次 ， 它 记住 了 一个 字 ， 就是 她 的 名字 。"
        if chinese
        else ("Once, it did. It came back with a single word, and the word was her own name, spoken very softly.")
    )
    said = fake.say(last, word_ms=240)
    page.until(
        "window.hubbub.player.playhead.reply === 3 && window.hubbub.player.playhead.offset > arguments[0]", int(said.samples * 0.6)
    )


def shoot(page: Page, name: str) -> None:
    data = page.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
    (IMAGES / name).write_bytes(base64.b64decode(data))
    print(f"docs/images/{name}")


def scene(
    name: str,
    sound: Path,
    *,
    room: str = "default",
    dark: bool = False,
    query: str = "",
    lobby: bool = False,
    phone: tuple[int, int] | None = None,
) -> None:
    with running() as fake, chromium(microphone=sound, size=(1280, 800)) as driver:
        fake.loudness = lambda offset: syllables(offset / RATE_HZ + 0.4)
        page = Page(driver)
        page.dark(dark)
        width, height = phone or (1280, 800)
        page.phone(width, height, 2)
        page.open(f"{fake.base_url}/?name=Ann&mic=raw&transport=websocket&room={room}{query}")
        if not lobby:
            page.join()
            page.until("window.hubbub.view.dock.strip.columns.length > 30")
            converse(page, fake, chinese="zh" in query)
        shoot(page, name)


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    wanted = set(sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        sound = write_murmur(Path(folder) / "murmur.wav")
        scenes = {
            "page-light.png": {},
            "page-dark.png": {"room": "council", "dark": True},
            "page-phone.png": {"phone": (375, 760)},
            "page-zh.png": {"query": "&lang=zh"},
            "page-door.png": {"lobby": True},
        }
        for name, options in scenes.items():
            if not wanted or name in wanted:
                scene(name, sound, **options)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
