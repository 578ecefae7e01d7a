#!/usr/bin/python3
"""A microphone or a recording into a room by WHIP, with GStreamer's `webrtcbin`: all that Debian 12 has of it (1.22, no `whipsink`).

    apt install python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-plugins-{base,good,bad} gstreamer1.0-nice
    /usr/bin/python3 examples/whip/studio.py "http://127.0.0.1:8080/api/webrtc?room=default&name=Studio"
    /usr/bin/python3 examples/whip/studio.py "http://…" --source "filesrc location=question.wav ! wavparse"
    /usr/bin/python3 examples/whip/studio.py "https://…" --token TOKEN

It sends and does not hear: the agents' answers are heard by everybody else in the room. It ends with the source, or on Ctrl-C. GStreamer
offers no loopback address: on the server's own machine, too, name the server by its address in the network, and have it listen there
(`hubbub serve --host 0.0.0.0 --open`).
"""

import argparse
import contextlib
import sys
import urllib.error
import urllib.request
from urllib.parse import urljoin

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = (
    "{source} ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=1 ! queue ! "
    "opusenc name=coder inband-fec=true audio-type=voice ! rtpopuspay pt=111 ! "
    "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=111 ! webrtc. "
    "webrtcbin name=webrtc bundle-policy=max-bundle"
)
LINGER_MS = 2000
"""How long it stays after its source has ended: whoever leaves within the pause that ends a turn is not answered."""


class Studio:
    """One WHIP session (RFC 9725): the offer with all candidates goes up, the answer comes down, and a DELETE ends it."""

    def __init__(self, url: str, source: str, token: str) -> None:
        self.url, self.resource, self.token = url, "", token
        self.fault = ""
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(PIPELINE.format(source=source))
        self.webrtc = self.pipeline.get_by_name("webrtc")
        self.webrtc.connect("on-negotiation-needed", self.negotiate)
        self.webrtc.connect("notify::ice-gathering-state", self.gathered)
        coded = self.pipeline.get_by_name("coder").get_static_pad("src")
        coded.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self.passed)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.watch)

    def run(self) -> int:
        self.pipeline.set_state(Gst.State.PLAYING)
        with contextlib.suppress(KeyboardInterrupt):
            self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        if self.resource:
            self.ask("DELETE", self.resource)
        if self.fault:
            print(self.fault, file=sys.stderr)
        return 1 if self.fault else 0

    def negotiate(self, webrtc) -> None:
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY
        webrtc.emit("get-transceiver", 0).set_property("direction", direction)
        webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offered))

    def offered(self, promise) -> None:
        reply = promise.get_reply()  # kept in a name: the offer lives as long as it does
        self.webrtc.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def gathered(self, webrtc, _) -> None:
        if webrtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE and not self.resource:
            GLib.idle_add(self.connect)

    def connect(self) -> bool:
        offer = self.webrtc.get_property("local-description").sdp.as_text()
        try:
            location, answer = self.ask("POST", self.url, offer)
        except urllib.error.HTTPError as error:
            self.end(f"refused ({error.code}): {error.read().decode(errors='replace')}")
            return False
        except OSError as error:
            self.end(f"no answer: {error}")
            return False
        self.resource = urljoin(self.url, location)
        _, parsed = GstSdp.SDPMessage.new_from_text(answer)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, parsed)
        self.webrtc.emit("set-remote-description", description, Gst.Promise.new())
        return False

    def ask(self, method: str, url: str, body: str = ""):
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        if body:
            headers["content-type"] = "application/sdp"
        request = urllib.request.Request(url, body.encode() or None, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.headers.get("location", ""), answer.read().decode()

    def watch(self, _, message) -> None:
        if message.type == Gst.MessageType.ERROR:
            self.end(str(message.parse_error()[0].message))

    def passed(self, _, info):
        """The source has ended: what is on its way is sent, and no more."""
        if info.get_event().type == Gst.EventType.EOS:
            GLib.timeout_add(LINGER_MS, self.end, "")
        return Gst.PadProbeReturn.OK

    def end(self, fault: str) -> bool:
        self.fault = self.fault or fault
        self.loop.quit()
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="the WHIP endpoint, with room and name")
    parser.add_argument("--source", default="autoaudiosrc", help="GStreamer elements that give raw audio (default: %(default)s)")
    parser.add_argument("--token", default="")
    arguments = parser.parse_args()
    Gst.init(None)
    return Studio(arguments.url, arguments.source, arguments.token).run()


if __name__ == "__main__":
    sys.exit(main())
