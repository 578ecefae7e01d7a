"""The page in Firefox with a real server: joined, talked into, typed into, heard, cut."""

import pytest
from firefox import BINARY, firefox
from served_house import served_house

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.skipif(not BINARY, reason="needs Firefox (apt-get install firefox-esr)")]


def test_firefox_joins_talks_types_and_hears_over_both_wires() -> None:
    pytest.importorskip("aiortc")
    pytest.importorskip("pocketsphinx")
    with served_house() as served, firefox() as page:
        page.open(f"{served.url}/static/icon.svg")
        if page.js("Promise.race([new AudioContext().resume().then(() => 'runs'), new Promise(r => setTimeout(r, 3000))])") != "runs":
            pytest.skip("Firefox plays nothing on a machine without a sound card (pulseaudio's null sink is one)")
        for transport in ("webrtc", "websocket"):
            page.open(f"{served.url}/?name=Ann&lang=en&mic=raw&transport={transport}")
            page.until("!document.querySelector('#join-voice').disabled")
            page.click("#join-voice")
            page.until("!document.querySelector('#room').hidden && window.hubbub.client.state === 'open'")
            page.click("#mute")
            assert page.js("window.hubbub.client.wire") == transport
            page.until("document.querySelector('#mute').dataset.state === 'muted'")
            page.type("tell me a story")
            page.until("window.hubbub.player.level() > 0.01")
            page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length > 3")
            page.click("#interrupt")
            page.until("document.querySelector('.entry:last-child[data-state=final] s')")
            page.click("#mute")
            page.until("window.hubbub.view.dock.level > 0.05")
            page.click("#leave")
            page.until("!document.querySelector('#lobby').hidden")
        assert page.faults == []
        assert not served.said("Traceback")
