"""Makes the pictures of the page in docs/images. Run it by hand: `python tests/e2e/page_pictures.py`."""

import base64
import io
import math
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from fake_microphone import RATE_HZ as MIC_HZ
from fake_microphone import write_microphone, write_sound
from fake_page_server import RATE_HZ, FakeServer, running
from hubbub.voice import event as ev
from hubbub.voice.audio.frames import EAR_HZ
from hubbub.voice.audio.wav import read_wav
from page_browser import LOOPBACK, Page, chromium
from PIL import Image
from served_house import served_house

IMAGES = Path(__file__).parents[2] / "docs" / "images"
NEAR = 7
"""Colours that differ by no more, in the sum of their three parts, look the same."""
STORY = (
    "Once upon a time there was a lighthouse keeper who talked to the fog. Every evening she told it what she had seen, "
    "and every morning the fog had forgotten, so that she could tell it all again."
)


def syllables(seconds: float) -> float:
    """A loudness that rises and falls as speech does, with a pause now and then."""
    phrase = max(0.0, math.sin(seconds * 1.7) + 0.55)
    return min(1.0, phrase * (0.12 + 0.88 * abs(math.sin(seconds * 11) * math.sin(seconds * 6.3 + 1))) ** 1.5)


def write_murmur(path: Path, seconds: int = 30) -> Path:
    """A microphone that is spoken into, now and then."""
    noise = np.random.default_rng(7)
    loud = np.repeat([9000 * syllables(step / 50) if step % 250 < 110 else 60 for step in range(seconds * 50)], MIC_HZ // 50)
    return write_sound(path, (noise.uniform(-1, 1, seconds * MIC_HZ) * loud).astype(np.int16))


def converse(page: Page, fake: FakeServer, *, chinese: bool = False) -> None:
    """A conversation with all there is to see: a cut reply, a backchannel, a partial, a reply that is being spoken."""
    first, second = ("你好，我是小安。", "给我讲个故事吧。") if chinese else ("Hello, my name is Ann.", "Tell me a story.")
    hello = "你好，|小安！|很|高兴|认识|你。" if chinese else "Hello Ann, nice to meet you."
    story = "从前|有|一位|守灯塔|的|人，|她|每天|晚上|都|和|雾|说话，|把|这|一天|看见|的|都|讲|给|它|听。" if chinese else STORY
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
        "有|一次，|它|记住|了|一个|字，|就是|她|的|名字，|轻轻|地|说了|出来。"
        if chinese
        else ("Once, it did. It came back with a single word, and the word was her own name, spoken very softly.")
    )
    said = fake.say(last, word_ms=240)
    page.until(
        "window.hubbub.player.playhead.reply === 3 && window.hubbub.player.playhead.offset > arguments[0]", int(said.samples * 0.6)
    )


def picture(page: Page) -> bytes:
    """What is on the screen, as PNG."""
    return base64.b64decode(page.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])


def keep(name: str, png: bytes) -> None:
    """In few colours: a third of the size, and nobody sees it."""
    in_few_colours(Image.open(io.BytesIO(png)).convert("RGB")).save(IMAGES / name, "PNG", optimize=True)
    print(f"docs/images/{name}", flush=True)


def in_few_colours(image: Image.Image) -> Image.Image:
    """In the colours that are used most, none of them close to another. (Pillow's own palettes make one colour of two that matter.)"""
    colours, uses = np.unique(np.asarray(image).reshape(-1, 3), axis=0, return_counts=True)
    chosen: list[npt.NDArray[np.int64]] = []
    for colour in colours[np.argsort(-uses)].astype(int):
        if all(np.abs(colour - other).sum() > NEAR for other in chosen):
            chosen.append(colour)
        if len(chosen) == 256:
            break
    palette = Image.new("P", (1, 1))
    palette.putpalette([int(value) for colour in chosen + chosen[-1:] * (256 - len(chosen)) for value in colour])
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def shoot(page: Page, name: str) -> None:
    keep(name, picture(page))


@dataclass(frozen=True)
class Scene:
    """One picture: how the page is opened, and what happens in it before it is taken."""

    then: Callable[[Page, FakeServer], None]
    room: str = "default"
    dark: bool = False
    query: str = ""
    size: tuple[int, int] = (1280, 800)
    scale: float = 1.5


def at_the_door(page: Page, fake: FakeServer) -> None:
    page.wait(300)


def joined(page: Page) -> None:
    page.join()
    page.until("window.hubbub.view.dock.strip.columns.length > 30")


def conversation(page: Page, fake: FakeServer) -> None:
    joined(page)
    converse(page, fake, chinese="zh" in page.driver.current_url)
    if "council" in page.driver.current_url:
        fake.send(ev.ParticipantChanged(participant=ev.Participant(name="Ben", kind="caller", muted=True)))
        fake.send(ev.Floor(speaker="Ada", mouth="speaking", queue=("Grace", "明")))
        page.until("!document.querySelector('#queue').hidden")


def remembering(page: Page, fake: FakeServer) -> None:
    heard, unheard = STORY.split("what she had seen")
    fake.memory = [
        {"name": "Ann", "role": "user", "text": "Hello, my name is Ann."},
        {"name": "Ada", "role": "assistant", "text": "Hello Ann, nice to meet you."},
        {"name": "Ann", "role": "user", "text": "Tell me a story."},
        {"name": "Ada", "role": "assistant", "text": heard, "unheard": f"what she had seen{unheard}", "interrupted_by": "Ann"},
        {"name": "Ann", "role": "user", "text": "Wait, did the fog ever remember?"},
    ]
    conversation(page, fake)
    if page.js("document.querySelector('#details').hidden"):
        page.click("#details-toggle")
    page.click("#tab-memory")
    page.until("document.querySelectorAll('.memories li').length === 5")


def inviting(page: Page, fake: FakeServer) -> None:
    conversation(page, fake)
    page.js("document.querySelector('#invite-open').click()")
    page.wait(400)


def choosing_devices(page: Page, fake: FakeServer) -> None:
    joined(page)
    page.click("#devices-open")
    page.until("document.querySelectorAll('#device-microphone option').length > 1")
    page.click("#ptt")
    page.wait(400)
    page.click("#ptt")


def held(page: Page, fake: FakeServer) -> None:
    joined(page)
    fake.send(ev.Transcript(speaker="Ann", text="Tell me a story.", final=True, turn=1))
    said = fake.say(STORY, word_ms=120)
    page.until("window.hubbub.player.playhead.offset > arguments[0]", said.samples // 2)
    fake.send(ev.SpeechStarted(speaker="Ann"))
    fake.hold()
    page.until("document.querySelector('#status').dataset.state === 'held'")
    page.wait(300)


def lost(page: Page, fake: FakeServer) -> None:
    conversation(page, fake)
    fake.down = True
    fake.drop()
    page.until("document.querySelector('.notice[data-key=lost]')")
    page.wait(400)


def muted(page: Page, fake: FakeServer) -> None:
    conversation(page, fake)
    page.click("#mute")
    page.wait(300)


def refused(page: Page, fake: FakeServer) -> None:
    """The browser of a person who said no."""
    page.js("navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('Permission denied', 'NotAllowedError'); }")
    page.click("#join-voice")
    page.until("document.querySelector('.notice[data-key=join]')")
    page.wait(400)


def quiet(page: Page, fake: FakeServer) -> None:
    """Nothing comes over the line, and the connection stands still."""
    conversation(page, fake)
    network(page, on=False)
    page.until("document.querySelector('.notice[data-key=quiet]')")
    page.wait(400)


def network(page: Page, *, on: bool) -> None:
    page.driver.execute_cdp_cmd("Network.enable", {})
    how = {"offline": not on, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", how)


PHONE = (390, 844)
LANDSCAPE = (844, 390)
SCENES = {
    "page-light.png": Scene(conversation),
    "page-dark.png": Scene(conversation, room="council", dark=True),
    "page-zh.png": Scene(conversation, query="&lang=zh", scale=1),
    "page-zh-dark.png": Scene(conversation, query="&lang=zh", scale=1, dark=True),
    "page-phone.png": Scene(conversation, size=PHONE, scale=2),
    "page-phone-dark.png": Scene(conversation, room="council", size=PHONE, scale=2, dark=True),
    "page-door.png": Scene(at_the_door),
    "page-door-dark.png": Scene(at_the_door, dark=True, scale=1),
    "page-refused.png": Scene(refused, scale=1),
    "page-refused-dark.png": Scene(refused, scale=1, dark=True),
    "page-held.png": Scene(held, scale=1),
    "page-held-dark.png": Scene(held, scale=1, dark=True),
    "page-lost.png": Scene(lost, scale=1),
    "page-lost-dark.png": Scene(lost, scale=1, dark=True),
    "page-quiet.png": Scene(quiet, scale=1),
    "page-quiet-dark.png": Scene(quiet, scale=1, dark=True),
    "page-muted.png": Scene(muted, scale=1),
    "page-muted-dark.png": Scene(muted, scale=1, dark=True),
    "page-memory.png": Scene(remembering, scale=1),
    "page-memory-dark.png": Scene(remembering, scale=1, dark=True),
    "page-invite.png": Scene(inviting, scale=1),
    "page-invite-dark.png": Scene(inviting, scale=1, dark=True),
    "page-devices.png": Scene(choosing_devices, scale=1),
    "page-devices-dark.png": Scene(choosing_devices, scale=1, dark=True),
    "page-phone-side.png": Scene(conversation, room="council", size=LANDSCAPE, scale=1.5),
    "page-phone-side-dark.png": Scene(conversation, room="council", size=LANDSCAPE, scale=1.5, dark=True),
}
SHEET = (at_the_door, refused, held, muted, lost, choosing_devices, inviting, remembering)
"""What a phone shows, one beside the other, four in a row."""
SHEETS = {"page-phone-states.png": ("en", False), "page-phone-states-dark.png": ("en", True), "page-phone-states-zh.png": ("zh", False)}
GAP_PX = 24


def take(page: Page, scene: Scene) -> bytes:
    with running() as fake:
        fake.loudness = lambda offset: syllables(offset / RATE_HZ + 0.4)
        page.dark(scene.dark)
        page.phone(*scene.size, scene.scale)
        page.touch(scene.size in (PHONE, LANDSCAPE))
        page.open(f"{fake.base_url}/?name=Ann&mic=raw&transport=websocket&room={scene.room}{scene.query}")
        scene.then(page, fake)
        png = picture(page)
        network(page, on=True)
        page.js("(localStorage.clear(), sessionStorage.clear())")
        page.driver.get("about:blank")
        return png


def sheet(page: Page, lang: str, dark: bool) -> bytes:
    """All states of a phone in one picture."""
    room = "default" if lang == "zh" else "council"
    return beside([take(page, Scene(each, room=room, query=f"&lang={lang}", size=PHONE, scale=1, dark=dark)) for each in SHEET], dark)


def beside(shots: list[bytes], dark: bool) -> bytes:
    """Pictures of a phone, four in a row."""
    columns, rows = min(4, len(shots)), -(-len(shots) // 4)
    size = (columns * (PHONE[0] + GAP_PX) + GAP_PX, rows * (PHONE[1] + GAP_PX) + GAP_PX)
    whole = Image.new("RGB", size, "#3a3a3a" if dark else "#c9c4b8")
    for number, shot in enumerate(shots):
        row, column = divmod(number, 4)
        at = (GAP_PX + column * (PHONE[0] + GAP_PX), GAP_PX + row * (PHONE[1] + GAP_PX))
        whole.paste(Image.open(io.BytesIO(shot)).convert("RGB"), at)
    png = io.BytesIO()
    whole.save(png, "PNG")
    return png.getvalue()


def operate(sound: Path) -> None:
    """The operator's page with a real server: a spoken request, the answer cut, another request; then its recording, replayed."""
    with tempfile.TemporaryDirectory() as folder, served_house("--record", folder) as server:
        address = server.url
        with chromium(microphone=Path(f"{sound}%noloop"), extra=LOOPBACK, size=(1280, 900)) as driver:
            page = Page(driver).open(f"{address}/?name=Ann&lang=en&mic=raw").join()
            page.until("document.querySelectorAll('.entry[data-own=true][data-state=final]').length >= 2", seconds=60)
            page.wait(4000)
            page.type("what time is it\n")
            page.wait(4000)
            driver.switch_to.new_window("tab")
            page.phone(1280, 1040, 1)
            driver.get(f"{address}/operator?lang=en")
            page.until("document.querySelectorAll('#turns li').length >= 2", seconds=20)
            for name, dark in (("operator.png", False), ("operator-dark.png", True)):
                page.dark(dark)
                page.wait(300)
                shoot(page, name)
            figures = on_a_phone(page)
            driver.switch_to.window(driver.window_handles[0])
            page.click("#leave")
            driver.switch_to.window(driver.window_handles[1])
            page.until("[...document.querySelectorAll('#recordings td')].some(e => e.textContent === 'complete')", seconds=20)
            page.js("document.querySelector('#recordings a').click()")
            page.until("document.querySelectorAll('#happened li').length > 2", seconds=20)
            page.click("#replay")
            page.until("document.querySelector('.verdict')", seconds=60)
            page.js("window.hubbub.recording.seek(6000)")
            for name, dark in (("operator-recording.png", False), ("operator-recording-dark.png", True)):
                page.dark(dark)
                page.wait(500)
                shoot(page, name)
            recording = on_a_phone(page)
            for name, dark in (("operator-phone.png", False), ("operator-phone-dark.png", True)):
                keep(name, beside([*figures[dark], *recording[dark]], dark))


def on_a_phone(page: Page) -> dict[bool, list[bytes]]:
    """What a phone shows of the operator's page, on top and further down, by day and (True) by night."""
    page.phone(*PHONE, 1)
    shots: dict[bool, list[bytes]] = {}
    for dark in (False, True):
        page.dark(dark)
        shots[dark] = []
        for down in (0, 700):
            page.js("scrollTo(0, arguments[0])", down)
            page.wait(400)
            shots[dark].append(picture(page))
    page.js("scrollTo(0, 0)")
    page.phone(1280, 1040, 1)
    return shots


def write_requests(path: Path) -> Path:
    """"Tell me a story", twice, so that the second cuts the answer to the first."""
    story = read_wav(IMAGES.parents[1] / "audio_fixtures/requests/tell_me_a_story.wav", EAR_HZ)
    return write_microphone(path, 4.0, story, 8.0, story, 40.0)


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    wanted = set(sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        with chromium(microphone=write_murmur(Path(folder) / "murmur.wav")) as driver:
            for name, scene in SCENES.items():
                if not wanted or name in wanted:
                    keep(name, take(Page(driver), scene))
            for name, (lang, dark) in SHEETS.items():
                if not wanted or name in wanted:
                    keep(name, sheet(Page(driver), lang, dark))
        if not wanted or any(name.startswith("operator") for name in wanted):
            operate(write_requests(Path(folder) / "requests.wav"))


if __name__ == "__main__":
    main()
