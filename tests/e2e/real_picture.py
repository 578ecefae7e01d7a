"""Takes the README's picture: human speech into the page's microphone, the real server with its offline engines, and what comes back.

    HUBBUB_SHARED_AUDIO=… python tests/e2e/real_picture.py

Recordings of people are needed (see CONTRIBUTING.md); nothing in the picture is scripted but the moment of the interruption.
"""

import os
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np
from hubbub.voice.audio.wav import read_audio
from page_browser import LOOPBACK, Page, chromium

HERE = Path(__file__).parent
PICTURE = HERE.parent.parent / "docs" / "images" / "page-real.png"
TURNS = ((4.0, "speech/how_old_is_the_brooklyn_bridge.wav"), (9.5, "speech/book_a_room.wav"), (6.5, "speech/two_people.wav"))


def write_microphone(path: Path, folder: Path) -> None:
    """The recordings with pauses for the answers, as 48 kHz WAV."""
    sound = []
    rng = np.random.default_rng(5)
    for pause_s, name in TURNS:
        sound += [rng.integers(-3, 4, int(pause_s * 48000)), np.frombuffer(read_audio(str(folder / name), 48000), np.int16)]
    sound.append(rng.integers(-3, 4, 40 * 48000))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(np.concatenate(sound).astype("<i2").tobytes())


def main() -> None:
    folder = Path(os.environ["HUBBUB_SHARED_AUDIO"])
    with tempfile.TemporaryDirectory() as place:
        microphone = Path(place) / "microphone.wav"
        write_microphone(microphone, folder)
        server = subprocess.Popen([sys.executable, str(HERE / "page_house.py")], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            with chromium(microphone=Path(f"{microphone}%noloop"), size=(1440, 980), extra=LOOPBACK) as driver:
                page = Page(driver).open(f"{address}/?name=Ann&lang=en").join()
                page.until("document.querySelectorAll('.entry[data-own=true][data-state=final]').length >= 3", seconds=60)
                page.wait(1500)
                driver.find_element("css selector", "#text").send_keys("count to twenty\n")
                page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length > 6", seconds=20)
                page.click("#interrupt")
                page.wait(800)
                driver.find_element("css selector", "#text").send_keys("go on\n")
                page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length > 8", seconds=20)
                driver.save_screenshot(str(PICTURE))
        finally:
            server.terminate()
            server.wait(15)


if __name__ == "__main__":
    main()
