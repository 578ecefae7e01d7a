"""Takes the README's picture: human speech into the page's microphone, the real server with its offline engines, and what comes back.

    HUBBUB_SHARED_AUDIO=… python tests/e2e/real_picture.py

Recordings of people are needed (see CONTRIBUTING.md); nothing in the picture is scripted but the moment of the interruption.
"""

import os
import tempfile
from pathlib import Path

from fake_microphone import write_microphone
from hubbub.voice.audio.frames import EAR_HZ
from hubbub.voice.audio.wav import read_audio
from page_browser import LOOPBACK, Page, chromium
from page_pictures import keep, picture
from served_house import served_house

TURNS = ((4.0, "speech/how_old_is_the_brooklyn_bridge.wav"), (9.5, "speech/book_a_room.wav"), (6.5, "speech/two_people.wav"))


def main() -> None:
    folder = Path(os.environ["HUBBUB_SHARED_AUDIO"])
    with tempfile.TemporaryDirectory() as place:
        spoken = (part for pause_s, name in TURNS for part in (pause_s, read_audio(str(folder / name), EAR_HZ)))
        microphone = write_microphone(Path(place) / "microphone.wav", *spoken, 40.0)
        with (
            served_house() as server,
            chromium(microphone=Path(f"{microphone}%noloop"), size=(1440, 980), extra=LOOPBACK) as driver,
        ):
            page = Page(driver).open(f"{server.url}/?name=Ann&lang=en").join()
            page.until("document.querySelectorAll('.entry[data-own=true][data-state=final]').length >= 3", seconds=60)
            page.wait(1500)
            driver.find_element("css selector", "#text").send_keys("count to twenty\n")
            page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length > 6", seconds=20)
            page.click("#interrupt")
            page.wait(800)
            driver.find_element("css selector", "#text").send_keys("go on\n")
            page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length > 8", seconds=20)
            keep("page-real.png", picture(page))


if __name__ == "__main__":
    main()
