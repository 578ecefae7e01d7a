"""Calls in simulated time between the SDK that plays the carriers and a server of a few lines that speaks each carrier's other end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from call_pipes import Pipe, pipes
from hubbub.voice.client.phone import (
    AgentSilent,
    AgentSpeaks,
    BadLine,
    CallDetails,
    CallEnded,
    CallStarted,
    ClearCame,
    Complaint,
    ConnectionLostError,
    MarkCame,
    PhoneCall,
)
from hubbub.voice.client.phone.asterisk import AudioSocketTrunk, ChannelTrunk
from hubbub.voice.client.phone.trunk import CODINGS, CarrierTrunk, Trunk
from hubbub.voice.gateway.asterisk import frames as f
from hubbub.voice.gateway.telephony.coding import decode, encode
from hubbub.voice.gateway.telephony.wire import base as w
from hubbub.voice.gateway.telephony.wire.carriers import CARRIERS, Carrier, server_end
from hubbub.voice.testing.time import run_simulated
from hypothesis import given
from hypothesis import strategies as st

WIRES = st.sampled_from(
    [
        '{"event":"media"}', '{"event":"media","media":{"payload":"AAA"}}', '{"event":"mark","mark":{}}', '{"action":"notify"}',
        '{"event":"playAudio","media":{}}', '{"command":"MARK_MEDIA"}', '{"command":"SET_MEDIA_DIRECTION","direction":"up"}',
        b"\x10\x00\x01\x00", b"\x03",
    ]
)  # fmt: skip
"""Messages that are nearly right."""
MESSAGES = st.lists(st.one_of(st.text(max_size=60), st.binary(max_size=60), WIRES), max_size=6)


class Server:
    """The other end of a carrier's line, by hand."""

    def __init__(self, carrier: Carrier, pipe: Pipe) -> None:
        self.end = server_end(carrier)
        self.pipe = pipe
        self.got: list[w.FromCarrier] = []
        self.over = False
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while (data := await self.pipe.receive()) is not None:
            self.got.append(self.end.receive(data))
        self.over = True

    async def send(self, *messages: w.FromServer) -> None:
        for message in messages:
            data = self.end.send(message)
            assert data is not None
            await self.pipe.send(data)

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.got if isinstance(message, kind)]


def tone(ms: int, rate_hz: int, level: int = 8000) -> bytes:
    return (np.sin(np.arange(rate_hz * ms // 1000) * 0.3) * level).astype("<i2").tobytes()


@asynccontextmanager
async def line(trunk: Trunk, **options: Any) -> AsyncIterator[tuple[PhoneCall, Pipe]]:
    ours, theirs = pipes()
    async with PhoneCall(trunk, ours, CallStarted("pipe"), **options) as call:
        yield call, theirs


def simulated(scenario: Callable[[], Awaitable[None]]) -> None:
    async def world() -> None:
        async with asyncio.timeout(300):
            await scenario()

    run_simulated(world())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_carrier_greets_streams_and_hangs_up_in_its_own_words(carrier: Carrier) -> None:
    async def scenario() -> None:
        details = CallDetails(caller="+1555", called="+1666", parameters={"tenant": "t1"})
        for coding in CODINGS[carrier]:
            async with line(CarrierTrunk(carrier, details, coding)) as (call, pipe):
                server = Server(carrier, pipe)
                await asyncio.sleep(0.05)
                (start,) = server.of(w.Start)
                assert start.parameters["tenant"] == "t1"
                assert start.coding == coding
                await call.say(tone(1000, call.rate_hz))
                call.press("5#")
                await asyncio.sleep(0.2)
                heard = b"".join(decode(coding, media.payload) for media in server.of(w.Media))
                samples = np.frombuffer(heard, "<i2")
                assert (np.abs(samples) > 1000).sum() == pytest.approx(call.rate_hz * 0.92, rel=0.05)
                media = server.of(w.Media)
                assert len({len(one.payload) for one in media}) == 1
                if media[0].chunk is not None:
                    assert [one.chunk for one in media] == list(range(1, len(media) + 1))
                    step = 100 if carrier == "exotel" else 20
                    assert [one.timestamp_ms for one in media][:3] == [0, step, 2 * step]
                assert [one.digit for one in server.of(w.Digit)] == ["5", "#"]
                await call.hang_up()
                await asyncio.sleep(0.1)
                assert server.over
                if carrier in ("twilio", "telnyx", "exotel"):
                    assert isinstance(server.got[-1], w.Stop)

    simulated(scenario)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_marks_come_back_when_what_lies_before_was_played_and_a_clear_is_silence(carrier: Carrier) -> None:
    async def scenario() -> None:
        async with line(CarrierTrunk(carrier, CallDetails())) as (call, pipe):
            server = Server(carrier, pipe)
            await asyncio.sleep(0.05)
            coding = CODINGS[carrier][0]
            payload = encode(coding, tone(400, coding.rate_hz))
            await server.send(w.Media(payload), w.Mark("a"), w.Media(payload), w.Mark("b"))
            await asyncio.sleep(0.3)
            assert server.of(w.MarkPlayed) == []
            await asyncio.sleep(0.2)
            assert server.of(w.MarkPlayed) == [w.MarkPlayed("a")]
            await server.send(w.Clear())
            await asyncio.sleep(0.05)
            silent_from = len(call.heard)
            expected = [] if carrier == "plivo" else [w.MarkPlayed("b")]
            assert server.of(w.MarkPlayed)[1:] == expected, "at once after a clear, or never"
            assert len(server.of(w.Cleared)) == (carrier in ("plivo", "vonage"))
            await server.send(w.Mark("c"))
            await asyncio.sleep(0.5)
            assert server.of(w.MarkPlayed)[-1] == w.MarkPlayed("c"), "with nothing before it a mark is played"
            assert not any(call.heard[silent_from:]), "nothing of the dead is heard"
            ((at, thrown_ms),) = call.clears
            assert 250 <= thrown_ms <= 400
            assert 500 <= at <= 600

    simulated(scenario)


def test_what_happens_is_told_in_order_and_measured_on_the_sound() -> None:
    async def scenario() -> None:
        async with line(CarrierTrunk("twilio", CallDetails())) as (call, pipe):
            server = Server("twilio", pipe)
            await call.say(tone(500, 8000))
            await asyncio.sleep(0.6)
            coding = CODINGS["twilio"][0]
            await server.send(w.Media(encode(coding, tone(2000, 8000))), w.Mark("end"))
            await asyncio.sleep(1)
            saying = asyncio.create_task(call.say(tone(400, 8000)))
            await asyncio.sleep(0.2)
            await server.send(w.Clear())
            await saying
            await asyncio.sleep(0.5)
            await pipe.close()
            await call.wait_until_ended()
            events = [event async for event in call]
            started, mark, speaks, clear, silent, ended = events
            assert isinstance(started, CallStarted)
            assert mark == MarkCame("end")
            assert isinstance(speaks, AgentSpeaks)
            assert speaks.after_ms == pytest.approx(600, abs=40)
            assert isinstance(clear, ClearCame)
            assert isinstance(silent, AgentSilent)
            assert silent.barge_in_ms == pytest.approx(200, abs=40)
            assert silent.level_dbfs == pytest.approx(-15.3, abs=1)
            assert isinstance(ended, CallEnded)
            assert (ended.by, ended.why) == ("server", "it closed the stream with 1000")
            assert len(call.said) == len(call.heard)
            with pytest.raises(ConnectionLostError, match="the call ended"):
                await call.say(tone(100, 8000))

    simulated(scenario)


def test_a_bad_line_loses_and_delays_and_the_call_goes_on_in_time() -> None:
    async def scenario() -> None:
        bad = BadLine(loss=0.1, jitter_ms=80, seed=5)
        async with line(CarrierTrunk("twilio", CallDetails()), line=bad) as (call, pipe):
            server = Server("twilio", pipe)
            await call.say(tone(10_000, 8000))
            await asyncio.sleep(0.2)
            media = server.of(w.Media)
            assert len(media) == pytest.approx(510, abs=6), "a lost frame is silence, not a shorter sound"
            silent = sum(set(one.payload) == {0xFF} for one in media[:500])
            assert silent == pytest.approx(call.lost_frames, abs=12)
            assert 0.05 < call.lost_frames / 500 < 0.16

    simulated(scenario)


def test_a_live_source_is_said_as_it_comes() -> None:
    async def source() -> AsyncIterator[bytes]:
        for number in range(30):
            await asyncio.sleep(0.05)
            yield tone(50, 8000, level=1000 + number)

    async def scenario() -> None:
        async with line(CarrierTrunk("telnyx", CallDetails())) as (call, pipe):
            server = Server("telnyx", pipe)
            await call.say_live(source())
            await asyncio.sleep(0.3)
            assert len(server.of(w.Media)) == pytest.approx(90, abs=3)
            frames = np.abs(np.frombuffer(bytes(call.said), "<i2")).reshape(-1, 160).max(axis=1) > 300
            said = np.flatnonzero(frames)
            assert said[-1] - said[0] + 1 == len(said) == 75, "no hole, though its pieces are no whole frames"

    simulated(scenario)


def test_what_the_ear_hears_can_be_heard_live() -> None:
    async def scenario() -> None:
        async with line(CarrierTrunk("twilio", CallDetails())) as (call, pipe):
            server = Server("twilio", pipe)
            heard = bytearray()

            async def listen() -> None:
                async for pcm in call.hear_live():
                    assert len(pcm) == 320
                    heard.extend(pcm)

            listening = asyncio.create_task(listen())
            await asyncio.sleep(0.1)
            before = len(call.heard)
            await server.send(w.Media(encode(server.end.coding, tone(200, 8000))))
            await asyncio.sleep(0.5)
            assert len(heard) >= len(call.heard) - before, "not late"
            await call.hang_up()
            await listening
            assert bytes(heard) == bytes(call.heard)[-len(heard) :]
            assert (np.abs(np.frombuffer(bytes(heard), "<i2")) > 300).sum() / 8000 == pytest.approx(0.2, rel=0.1)

    simulated(scenario)


def test_what_the_protocol_does_not_allow_is_told_and_survived() -> None:
    async def scenario() -> None:
        async with line(CarrierTrunk("twilio", CallDetails())) as (call, pipe):
            Server("twilio", pipe)
            for wrong in ("{", "[]", b"sound", '{"event":"sing"}', '{"event":"media","streamSid":"MZother","media":{"payload":""}}',
                          '{"event":"media","media":{"payload":"AAAA"}}'):  # fmt: skip
                await pipe.send(wrong)
            await asyncio.sleep(0.1)
            await call.hang_up()
            told = [event.text for event in [event async for event in call] if isinstance(event, Complaint)]
            assert len(told) == 6
            assert "'sing': ignored" in told[3]

    simulated(scenario)


@pytest.mark.parametrize(
    ("carrier", "payload", "words"), [("vonage", bytes(320), "exactly 640 bytes"), ("exotel", bytes(318), "multiples of 320")]
)
def test_sound_in_sizes_that_a_carrier_does_not_take_is_told(carrier: Carrier, payload: bytes, words: str) -> None:
    async def scenario() -> None:
        async with line(CarrierTrunk(carrier, CallDetails())) as (call, pipe):
            server = Server(carrier, pipe)
            await asyncio.sleep(0.05)
            await server.send(w.Media(payload))
            await asyncio.sleep(0.05)
            await call.hang_up()
            (told,) = [event.text for event in [event async for event in call] if isinstance(event, Complaint)]
            assert words in told

    simulated(scenario)


def test_sound_too_far_ahead_is_told() -> None:
    async def scenario() -> None:
        async with line(AudioSocketTrunk(CallDetails())) as (call, pipe):
            for _ in range(100):
                await pipe.send(f.Sound(8000, tone(20, 8000)).frame().pack())
            await asyncio.sleep(0.1)
            await call.hang_up()
            told = [event.text for event in [event async for event in call] if isinstance(event, Complaint)]
            assert told
            assert "1000 ms wait already" in told[0]

    simulated(scenario)


def test_asterisk_hangs_up_on_what_audiosocket_does_not_allow() -> None:
    async def scenario(wrong: bytes, why: str) -> None:
        async with line(AudioSocketTrunk(CallDetails())) as (call, pipe):
            assert f.parse(next(f.Unpacker().feed(await pipe.receive()))) == f.CallId(call.trunk.uuid)  # type: ignore[arg-type, attr-defined]
            await pipe.send(wrong)
            ended = await call.wait_until_ended()
            assert (ended.by, ended.why) == ("server", why)

    for wrong in (f.Frame(0x42), f.Frame(0x10), f.Key("5").frame(), f.CallId(AudioSocketTrunk(CallDetails()).uuid).frame()):
        simulated(lambda wrong=wrong: scenario(wrong.pack(), "it sent what AudioSocket does not allow"))
    simulated(lambda: scenario(f.HangUp().frame().pack(), "it hung up"))


def test_asterisk_s_channel_keeps_its_rules() -> None:
    async def scenario() -> None:
        trunk = ChannelTrunk(CallDetails())
        async with line(trunk) as (call, pipe):
            for text in ("x" * 129, '{"command":"SING"}', "{"):
                await pipe.send(text)
            await pipe.send(bytes(650))
            await pipe.send(bytes(640 * 950))
            await asyncio.sleep(0.1)
            assert any("MEDIA_XOFF" in text for text in texts(call)), "at 900 frames"
            await pipe.send(bytes(640 * 100))
            await pipe.send(bytes(640))
            await pipe.send('{"command":"GET_STATUS"}')
            await asyncio.sleep(0.1)
            assert '"queue_full":true' in texts(call)[-1]
            await asyncio.sleep(5)
            assert any("MEDIA_XON" in text for text in texts(call)), "at 800"
            for text in ('{"command":"START_MEDIA_BUFFERING"}', '{"command":"PAUSE_MEDIA"}', '{"command":"FLUSH_MEDIA"}'):
                await pipe.send(text)
            await pipe.send(bytes(700))
            await asyncio.sleep(0.5)
            assert trunk.line.buffered == 320, "a flush ends buffering, so 60 bytes are dropped; it does not end a pause"
            for text in ('{"command":"CONTINUE_MEDIA"}', '{"command":"START_MEDIA_BUFFERING"}'):
                await pipe.send(text)
            await pipe.send(bytes(700))
            await pipe.send('{"command":"STOP_MEDIA_BUFFERING","correlation_id":"b7"}')
            await pipe.send('{"command":"REPORT_QUEUE_DRAINED"}')
            await asyncio.sleep(0.5)
            assert any('"MEDIA_BUFFERING_COMPLETED"' in text and '"b7"' in text for text in texts(call))
            assert any("QUEUE_DRAINED" in text for text in texts(call))
            await call.hang_up()
            told = [event.text for event in [event async for event in call] if isinstance(event, Complaint)]
            assert [sum(words in text for text in told) for words in ("128 bytes", "no command 'SING'", "no multiple of 640", "is full")]
            assert sum("is full" in text for text in told) == 1

    def texts(call: PhoneCall) -> list[str]:
        assert call._transport.other is not None  # type: ignore[attr-defined]
        inbox = call._transport.other._inbox._queue  # type: ignore[attr-defined]
        return [data for data in inbox if isinstance(data, str)]

    simulated(scenario)


@pytest.mark.parametrize("key", ["", "55", "x", "€"])
def test_a_key_that_no_telephone_has_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="a key is one of"):
        CarrierTrunk("twilio", CallDetails()).press(key)


def test_codings_that_a_carrier_does_not_speak_are_refused() -> None:
    with pytest.raises(ValueError, match="twilio streams ulaw at 8000 Hz"):
        CarrierTrunk("twilio", CallDetails(), w.Coding("l16", 16_000))
    with pytest.raises(ValueError, match="must be one of ulaw"):
        ChannelTrunk(CallDetails(), "opus")
    with pytest.raises(ValueError, match="AudioSocket speaks"):
        AudioSocketTrunk(CallDetails(), 11_025)


@given(st.sampled_from([*CARRIERS, "audiosocket", "asterisk"]), MESSAGES)
def test_whatever_a_server_sends_is_told_and_never_raises(carrier: str, sent: list[str | bytes]) -> None:
    trunk: Trunk
    if carrier == "audiosocket":
        trunk = AudioSocketTrunk(CallDetails())
    elif carrier == "asterisk":
        trunk = ChannelTrunk(CallDetails())
    else:
        trunk = CarrierTrunk(carrier, CallDetails())  # type: ignore[arg-type]
    trunk.greet()
    for data in sent:
        assert isinstance(trunk.receive(data), list)
        assert len(trunk.listen()) == 2 * trunk.frame_samples
