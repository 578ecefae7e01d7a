"""The gateway of Asterisk's WebSocket channel, called in simulated time by the SDK that plays Asterisk."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from call_pipes import Pipe, pipes
from calls_house import calls_house
from hubbub.voice.client.phone import CallDetails, CallEnded, ClearCame, Complaint, PhoneCall
from hubbub.voice.client.phone.asterisk import ChannelTrunk
from hubbub.voice.client.phone.call import CallStarted
from hubbub.voice.event import Call, Dtmf, Reply, SpeechStarted
from hubbub.voice.gateway.asterisk import channel
from hubbub.voice.gateway.asterisk import control as c
from hubbub.voice.gateway.asterisk.calls import CallRequest
from hubbub.voice.gateway.asterisk.pacer import Pacer
from hubbub.voice.gateway.asterisk.seating import Seating
from hubbub.voice.gateway.telephony.exchange import Exchange
from hubbub.voice.gateway.telephony.tones import key_tone
from hubbub.voice.gateway.telephony.wire.base import WireError
from hubbub.voice.grant import OPEN, Grant, Refused
from hubbub.voice.house import House
from hubbub.voice.phone import PhoneError
from hubbub.voice.session import Session
from hubbub.voice.testing.time import run_simulated
from hypothesis import given, settings
from hypothesis import strategies as st

NEARLY = (
    '{"event":"MEDIA_MARK_PROCESSED"}', '{"event":"MEDIA_MARK_PROCESSED","correlation_id":"9.99999999"}', "MEDIA_MARK_PROCESSED 1.1",
    '{"event":"STATUS","queue_length":"many"}', "DTMF_END digit:", "MEDIA_XON", "QUEUE_DRAINED", "MEDIA_BUFFERING_COMPLETED",
)  # fmt: skip
"""Events that are nearly right."""


def buzz(ms: int, rate_hz: int) -> bytes:
    """Something voice-like for the energy detector."""
    time = np.arange(rate_hz * ms // 1000) / rate_hz
    wave = sum(np.sin(2 * np.pi * 180 * n * time + n) / n for n in range(1, 12))
    return (wave * 5000).astype("<i2").tobytes()


@contextlib.asynccontextmanager
async def called(house: House, trunk: ChannelTrunk, seating: Seating | None = None) -> AsyncIterator[tuple[PhoneCall, Session, Pipe]]:
    """A seated call, its session, and the pipe's end at Asterisk."""
    asterisk, ours = pipes()
    async with Pacer() as pacer, PhoneCall(trunk, asterisk, CallStarted("pipe")) as call:
        started = await channel.first_message(ours)
        seating = Seating(Exchange(house)) if seating is None else seating
        session = await seating.seat(CallRequest(name="Kim"), OPEN, "call")
        talking = asyncio.create_task(channel.talk(ours, started, session, seating, pacer))
        yield call, session, asterisk
        await call.hang_up()
        await talking


def simulated(scenario: Any, **house: Any) -> None:
    async def world() -> None:
        async with asyncio.timeout(120), calls_house(**house) as served:
            await scenario(served)

    run_simulated(world())


@pytest.mark.parametrize(("format", "form"), [("slin16", "json"), ("ulaw", "plain"), ("slin48", "json"), ("slin44", "json")])
def test_the_greeting_is_heard_whole_and_never_far_ahead(format: str, form: c.Form) -> None:
    async def scenario(house: House) -> None:
        async with called(house, ChannelTrunk(CallDetails(), format, form)) as (call, session, _):
            reply = await ended_reply(session)
            assert reply.text
            assert not reply.unheard
            assert call.trunk.line.largest * 1000 / call.rate_hz <= 80, "three frames, and the one that is due"
            assert call.trunk.line.gaps == 0
            assert call.marks >= 10
            assert not [event for event in await so_far(call) if isinstance(event, Complaint)]
            assert call.monitor.first_sound_ms is not None
            assert call.monitor.first_sound_ms <= 100

    simulated(scenario)


def test_a_barge_in_is_silence_at_once_and_the_ledger_keeps_what_was_heard() -> None:
    async def scenario(house: House) -> None:
        async with called(house, ChannelTrunk(CallDetails())) as (call, session, _):
            size = 2 * call.trunk.frame_samples
            while call.now_ms < 1500 or any(call.heard[-2 * size : -size]) or not any(call.heard[-size:]):
                await asyncio.sleep(0.02)  # until a word has just begun
            began = call.now_ms
            await call.say(buzz(900, call.rate_hz))
            reply = await ended_reply(session)
            assert reply.interrupted_by == "Kim"
            assert reply.text
            assert reply.unheard
            at, thrown_ms = call.clears[0]
            assert thrown_ms <= 80
            heard = np.frombuffer(bytes(call.heard), "<i2").reshape(-1, call.trunk.frame_samples)
            loud = [number * 20 for number, frame in enumerate(heard) if np.abs(frame).max() > 500 and began <= number * 20 < at]
            assert max(loud) - began <= 260, "from the caller's onset to silence at his ear"
            seconds = session.now / 16_000
            assert len(reply.text.split()) * 0.3 <= seconds, "no more is called heard than time has passed"

    simulated(scenario)


def test_a_cough_loses_nothing_of_the_reply() -> None:
    async def scenario(house: House) -> None:
        async with called(house, ChannelTrunk(CallDetails())) as (call, session, asterisk):
            while call.now_ms < 1500:
                await asyncio.sleep(0.02)
            await call.say(buzz(100, call.rate_hz))
            reply = await ended_reply(session)
            assert not reply.unheard
            told = [message for message in asterisk.got if isinstance(message, str)]
            assert any("PAUSE_MEDIA" in message for message in told), "held"
            assert any("CONTINUE_MEDIA" in message for message in told), "and resumed"
            assert call.clears == []
            assert call.trunk.line.cleared == 0
            heard = np.frombuffer(bytes(call.heard), "<i2")
            words = len(reply.text.split())
            assert (np.abs(heard) > 500).sum() / call.rate_hz == pytest.approx(words * 0.2, rel=0.2), "every word sounds, once"

    simulated(scenario, heard="")


def test_keys_hang_up_and_what_asterisk_says_of_its_queue() -> None:
    async def scenario(house: House) -> None:
        async with called(house, ChannelTrunk(CallDetails())) as (call, session, _):
            while not call.monitor.agent_speaks:
                await asyncio.sleep(0.02)
            call.press("7#")
            await asyncio.sleep(0.5)
            assert [event.digits for event in session.log if isinstance(event, Dtmf)] == ["7", "#"]
            call.trunk.outgoing.append(c.write_event(c.Xoff(), "json"))
            call._wake_writer.set()
            await asyncio.sleep(1)
            before = call.trunk.line.received
            await asyncio.sleep(1)
            assert call.trunk.line.received == before, "told that the queue is full, nothing more is sent"
            session.connection.end("closing")
            ended = await call.wait_until_ended()
            assert (ended.by, ended.why) == ("server", "it hung up")
            assert house.sessions == {}

    simulated(scenario)


def test_wrong_messages_are_logged_and_the_call_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(house: House) -> None:
        async with called(house, ChannelTrunk(CallDetails())) as (call, session, asterisk):
            for wrong in (
                "{", '{"event":"DTMF_END","digit":"55"}', b"odd", bytes(64_000), "MEDIA_MARK_PROCESSED nonsense", '{"event":"NEW"}',
                c.write_event(c.MediaStart("x", "y", "z", "slin16", 640), "json"), c.write_event(c.Fault("no such luck"), "json"),
            ):  # fmt: skip
                await asterisk.send(wrong)
            reply = await ended_reply(session)
            assert not reply.unheard
            for words in ("no JSON", "one key", "odd", "more than 1000 ms", "a mark came back that was not sent", "MEDIA_START came twice",
                          "no such luck"):  # fmt: skip
                assert words in caplog.text
            for _ in range(60):
                await asterisk.send("{")
            assert (await call.wait_until_ended()).by == "server"

    caplog.set_level(logging.INFO)
    simulated(scenario)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (b"sound", "sound came first"),
        ("MEDIA_XON", "must be MEDIA_START"),
        ("MEDIA_START format:opus optimal_frame_size:160", "'opus' is not spoken here: dial with c(slin16)"),
        (None, "was closed"),
    ],
)
def test_a_call_that_does_not_begin_as_it_must_is_explained(first: Any, words: str) -> None:
    async def scenario() -> str:
        asterisk, ours = pipes()
        await (asterisk.close() if first is None else asterisk.send(first))
        with pytest.raises(WireError) as caught:
            await channel.first_message(ours)
        return str(caught.value)

    assert words in run_simulated(scenario())


def test_who_says_nothing_is_not_waited_for() -> None:
    async def scenario() -> None:
        _, ours = pipes()
        with pytest.raises(WireError, match="no MEDIA_START came within 5 s"):
            await channel.first_message(ours)

    run_simulated(scenario())


def test_an_agent_may_hold_send_keys_and_hang_up() -> None:
    async def scenario(house: House) -> None:
        async with called(house, ChannelTrunk(CallDetails())) as (call, session, _):
            await ended_reply(session)
            connection = session.connection
            assert isinstance(connection, channel.ChannelConnection)
            handset = connection.handset
            assert handset is not None
            handset.hold()
            heard_from = session.now
            await call.say(buzz(600, call.rate_hz))
            await asyncio.sleep(0.4)
            assert session.now > heard_from
            assert not [event for event in session.log if isinstance(event, SpeechStarted)], "on hold he is not heard"
            noise = np.frombuffer(bytes(call.heard[-320 * 20 :]), "<i2")
            assert 0 < np.abs(noise).max() < 500, "but hears that the line is there"
            handset.resume()
            handset.send_digits("5")
            await asyncio.sleep(0.3)
            assert key_tone(bytes(call.heard[-640 * 10 : -640 * 8]), call.rate_hz) == "5"
            with pytest.raises(PhoneError, match=r"telephony\.destinations"):
                await handset.transfer("+15550100")
            session.type("thank you, goodbye")
            while not call.monitor.agent_speaks:
                await asyncio.sleep(0.02)
            handset.hang_up()
            ended = await call.wait_until_ended()
            assert ended.by == "server"
            last = [event for event in session.log if isinstance(event, Reply) and event.final][-1]
            assert not last.unheard, "the goodbye was heard to its end"
            states = [event.state for event in session.log if isinstance(event, Call)]
            assert states == ["started", "on_hold", "resumed", "ended"]

    simulated(scenario)


def test_a_caller_is_put_through_when_he_has_heard_so_and_stays_if_he_breaks_in() -> None:
    async def scenario(house: House) -> None:
        seating = Seating(Exchange(house))
        async with called(house, ChannelTrunk(CallDetails()), seating) as (call, session, _):
            await ended_reply(session)
            connection = session.connection
            assert isinstance(connection, channel.ChannelConnection)
            handset = connection.handset
            assert handset is not None

            async def speak_and_put_through() -> None:
                session.type("put me through")
                while not call.monitor.agent_speaks:
                    await asyncio.sleep(0.02)
                await handset.transfer("+14155550100")

            await speak_and_put_through()
            session.press_interrupt()
            await asyncio.sleep(1.0)
            assert not call.ended and not len(seating.transfers), "he wanted to say something"
            await speak_and_put_through()
            assert (await call.wait_until_ended()).by == "server"
            now = asyncio.get_running_loop().time()
            assert (seating.transfers.take("call", now), seating.transfers.take("call", now)) == ("+14155550100", "")
            states = [event.state for event in session.log if isinstance(event, Call)]
            assert states == ["started", "transferred", "ended"]

    simulated(scenario, destinations=("+1415*",))


def test_each_call_has_a_room_of_its_own_and_its_agent() -> None:
    async def scenario(house: House) -> None:
        seating = Seating(Exchange(house))
        one = await seating.seat(CallRequest(agent="ava", caller="+4930123456"), OPEN, "1")
        other = await seating.seat(CallRequest(), OPEN, "2")
        assert one.room.name != other.room.name
        assert one.room.name.startswith("default.call-")
        assert one.name == "caller …3456"
        with pytest.raises(Refused, match="no agent 'Bob'"):
            await seating.seat(CallRequest(agent="Bob"), OPEN, "3")
        with pytest.raises(Refused, match="this token opens the room 'lobby'"):
            await seating.seat(CallRequest(room="default"), Grant(room="lobby"), "3")
        with pytest.raises(Refused, match="the server is full: 2 calls"):
            await seating.seat(CallRequest(), OPEN, "3")
        for session in (one, other):
            await seating.end(session, seating.begin(session, lambda why: None), "hung up")
        assert not house.sessions
        assert list(house.rooms) in ([], ["default"])
        assert len(seating) == 0

    simulated(scenario, max_calls=2)


@settings(max_examples=8)
@given(st.lists(st.one_of(st.text(max_size=60), st.binary(max_size=80), st.sampled_from(NEARLY)), min_size=5, max_size=30))
def test_whatever_asterisk_sends_hurts_nobody(sent: list[str | bytes]) -> None:
    async def scenario(house: House) -> None:
        async with called(house, ChannelTrunk(CallDetails())) as (_, session, asterisk):
            for data in sent:
                await asterisk.send(data)
            reply = await ended_reply(session)
            assert not reply.unheard or reply.interrupted_by

    simulated(scenario, greeting="Hello there.")


async def ended_reply(session: Session) -> Reply:
    """The first reply that has ended."""
    while not (ended := [event for event in session.log if isinstance(event, Reply) and event.final]):
        await asyncio.sleep(0.02)
    return ended[0]


async def so_far(call: PhoneCall) -> list[Any]:
    await call.hang_up()
    return [event async for event in call]


def test_the_last_event_is_the_end() -> None:
    async def scenario(house: House) -> None:
        async with called(house, ChannelTrunk(CallDetails())) as (call, _, _):
            await asyncio.sleep(1)
            events = await so_far(call)
            assert isinstance(events[0], CallStarted)
            assert isinstance(events[-1], CallEnded)
            assert not any(isinstance(event, ClearCame) for event in events)

    simulated(scenario)
