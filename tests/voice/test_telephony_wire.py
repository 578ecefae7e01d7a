"""The carriers' wire formats: golden messages from their documents, both ends of the line, and anything else that may come."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hubbub.voice.gateway.telephony.wire import base as b
from hubbub.voice.gateway.telephony.wire.carriers import CARRIERS, carrier_end, detect, server_end
from hypothesis import given, settings
from hypothesis import strategies as st

GOLDEN = Path(__file__).parent / "golden"
STARTS = {
    "twilio": b.Start("MZ1", "CA1", "AC1", parameters={"room": "default"}),
    "telnyx": b.Start("s1", "v3:c", "u", "+1", "+2", {"room": "default"}, b.Coding("alaw", 8000)),
    "plivo": b.Start("s1", "c1", "MA", parameters={"room": "default"}, coding=b.Coding("l16", 16000)),
    "vonage": b.Start("c1", "c1", "", "44", "45", {"room": "default"}, b.Coding("l16", 24000)),
    "exotel": b.Start("MZ1", "CA1", "AC1", "+91", "+92", {"room": "default"}, b.Coding("l16", 8000)),
}


def golden(carrier: str) -> list[dict[str, Any]]:
    return json.loads((GOLDEN / f"{carrier}.json").read_text())


def value(means: dict[str, Any]) -> Any:
    fields = {name: content for name, content in means.items() if name != "type"}
    if "payload" in fields:
        fields["payload"] = base64.b64decode(fields["payload"])
    if "coding" in fields:
        fields["coding"] = b.Coding(**fields["coding"])
    return getattr(b, means["type"])(**fields)


def data(wire: dict[str, Any]) -> str | bytes:
    return base64.b64decode(wire["base64"]) if "base64" in wire else json.dumps(wire)


def same(written: str | bytes | None, wire: dict[str, Any]) -> bool:
    return written == data(wire) if isinstance(written, bytes) or written is None else json.loads(written) == wire


@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_documents_messages_are_read_and_written_by_both_ends(carrier):
    server, other = server_end(carrier), carrier_end(carrier)
    entries = golden(carrier)
    assert {entry["from"] for entry in entries} == {"carrier", "server"}
    for entry in entries:
        message = value(entry["means"])
        if entry["from"] == "carrier":
            assert server.receive(data(entry["wire"])) == message
            sent = other.send(message)
            if entry["written"]:
                assert same(sent, entry["wire"]), sent
            if sent is not None:
                assert server.receive(sent) == message
        else:
            assert other.receive(data(entry["wire"])) == message
            sent = server.send(message)
            assert same(sent, entry["wire"]), sent


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_whole_call_passes_from_end_to_end(carrier):
    server, other = server_end(carrier), carrier_end(carrier)
    assert server.receive(other.send(STARTS[carrier])) == STARTS[carrier]
    assert server.coding == other.coding == STARTS[carrier].coding
    frame = bytes(server.coding.rate_hz // 50 * server.coding.sample_bytes)
    for number in (1, 2, 3):
        media = server.receive(other.send(b.Media(frame)))
        assert media.payload == frame
        if media.chunk is not None:
            assert (media.chunk, media.timestamp_ms) == (number, (number - 1) * 20), "counted on as the carrier counts"
    for message in (b.Media(frame), b.Mark("1:480"), b.Clear()):
        assert other.receive(server.send(message)) == message
    assert server.receive(other.send(b.MarkPlayed("1:480"))) == b.MarkPlayed("1:480")
    assert server.receive(other.send(b.Digit("#"))).digit == "#"


@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_first_messages_tell_whose_they_are(carrier):
    found = None
    for entry in golden(carrier):
        if entry["from"] == "carrier" and found is None:
            found = detect(data(entry["wire"]))
    assert found == carrier


def test_what_no_carrier_sends_first_is_refused():
    for message in ("{}", "[]", "{", '{"event":"media"}', '{"event":"start","start":{}}', '{"event":7}'):
        with pytest.raises(b.WireError):
            detect(message)
    with pytest.raises(b.WireError, match="text message"):
        detect(b"\0\0")


BAD = [
    ("twilio", '{"event":"media","media":{"payload":"not base64!"}}', "bad_payload"),
    ("twilio", '{"event":"media","media":{"payload":7}}', "bad_message"),
    ("twilio", '{"event":"media","media":[]}', "bad_message"),
    ("twilio", '{"event":"media","media":{"payload":"","chunk":"one"}}', "bad_message"),
    ("twilio", '{"event":"media","media":{"payload":"","chunk":"' + "9" * 5000 + '"}}', "bad_message"),
    ("twilio", '{"event":"media","media":{"payload":"' + "A" * 200_000 + '"}}', "too_much_sound"),
    ("twilio", '{"event":"media","streamSid":"MZother","media":{"payload":""}}', "wrong_stream"),
    ("twilio", '{"event":"dtmf","dtmf":{"digit":"55"}}', "bad_digit"),
    ("twilio", '{"event":"mark","mark":{}}', "bad_message"),
    ("twilio", '{"event":"start","start":{"streamSid":"a","callSid":"b","mediaFormat":{"encoding":"opus"}}}', "bad_format"),
    ("twilio", '{"event":null}', "bad_message"),
    ("twilio", "[" * 100_000, "bad_json"),
    ("telnyx", '{"event":"start","stream_id":"s1","start":{"call_control_id":"c","media_format":{"encoding":"OPUS"}}}', "bad_format"),
    ("telnyx", '{"event":"media","media":{"payload":"AA"}}', "bad_payload"),
    ("plivo", '{"event":"start","start":{"callId":"c","streamId":"s","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":44100}}}',
     "bad_format"),
    ("plivo", '{"event":"start","start":{"callId":"c","streamId":"s","mediaFormat":{"encoding":"audio/x-mulaw"}},"extra_headers":"{"}',
     "bad_parameters"),
    ("vonage", b"\0\0\0", "bad_payload"),
    ("vonage", '{"event":"websocket:connected","content-type":"audio/l16;rate=11025"}', "bad_format"),
    ("exotel", '{"event":"media","media":{"payload":"AAA="}}'.replace("AAA=", "AAAA"), "bad_payload"),
    ("exotel", '{"event":"start","start":{"stream_sid":"a","call_sid":"b","custom_parameters":{"x":["y"]}}}', "bad_parameters"),
]  # fmt: skip


@pytest.mark.parametrize(("carrier", "message", "code"), BAD, ids=range(len(BAD)))
def test_a_bad_message_is_refused_with_its_reason(carrier, message, code):
    server = server_end(carrier)
    server.receive(carrier_end(carrier).send(STARTS[carrier]))
    with pytest.raises(b.WireError) as caught:
        server.receive(message)
    assert caught.value.code == code and len(str(caught.value)) < 300


def test_plivo_takes_its_extra_headers_in_every_form():
    start = {"event": "start", "start": {"callId": "c", "streamId": "s", "mediaFormat": {"encoding": "audio/x-mulaw"}}}
    for extra in ("room=lobby,token=x", "room=lobby;token=x", '{"X-PH-room": "lobby", "token": "x"}', {"room": "lobby", "token": "x"}):
        read = server_end("plivo").receive(json.dumps({**start, "extra_headers": extra}))
        assert read.parameters == {"room": "lobby", "token": "x"}
    assert server_end("plivo").receive(json.dumps({**start, "extra_headers": "{}"})).parameters == {}


_leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["AAAA", "1", "inbound", "#"])
_names = st.sampled_from(
    ["event", "media", "start", "mark", "dtmf", "stop", "payload", "chunk", "digit", "name", "streamSid", "stream_id", "streamId",
     "stream_sid", "mediaFormat", "media_format", "encoding", "customParameters", "extra_headers", "content-type", "action"]
)  # fmt: skip
_json = st.recursive(_leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=5), max_leaves=12)
_events = st.sampled_from(
    ["connected", "start", "media", "mark", "dtmf", "stop", "error", "playedStream", "clearedAudio", "playAudio", "checkpoint",
     "clearAudio", "sendDTMF", "websocket:connected", "websocket:dtmf", "websocket:notify", "clear", "notify", "?"]
)  # fmt: skip
_message = st.dictionaries(_names, _json, max_size=5).flatmap(
    lambda message: _events.map(lambda event: json.dumps({**message, "event": event, "action": event}))
)


@pytest.mark.parametrize("carrier", CARRIERS)
@settings(max_examples=120, deadline=None)
@given(message=_message | st.text(max_size=40) | st.binary(max_size=40))
def test_anything_that_comes_is_read_or_refused(carrier, message):
    for started in (False, True):
        server, other = server_end(carrier), carrier_end(carrier)
        if started:
            server.receive(other.send(STARTS[carrier]))
        for end in (server, other):
            try:
                read = end.receive(message)
            except b.WireError as refused:
                assert refused.code and str(refused)
            else:
                assert type(read).__module__.endswith("wire.base")


@pytest.mark.parametrize("carrier", CARRIERS)
@settings(max_examples=60, deadline=None)
@given(
    payload=st.binary(max_size=400).map(lambda found: found[: len(found) // 2 * 2]),
    name=st.text(max_size=40),
    digit=st.sampled_from("0123456789*#ABCD"),
)
def test_what_one_end_writes_the_other_reads(carrier, payload, name, digit):
    server, other = server_end(carrier), carrier_end(carrier)
    server.receive(other.send(STARTS[carrier]))
    assert server.receive(other.send(b.Media(payload))).payload == payload
    assert server.receive(other.send(b.MarkPlayed(name))) == b.MarkPlayed(name)
    assert server.receive(other.send(b.Digit(digit))).digit == digit
    assert other.receive(server.send(b.Media(payload))).payload == payload
    assert other.receive(server.send(b.Mark(name))) == b.Mark(name)
