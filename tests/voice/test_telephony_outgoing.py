"""A call that we made, from its answer to the first words, in simulated time: nobody talks to a machine's greeting."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
import pytest
from call_pipes import pipes
from calls_house import calls_house
from hubbub.voice.client.phone import CallDetails, CallStarted, ConnectionLostError, PhoneCall
from hubbub.voice.client.phone.trunk import CarrierTrunk
from hubbub.voice.event import Call, Reply, Transcript
from hubbub.voice.gateway.telephony.exchange import Exchange
from hubbub.voice.gateway.telephony.gateway import serve
from hubbub.voice.gateway.telephony.outgoing import OnMachine, OutgoingCall
from hubbub.voice.gateway.telephony.webhook.base import IncomingCall
from hubbub.voice.house import House
from hubbub.voice.session import Session
from hubbub.voice.testing.time import run_simulated
from test_called_by_carriers import web_socket
from test_telephony_greeting import beep, noise, voice

SAY = "Please call us back at your convenience."


@contextlib.asynccontextmanager
async def answered(house: House, on_machine: OnMachine) -> AsyncIterator[tuple[PhoneCall, Session]]:
    """Somebody has picked up a call that was asked for."""
    ours, theirs = pipes()
    exchange = Exchange(house)
    asked = OutgoingCall("1", "twilio", "+14155550123", "+14155550199", "default", say=SAY, on_machine=on_machine)
    exchange.outgoing.calls[asked.id] = asked
    plan = exchange.outgoing.plan(asked.id, IncomingCall("CA1", asked.sender, asked.to))
    ticket = exchange.tickets.issue("twilio", plan, asyncio.get_running_loop().time())
    serving = asyncio.create_task(serve(web_socket(theirs, "twilio"), exchange, "twilio"))
    trunk = CarrierTrunk("twilio", CallDetails(call_id="CA1", parameters={"ticket": ticket}))
    async with PhoneCall(trunk, ours, CallStarted("pipe")) as call:
        while not exchange.live:
            await asyncio.sleep(0.02)
        yield call, next(iter(house.sessions.values()))
    await serving
    await exchange.close()


def pcm(*parts: np.ndarray) -> bytes:
    return np.concatenate(parts).astype("<i2").tobytes()


def replies(session: Session) -> list[str]:
    return [event.text for event in session.log if isinstance(event, Reply) and event.final]


@pytest.mark.parametrize("on_machine", ["wait_for_beep", "hang_up"])
def test_a_machines_greeting_is_no_turn_and_nothing_is_said_into_it(on_machine: OnMachine) -> None:
    async def scenario(house: House) -> None:
        async with answered(house, on_machine) as (call, session):
            with contextlib.suppress(ConnectionLostError):
                await call.say(pcm(noise(300), voice(1800), noise(700), voice(2500), noise(800), voice(1500), noise(600)))
            states = [event.state for event in session.log if isinstance(event, Call)]
            assert states[:2] == ["started", "machine"]
            assert not [event for event in session.log if isinstance(event, Transcript)]
            assert call.monitor.first_sound_ms is None, "nothing was said into its greeting"
            if on_machine == "hang_up":
                assert call.ended is not None and call.ended.by == "server"
                return
            await call.say(pcm(beep(300), noise(4000)))
            assert replies(session) == [SAY]

    simulated(scenario)


def test_a_short_machine_is_told_by_its_words() -> None:
    async def scenario(house: House) -> None:
        async with answered(house, "wait_for_beep") as (call, session):
            await call.say(pcm(noise(300), voice(1600), noise(600)))
            assert [event.state for event in session.log if isinstance(event, Call)] == ["started", "machine"]
            assert call.monitor.first_sound_ms is None
            await call.say(pcm(noise(6000)))
            assert replies(session) == [SAY], "it has no beep: a silence stands for it"

    simulated(scenario, heard="leave a message")


def test_a_person_who_answers_is_spoken_to_and_then_heard() -> None:
    async def scenario(house: House) -> None:
        async with answered(house, "hang_up") as (call, session):
            await call.say(pcm(noise(300), voice(600), noise(6000)))
            assert replies(session) == [SAY]
            await call.say(pcm(voice(900), noise(4000)))
            assert [event.text for event in session.log if isinstance(event, Transcript) and event.final] == ["stop that please"]
            assert len(replies(session)) == 2

    simulated(scenario)


def simulated(scenario: object, **fields: str) -> None:
    account = {"account_sid": "AC1", "auth_token": "secret"}

    async def world() -> None:
        async with asyncio.timeout(120), calls_house(greeting=None, twilio=account, **fields) as house:
            await scenario(house)  # type: ignore[operator]

    run_simulated(world())
