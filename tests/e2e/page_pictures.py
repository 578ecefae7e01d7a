"""Makes the pictures of the page in docs/images. Run it by hand: `python tests/e2e/page_pictures.py`."""

import base64
import sys
import tempfile
from pathlib import Path

from fake_page_server import FakeServer, running
from page_browser import Page, chromium, write_tone

from hubbub.voice import event as ev

IMAGES = Path(__file__).parents[2] / "docs" / "images"
STORY = (
    "Once upon a time there was a lighthouse keeper who talked to the fog. Every evening she told it what she had seen, "
    "and every morning the fog had forgotten, so that she could tell it all again."
)


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
    page.until("window.hubbub.player.playhead.reply === 2 && window.hubbub.player.playhead.offset > arguments[0]",
               said.samples // 2)  # fmt: skip
    fake.send(ev.Backchannel(speaker="Ann", text="嗯" if chinese else "mm-hm"))
    fake.cut()
    fake.turns = 3
    third = "后来呢？雾最后记住了吗？" if chinese else "Wait, did the fog ever remember?"
    fake.send(ev.Transcript(speaker="Ann", text=third, final=True, turn=3))
    last = "有 一次 ， 它 记住 了 一个 字 ， 就是 她 的 名字 。" if chinese else (
        "Once, it did. It came back with a single word, and the word was her own name, spoken very softly."
    )  # fmt: skip
    said = fake.say(last, word_ms=240)
    page.until("window.hubbub.player.playhead.reply === 3 && window.hubbub.player.playhead.offset > arguments[0]",
               int(said.samples * 0.6))  # fmt: skip


def shoot(page: Page, name: str) -> None:
    data = page.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
    (IMAGES / name).write_bytes(base64.b64decode(data))
    print(f"docs/images/{name}")


def scene(name: str, tone: Path, *, room: str = "default", dark: bool = False, query: str = "", lobby: bool = False,
          phone: tuple[int, int] | None = None) -> None:  # fmt: skip
    with running() as fake, chromium(microphone=tone, size=(1280, 800)) as driver:
        page = Page(driver)
        page.dark(dark)
        width, height = phone or (1280, 800)
        page.phone(width, height, 2)
        page.open(f"{fake.base_url}/?name=Ann&room={room}{query}")
        if not lobby:
            page.join()
            page.until("window.hubbub.view.dock.strip.columns.length > 30")
            converse(page, fake, chinese="zh" in query)
        shoot(page, name)


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    wanted = set(sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        tone = write_tone(Path(folder) / "tone.wav")
        scenes = {
            "page-light.png": {},
            "page-dark.png": {"room": "council", "dark": True},
            "page-phone.png": {"phone": (375, 760)},
            "page-zh.png": {"query": "&lang=zh"},
            "page-door.png": {"lobby": True},
        }
        for name, options in scenes.items():
            if not wanted or name in wanted:
                scene(name, tone, **options)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
