"""The text messages of Asterisk's WebSocket channel: as an Asterisk 22.10 writes them, in both forms and both ways."""

import pytest
from hubbub.voice.gateway.asterisk import control as c
from hubbub.voice.gateway.telephony.wire.base import Coding, WireError
from hypothesis import given
from hypothesis import strategies as st

START = c.MediaStart("hub", "WebSocket/hub/0x7fb1", "1795944931.10", "slin16", 640, 20, {"MEDIA_WEBSOCKET_CONNECTION_ID": "hub"})
ID = "1795944931.10"

EVENTS: list[tuple[c.Event, str, str]] = [
    (
        START,
        '{"event":"MEDIA_START","connection_id":"hub","channel":"WebSocket/hub/0x7fb1","channel_id":"1795944931.10","format":"slin16",'
        '"optimal_frame_size":640,"ptime":20,"channel_variables":{"MEDIA_WEBSOCKET_CONNECTION_ID":"hub"}}',
        "MEDIA_START connection_id:hub channel:WebSocket/hub/0x7fb1 channel_id:1795944931.10 format:slin16 optimal_frame_size:640 ptime:20",
    ),
    (
        c.Status(90, media_paused=True),
        '{"event":"STATUS","channel_id":"1795944931.10","queue_length":90,"xon_level":800,"xoff_level":900,"queue_full":false,'
        '"bulk_media":false,"media_paused":true}',
        "STATUS channel_id:1795944931.10 queue_length:90 xon_level:800 xoff_level:900 queue_full:false bulk_media:false media_paused:true",
    ),
    (
        c.MarkProcessed("m1"), '{"event":"MEDIA_MARK_PROCESSED","channel_id":"1795944931.10","correlation_id":"m1"}',
        "MEDIA_MARK_PROCESSED m1",
    ),
    (
        c.BufferingCompleted("b1"), '{"event":"MEDIA_BUFFERING_COMPLETED","channel_id":"1795944931.10","correlation_id":"b1"}',
        "MEDIA_BUFFERING_COMPLETED b1",
    ),
    (c.QueueDrained(), '{"event":"QUEUE_DRAINED","channel_id":"1795944931.10"}', "QUEUE_DRAINED"),
    (c.Xoff(), '{"event":"MEDIA_XOFF","channel_id":"1795944931.10"}', "MEDIA_XOFF"),
    (c.Xon(), '{"event":"MEDIA_XON","channel_id":"1795944931.10"}', "MEDIA_XON"),
    (c.DtmfEnd("#"), '{"event":"DTMF_END","channel_id":"1795944931.10","digit":"#"}', "DTMF_END digit:# channel_id:1795944931.10"),
    (
        c.Fault("Unable to parse JSON command"),
        '{"event":"ERROR","channel_id":"1795944931.10","error_text":"Unable to parse JSON command"}',
        "ERROR channel_id:1795944931.10 error_text:Unable to parse JSON command",
    ),
]  # fmt: skip
"""Recorded from an Asterisk 22.10.1, which dialled into a server that printed what came."""

COMMANDS = [
    (c.Command("MARK_MEDIA", "7.2400"), '{"command":"MARK_MEDIA","correlation_id":"7.2400"}', "MARK_MEDIA 7.2400"),
    (c.Command("FLUSH_MEDIA"), '{"command":"FLUSH_MEDIA"}', "FLUSH_MEDIA"),
    (c.Command("STOP_MEDIA_BUFFERING", "b"), '{"command":"STOP_MEDIA_BUFFERING","correlation_id":"b"}', "STOP_MEDIA_BUFFERING b"),
    (c.Command("STOP_MEDIA_BUFFERING"), '{"command":"STOP_MEDIA_BUFFERING"}', "STOP_MEDIA_BUFFERING"),
    (c.Command("HANGUP"), '{"command":"HANGUP"}', "HANGUP"),
]


@pytest.mark.parametrize(("event", "json", "plain"), EVENTS)
def test_events_are_read_as_asterisk_writes_them(event: c.Event, json: str, plain: str) -> None:
    assert c.read_event(json) == event
    expected = c.MediaStart(*(getattr(event, name) for name in list(c.MediaStart.__slots__)[:6])) if event == START else event
    assert c.read_event(plain) == expected, "plain text has no channel variables"


@pytest.mark.parametrize(("event", "json", "plain"), EVENTS)
def test_who_plays_asterisk_writes_the_same(event: c.Event, json: str, plain: str) -> None:
    assert c.write_event(event, "json", ID) == json
    assert c.write_event(event, "plain", ID) == plain


@pytest.mark.parametrize(("command", "json", "plain"), COMMANDS)
def test_commands_both_ways(command: c.Command, json: str, plain: str) -> None:
    assert c.write_command(command, "json") == json
    assert c.write_command(command, "plain") == plain
    assert c.read_command(json, "json") == c.read_command(plain, "plain") == command


def test_what_asterisk_would_drop_unheard_is_refused_here() -> None:
    assert len(c.write_command(c.Command("MARK_MEDIA", "x" * 80), "json")) <= 128
    with pytest.raises(ValueError, match="more than 128 bytes"):
        c.write_command(c.Command("MARK_MEDIA", "x" * 120), "json")
    assert c.write_command(c.Command("SET_MEDIA_DIRECTION", direction="in"), "json") == '{"command":"SET_MEDIA_DIRECTION","direction":"in"}'
    with pytest.raises(ValueError, match="only in JSON"):
        c.write_command(c.Command("SET_MEDIA_DIRECTION", direction="in"), "plain")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("{", "no JSON"),
        ('{"event":3}', "'event' must be text"),
        ('{"event":"MEDIA_START","format":"ulaw"}', "'optimal_frame_size'"),
        ("MEDIA_START format:ulaw optimal_frame_size:many", "'optimal_frame_size' must be a whole number"),
        ('{"event":"MEDIA_START","format":"ulaw","optimal_frame_size":160,"channel_variables":[]}', "channel_variables"),
        ('{"event":"DTMF_END","digit":"55"}', "must be one key"),
        ("DTMF_END channel_id:3", "must be one key"),
    ],
)
def test_a_wrong_event_is_explained(data: str, words: str) -> None:
    with pytest.raises(WireError) as caught:
        c.read_event(data)
    assert words in str(caught.value)


def test_what_is_not_known_is_named_and_ignored() -> None:
    assert c.read_event('{"event":"MEDIA_LATER"}') == c.Unknown("MEDIA_LATER")
    assert c.read_event("") == c.Unknown("")
    assert c.read_command("SING loudly", "plain") == c.Unknown("SING")
    with pytest.raises(WireError, match="direction"):
        c.read_command('{"command":"SET_MEDIA_DIRECTION"}', "json")


@given(st.sampled_from(["", "STATUS ", "DTMF_END ", "{", '{"event":"STATUS"']), st.text(max_size=60))
def test_any_text_is_an_event_or_explained(begin: str, rest: str) -> None:
    data = begin + rest
    for read in (lambda: c.read_event(data), lambda: c.read_command(data, "plain"), lambda: c.read_command(data, "json")):
        try:
            assert read() is not None
        except WireError as error:
            assert str(error)


def test_formats_have_one_name_each() -> None:
    assert c.FORMATS["slin16"] == Coding("l16", 16_000)
    assert c.FORMAT_OF["ulaw", 8000] == "ulaw"
    assert len(c.FORMAT_OF) == len(c.FORMATS)
