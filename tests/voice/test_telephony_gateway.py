"""The carriers' gateway over real sockets: webhook to stream to conversation, and everything that may go wrong on the way."""

import asyncio
import base64
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

import httpx
import numpy as np
import pytest
from hubbub.voice.event import Call
from hubbub.voice.gateway.telephony.webhook import twilio
from hubbub.voice.gateway.telephony.wire.base import Clear, Coding, Connected, Digit, Mark, MarkPlayed, Media, Start, Stop
from hubbub.voice.gateway.telephony.wire.carriers import CARRIERS, carrier_end
from hubbub.voice.testing.carrier import CODING_OF
from live_house import live_house
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

ROOMS = """
rooms:
  default: {agents: [{name: Ava, greeting: Hello there.}]}
  support: {agents: [{name: Ben, greeting: Support here.}, {name: Cleo, greeting: Cleo here.}]}
"""
TWILIO = """
telephony:
  url: https://voice.example.com
  numbers: {"+14155550199": {room: support, agent: Cleo}}
  callers: ["+1*"]
  twilio: {account_sid: AC1, auth_token: "${TOKEN}"}
"""
ENVIRON = {"TOKEN": "twilio-secret"}


class Phone:
    """One stream of a carrier, held by the test: plays nothing, keeps what comes."""

    def __init__(self, socket, carrier: str, coding: Coding | None = None) -> None:
        self.socket, self.carrier = socket, carrier
        self.end = carrier_end(carrier)
        self.coding = coding or CODING_OF[carrier]
        self.payload = b""
        self.marks: list[str] = []
        self.clears = 0

    async def say(self, *messages) -> None:
        for message in messages:
            if (data := self.end.send(message)) is not None:
                await self.socket.send(data)

    async def begin(self, call_id: str = "CA1", **parameters: str) -> None:
        await self.say(Connected(), Start(f"S-{call_id}", call_id, "AC1", "+14155550100", "+14155550199", parameters, self.coding))

    async def hear(self, until, within_s: float = 10.0) -> None:
        """Takes what comes, and answers marks at once, until `until(self)`."""
        async with asyncio.timeout(within_s):
            while not until(self):
                match self.end.receive(await self.socket.recv()):
                    case Media(payload):
                        self.payload += payload
                    case Mark(name):
                        self.marks.append(name)
                        await self.say(MarkPlayed(name))
                    case Clear():
                        self.clears += 1


@asynccontextmanager
async def calling(url: str, carrier: str, path: str | None = None):
    async with connect(f"{url.replace('http', 'ws', 1)}/api/calls/{path or carrier}", compression=None, close_timeout=1) as socket:
        yield Phone(socket, carrier)


async def ended(house, within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while house.sessions:
            await asyncio.sleep(0.01)


def heard_ms(phone: Phone) -> float:
    return phone.coding.samples(phone.payload) * 1000 / phone.coding.rate_hz


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_call_without_an_account_is_taken_on_an_open_server_and_greeted(carrier):
    async with live_house(ROOMS) as live:
        for path in (carrier, "media"):
            async with calling(live.url, carrier, path) as phone:
                await phone.begin()
                await phone.hear(lambda phone: heard_ms(phone) >= 600 and phone.marks)
                (session,) = live.house.sessions.values()
                assert session.room.name.startswith("default.call-"), "each call has a room of its own"
                known = carrier not in ("twilio", "plivo")  # those two say the numbers in the webhook alone
                assert session.name == ("caller …0100" if known else "caller")
                await phone.say(Stop())
                if carrier in ("plivo", "vonage"):  # their wire has no stop
                    await phone.socket.close()
                await ended(live.house)
            assert set(live.house.directory.known) == {"default", "support"}, "its room is gone"


async def test_a_caller_is_heard_and_answered_and_his_keys_are_turns():
    async with live_house(ROOMS, heard=["what time is it"], answer="One, two, three, four.") as live:
        async with calling(live.url, "twilio") as phone:
            await phone.begin(room="support", agent="Cleo", name="Kim")
            await phone.hear(lambda phone: heard_ms(phone) >= 600)
            (session,) = live.house.sessions.values()
            assert session.name == "Kim" and session.room.name.startswith("support.call-")
            assert {event.text.strip() for event in session.log if event.type == "reply" and event.text} == {"Cleo here."}
            await phone.say(Digit("4"), Digit("2"), Digit("#"))
            await phone.hear(lambda phone: heard_ms(phone) >= 1700)
            texts = [(event.text, event.source) for event in session.log if event.type == "transcript" and event.final]
            assert texts == [("42", "dtmf")]
            states = [event.state for event in session.log if isinstance(event, Call)]
            assert states == ["started"]
            await phone.socket.close()
        await ended(live.house)


def signed(form: dict[str, str], path: str = "/api/calls/twilio") -> dict[str, object]:
    signature = twilio.signature(b"twilio-secret", f"https://voice.example.com{path}", list(form.items()))
    return {
        "content": urlencode(form),
        "headers": {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"},
    }


def stream_of(answer: httpx.Response) -> tuple[str, str]:
    stream = ElementTree.fromstring(answer.text).find("Connect/Stream")
    assert stream is not None
    return stream.get("url", ""), {one.get("name"): one.get("value") for one in stream}["ticket"]


async def test_a_twilio_call_from_its_webhook_to_its_seat():
    async with live_house(ROOMS + TWILIO, environ=ENVIRON) as live, httpx.AsyncClient(base_url=live.url) as http:
        form = {"CallSid": "CA1", "From": "+14155550100", "To": "+14155550199"}
        answer = await http.post("/api/calls/twilio", **signed(form))
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/xml")
        url, ticket = stream_of(answer)
        assert url == "wss://voice.example.com/api/calls/twilio"
        again = await http.post("/api/calls/twilio", **signed(form))
        assert stream_of(again) == (url, ticket), "a carrier that asks twice is told the same"
        async with calling(live.url, "twilio") as phone:
            await phone.begin(ticket=ticket)
            await phone.hear(lambda phone: heard_ms(phone) >= 600)
            (session,) = live.house.sessions.values()
            assert session.name == "caller …0100" and session.room.name.startswith("support.call-")
            assert next(event.text for event in session.log if event.type == "reply" and event.text).strip() == "Cleo here."
            replay = await http.post("/api/calls/twilio", **signed(form))
            assert replay.status_code == 409 and "replay" in replay.text
            async with calling(live.url, "twilio") as thief:
                await thief.begin(ticket=ticket)
                with pytest.raises(ConnectionClosed) as caught:
                    await thief.hear(lambda phone: False)
                assert caught.value.rcvd.code == 1008
        await ended(live.house)


async def test_webhooks_that_are_not_to_be_answered():
    async with live_house(ROOMS + TWILIO, environ=ENVIRON) as live, httpx.AsyncClient(base_url=live.url) as http:
        form = {"CallSid": "CA1", "From": "+14155550100", "To": "+1"}
        unsigned = await http.post("/api/calls/twilio", data=form)
        assert unsigned.status_code == 401 and unsigned.json()["error"]["code"] == "unauthorized"
        assert (await http.post("/api/calls/telnyx", data=form)).status_code == 403, "no account of that carrier"
        foreign = await http.post("/api/calls/twilio", **signed({**form, "From": "+442071234567"}))
        assert foreign.status_code == 403 and "telephony.callers" in foreign.text
        lost = await http.post("/api/calls/twilio?room=attic", **signed(form, "/api/calls/twilio?room=attic"))
        assert lost.status_code == 404 and "attic" in lost.text
        huge = await http.post("/api/calls/twilio", content=b"x" * 100_000)
        assert huge.status_code == 413
        status = {"CallSid": "CA1", "CallStatus": "completed"}
        told = signed(status, "/api/calls/twilio/status")
        assert (await http.post("/api/calls/twilio/status", **told)).status_code == 204
        assert (await http.post("/api/calls/twilio/status", **told)).status_code == 409, "a replay"
        assert not live.house.sessions


async def test_streams_that_are_not_to_be_taken():
    async with live_house(ROOMS + TWILIO, environ=ENVIRON) as live:
        for parameters in ({}, {"ticket": "a" * 40}):
            async with calling(live.url, "twilio") as phone:
                await phone.begin(**parameters)
                with pytest.raises(ConnectionClosed) as caught:
                    await phone.hear(lambda phone: False)
                assert caught.value.rcvd.code == 1008
        async with calling(live.url, "vonage") as phone:  # no account: whoever may knock here
            await phone.begin()
            await phone.hear(lambda phone: heard_ms(phone) > 100)
        await ended(live.house)
    locked = ROOMS + TWILIO + "server: {host: 0.0.0.0, access: {key: '${KEY}'}}\n"
    async with live_house(locked, environ={**ENVIRON, "KEY": "k" * 40}) as live:
        for path in ("vonage", "media"):
            with pytest.raises(InvalidStatus) as refusal:
                async with calling(live.url, "vonage", path):
                    pass
            assert refusal.value.response.status_code == 401


async def test_bad_messages_disturb_neither_their_call_nor_another():
    async with live_house(ROOMS, heard=["hello"]) as live:
        async with calling(live.url, "twilio") as good, calling(live.url, "twilio") as bad:
            await good.begin("CA1")
            for message in ("{", "[]", '{"event":"media","media":{"payload":"AA=="}}', "", '{"event":"sing"}', b"\0\1"):
                await bad.socket.send(message)
            await bad.begin("CA2")
            for message in ("{", '{"event":"start","streamSid":"S-CA2","start":7}', '{"event":"media","media":7}', b"\0"):
                await bad.socket.send(message)
            await bad.begin("CA2")  # repeated
            await bad.hear(lambda phone: heard_ms(phone) >= 600)
            await good.hear(lambda phone: heard_ms(phone) >= 600)
            assert len(live.house.sessions) == 2
            for _ in range(60):
                await bad.socket.send("{")
            with pytest.raises(ConnectionClosed):
                await bad.hear(lambda phone: False)
            await good.say(Digit("1"), Digit("#"))
            await good.hear(lambda phone: heard_ms(phone) >= 1400)
            assert len(live.house.sessions) == 1
        await ended(live.house)


async def test_a_socket_that_dies_without_a_word_ends_its_call():
    async with live_house(ROOMS) as live:
        address = urlsplit(live.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        key = base64.b64encode(bytes(16)).decode()
        writer.write(
            f"GET /api/calls/twilio HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            f"sec-websocket-key: {key}\r\nsec-websocket-version: 13\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        start = carrier_end("twilio").send(Start("S", "CA9", "AC1")).encode()
        writer.write(bytes([0x81, 0x80 | 126]) + len(start).to_bytes(2, "big") + bytes(4) + start)
        async with asyncio.timeout(15):
            while not live.house.sessions:
                await asyncio.sleep(0.01)
        writer.write_eof()  # half-closed: it still reads, and never writes again
        await ended(live.house)
        writer.close()


async def test_too_many_calls_are_refused_at_the_handshake():
    async with live_house(ROOMS + "telephony: {max_calls: 1}\n") as live:
        async with calling(live.url, "twilio") as phone:
            await phone.begin()
            await phone.hear(lambda phone: phone.payload)
            with pytest.raises(InvalidStatus) as refusal:
                async with calling(live.url, "twilio"):
                    pass
            assert refusal.value.response.status_code == 503
        await ended(live.house)


async def test_calls_have_a_limit_of_their_own_and_who_calls_beyond_it_hears_that_it_is_busy():
    rooms = "server: {limits: {max_rooms: 2}}\n" + ROOMS + TWILIO + "  max_calls: 2\n"
    async with live_house(rooms, environ=ENVIRON) as live, httpx.AsyncClient(base_url=live.url) as http, AsyncExitStack() as calls:
        form = {"CallSid": "CA1", "From": "+14155550100", "To": "+14155550199"}
        for number in (1, 2):  # the file's two rooms are all that max_rooms allows
            _, ticket = stream_of(await http.post("/api/calls/twilio", **signed({**form, "CallSid": f"CA{number}"})))
            phone = await calls.enter_async_context(calling(live.url, "twilio"))
            await phone.begin(f"CA{number}", ticket=ticket)
            await phone.hear(lambda phone: phone.payload)
        busy = await http.post("/api/calls/twilio", **signed({**form, "CallSid": "CA3"}))
        (verb,) = ElementTree.fromstring(busy.text)
        assert busy.status_code == 200 and (verb.tag, verb.get("reason")) == ("Reject", "busy")
        await calls.aclose()
        await ended(live.house)
        stream_of(await http.post("/api/calls/twilio", **signed({**form, "CallSid": "CA3"})))


async def test_streams_that_never_start_are_bounded(monkeypatch):
    from hubbub.voice.gateway.telephony import exchange

    monkeypatch.setattr(exchange, "MAX_STARTING", 2)
    async with live_house(ROOMS + TWILIO, environ=ENVIRON) as live:
        async with calling(live.url, "twilio"), calling(live.url, "twilio"):
            with pytest.raises(InvalidStatus) as refusal:
                async with calling(live.url, "twilio"):
                    pass
            assert refusal.value.response.status_code == 429
        async with asyncio.timeout(15):
            while True:
                try:
                    async with calling(live.url, "twilio"):
                        break
                except InvalidStatus:
                    await asyncio.sleep(0.05)


async def test_an_agent_is_not_chosen_where_callers_share_the_room():
    async with live_house(ROOMS + "telephony: {private_rooms: false}\n") as live:
        async with calling(live.url, "twilio") as phone:
            await phone.begin(room="support", agent="Cleo")
            with pytest.raises(ConnectionClosed) as caught:
                await phone.hear(lambda phone: False)
            assert caught.value.rcvd.code == 1008 and "Cleo" in caught.value.rcvd.reason
        async with calling(live.url, "twilio") as phone:
            await phone.begin(room="support", agent="ben")  # the first agent greets and answers everybody
            await phone.hear(lambda phone: phone.payload)
        await ended(live.house)


async def test_a_shared_room_seats_its_callers_together_and_they_hear_each_other():
    async with live_house(ROOMS + "telephony: {private_rooms: false, mask_numbers: false}\n") as live:
        async with calling(live.url, "telnyx") as one, calling(live.url, "vonage") as other:
            await one.begin("v3:1")
            await one.hear(lambda phone: heard_ms(phone) >= 600)
            await other.begin("u2")
            async with asyncio.timeout(10):
                while len(live.house.sessions) < 2:
                    await asyncio.sleep(0.01)
            assert [session.name for session in live.house.sessions.values()] == ["+14155550100", "+14155550100 2"]
            assert {session.room.name for session in live.house.sessions.values()} == {"default"}
            before = heard_ms(other)
            at = np.arange(160) / 8000
            loud = (9000 * np.sin(2 * np.pi * 300 * at) + 3000 * np.sin(2 * np.pi * 900 * at)).astype("<i2").tobytes()
            from hubbub.voice.audio.g711 import encode_alaw

            for _ in range(40):
                await one.say(Media(encode_alaw(loud)))
                await asyncio.sleep(0.02)
            await other.hear(lambda phone: heard_ms(phone) >= before + 300)
            voice = np.frombuffer(other.payload[-6400:], "<i2").astype(float)
            assert np.sqrt((voice**2).mean()) > 1000
        await ended(live.house)


async def test_calls_end_when_the_server_does():
    async with live_house(ROOMS) as live, connect(f"{live.url.replace('http', 'ws', 1)}/api/calls/twilio") as socket:
        phone = Phone(socket, "twilio")
        await phone.begin()
        await phone.hear(lambda phone: phone.payload)
        closing = asyncio.create_task(live.house.close())
        with pytest.raises(ConnectionClosed) as caught:
            await phone.hear(lambda phone: False)
        assert caught.value.rcvd.code == 1001
        await closing


def test_the_ticket_stays_out_of_the_log():
    from hubbub.voice.secrecy import without_tokens

    assert "a1b2c3d4" not in without_tokens("GET /api/calls/telnyx?ticket=a1b2c3d4e5")
