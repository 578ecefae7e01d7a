"""The page of a server with a lock: told to show a token, let in by a link that has one, and inviting with another."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import page_browser
import pytest
from page_browser import LOOPBACK, Page, chromium
from served_house import served_house

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-"),
]

ROOMS = """
server:
  access: {open: false}
engines: {model: {provider: embedded}}
rooms:
  default:
    agents: [{name: Ava}]
"""


def hubbub(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "hubbub.voice.cli", *words], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip().splitlines()[-1]


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    pytest.importorskip("pocketsphinx")
    monkeypatch.setenv("HUBBUB_SERVER_KEY", hubbub("token", "--new-key"))
    rooms = tmp_path / "rooms.yaml"
    rooms.write_text(ROOMS)
    with served_house(rooms) as served:
        yield served.url


def remembered(page: Page) -> None:
    """What was said is in the agent's memory, which only a token opens."""
    page.type("what is your name\n")
    page.until("document.querySelector('.entry[data-kind=agent][data-state=final]')")
    page.click("#tab-memory")
    page.until("document.querySelectorAll('.memories li').length === 2")
    said = page.text(".entry[data-kind=agent] .text")
    assert page.text(".memories li:first-child").splitlines() == ["Mo", "what is your name"]
    assert page.text(".memories li:last-child").splitlines() == ["Ava", said]


def test_a_token_in_the_link_lets_in_and_invites(address: str) -> None:
    token = hubbub("token", "--room", "default", "--name", "Mo", "--role", "moderator")
    with chromium(extra=LOOPBACK) as driver:
        page = Page(driver)
        driver.get(f"{address}/?lang=en")
        page.until("document.querySelector('.notice[data-key=door]')")
        assert "#token=" in page.text(".notice")
        driver.get("about:blank")
        page.open(f"{address}/?lang=en&room=default#token={token}")
        assert "token" not in driver.current_url, "it is taken out of the address"
        assert page.js("[document.querySelector('#name').value, document.querySelector('#name').readOnly]") == ["Mo", True]
        page.join()
        remembered(page)
        page.click("#invite-open")
        page.until("document.querySelector('#invite-link').value.includes('#token=')")
        link = page.js("document.querySelector('#invite-link').value")
        assert token not in link, "the guest gets a token of his own"
        driver.switch_to.new_window("window")
        page.open(link).join("typing")
        assert page.js("window.hubbub.client.joined.participants.map(one => one.name)")[:2] == ["Ava", "Mo"]
        page.click("#people li:has(button[title='Mo']) button")
        assert page.js("document.querySelectorAll('#person-actions button').length") == 0, "a guest moderates nobody"
        page.click("#person [data-close]")
        page.click("#tab-memory")
        page.until("document.querySelector('#memory').innerText.includes('moderators')")
        assert page.js("document.querySelectorAll('.memories li').length") == 0, "what Mo said is not for every guest"
        driver.get(f"{address}/operator?lang=en")
        page.until("!document.querySelector('#key-form').hidden")
        page.driver.find_element("css selector", "#key").send_keys(os.environ["HUBBUB_SERVER_KEY"] + "\n")
        page.until("!document.querySelector('#board').hidden")
