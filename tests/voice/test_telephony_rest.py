"""Outgoing calls, hanging up and putting through, against a server that plays the carriers' REST interfaces."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import jwt
import pytest
from hubbub.voice.config.telephony import ExotelConfig, PlivoConfig, TelnyxConfig, TwilioConfig, VonageConfig
from hubbub.voice.gateway.telephony.rest.base import Dial, RestError
from hubbub.voice.gateway.telephony.rest.exotel import ExotelREST
from hubbub.voice.gateway.telephony.rest.plivo import PlivoREST
from hubbub.voice.gateway.telephony.rest.telnyx import TelnyxREST
from hubbub.voice.gateway.telephony.rest.twilio import TwilioREST
from hubbub.voice.gateway.telephony.rest.vonage import VonageREST
from hubbub.voice.gateway.telephony.wire.base import Digit
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DIAL = Dial("+14155550123", "+14155550199", "https://v.example/a?outgoing=1", "https://v.example/s?outgoing=1")
ANSWERS = {
    "Calls.json": {"sid": "CA1"}, "texml": {"data": {"call_sid": "v3:1"}}, "/Call/": {"request_uuid": "r1"}, "/v1/calls": {"uuid": "u1"},
    "connect": {"Call": {"Sid": "E1"}}, "/v2/calls": {"data": {"call_control_id": "v3:9"}},
}  # fmt: skip


@dataclass
class Carrier:
    """What was asked of it."""

    client: httpx.AsyncClient
    asked: list[tuple[str, str, Any, str]] = field(default_factory=list)
    fail: int = 0

    async def take(self, request: Request) -> Response:
        body = await request.body()
        said = json.loads(body) if body[:1] == b"{" else {name: value for name, value in parse_qs(body.decode()).items()}
        self.asked.append((request.method, request.url.path, said, request.headers.get("authorization", "")))
        if self.fail:
            return JSONResponse({"message": "no such call"}, self.fail)
        return JSONResponse(next((answer for part, answer in ANSWERS.items() if part in request.url.path), {}))


@asynccontextmanager
async def carrier():
    holder: list[Carrier] = []

    async def take(request: Request) -> Response:
        return await holder[0].take(request)

    app = Starlette(routes=[Route("/{path:path}", take, methods=["GET", "POST", "PUT", "DELETE"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        holder.append(Carrier(client))
        yield holder[0]


async def test_twilios_calls_resource():
    async with carrier() as there:
        rest = TwilioREST(TwilioConfig(account_sid="AC1", auth_token="secret", api_url="http://t"), there.client)
        assert await rest.dial(DIAL) == "CA1"
        await rest.hang_up("CA1/../x")
        await rest.transfer("CA1", "+14155550123", "")
    (method, path, form, auth), (_, ended, status, _), (_, _, moved, _) = there.asked
    assert (method, path) == ("POST", "/2010-04-01/Accounts/AC1/Calls.json") and auth.startswith("Basic ")
    assert form["To"] == ["+14155550123"] and form["Url"] == [DIAL.answer_url]
    assert form["StatusCallbackEvent"] == ["initiated", "ringing", "answered", "completed"]
    assert status == {"Status": ["completed"]}
    assert ended.endswith("/Calls/CA1/../x.json"), "one part of the path, whatever the id holds"
    assert moved["Twiml"] == ['<?xml version="1.0" encoding="UTF-8"?><Response><Dial>+14155550123</Dial></Response>']


async def test_telnyxs_texml_calls_and_actions():
    async with carrier() as there:
        account = TelnyxConfig(api_key="k", public_key="A" * 44, application_id="app", api_url="http://t")
        rest = TelnyxREST(account, there.client)
        assert await rest.dial(DIAL) == "v3:1"
        await rest.hang_up("v3:1")
        await rest.transfer("v3:1", "+14155550123", "")
        with pytest.raises(RestError, match="application_id"):
            await TelnyxREST(account.model_copy(update={"application_id": None}), there.client).dial(DIAL)
    assert [(method, path) for method, path, _, _ in there.asked] == [
        ("POST", "/v2/texml/calls/app"), ("POST", "/v2/calls/v3:1/actions/hangup"), ("POST", "/v2/calls/v3:1/actions/transfer"),
    ]  # fmt: skip
    assert there.asked[0][2]["From"] == "+14155550199" and there.asked[2][2] == {"to": "+14155550123"}
    assert {auth for *_, auth in there.asked} == {"Bearer k"}


async def test_plivos_call_resource():
    async with carrier() as there:
        rest = PlivoREST(PlivoConfig(auth_id="MA1", auth_token="secret", api_url="http://p"), there.client)
        assert await rest.dial(DIAL) == "r1"
        await rest.hang_up("c1")
        await rest.transfer("c1", "+14155550123", "https://v.example/api/calls/plivo?transfer=14155550123")
    (_, path, body, _), (method, ended, _, _), (_, _, moved, _) = there.asked
    assert path == "/v1/Account/MA1/Call/" and body["answer_url"] == DIAL.answer_url and body["hangup_url"] == DIAL.status_url
    assert (method, ended) == ("DELETE", "/v1/Account/MA1/Call/c1/")
    assert moved == {"legs": "aleg", "aleg_url": "https://v.example/api/calls/plivo?transfer=14155550123", "aleg_method": "POST"}


async def test_vonages_calls_are_signed_with_the_applications_key():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    account = VonageConfig(application_id="app-1", signature_secret="s", private_key=pem, api_url="http://v")
    async with carrier() as there:
        rest = VonageREST(account, there.client)
        assert await rest.dial(DIAL) == "u1"
        await rest.hang_up("u1")
        await rest.transfer("u1", "+14155550123", "")
        for broken in (None, "no key"):
            bad = account.model_copy(update={"private_key": None if broken is None else type(account.signature_secret)(broken)})
            with pytest.raises(RestError, match="private_key"):
                await VonageREST(bad, there.client).dial(DIAL)
    (_, path, body, auth), (method, _, ended, _), (_, _, moved, _) = there.asked
    claims = jwt.decode(auth.split()[1], key.public_key(), algorithms=["RS256"])
    assert claims["application_id"] == "app-1" and claims["exp"] - claims["iat"] == 60 and claims["jti"]
    assert path == "/v1/calls" and body["to"] == [{"type": "phone", "number": "14155550123"}]
    assert (method, ended) == ("PUT", {"action": "hangup"})
    assert moved["destination"]["ncco"] == [{"action": "connect", "endpoint": [{"type": "phone", "number": "14155550123"}]}]


async def test_exotel_streams_without_asking():
    async with carrier() as there:
        rest = ExotelREST(ExotelConfig(api_key="k", api_token="t", account_sid="acc", api_url="http://e"), there.client)
        assert await rest.dial(DIAL) == "E1"
        await rest.hang_up("E1")
        with pytest.raises(RestError, match="applet"):
            await rest.transfer("E1", "+1", "")
    ((_, path, form, _),) = there.asked
    assert path == "/v1/accounts/acc/calls/connect" and form["streamurl"] == [DIAL.answer_url] and form["streamtype"] == ["bidirectional"]


async def test_a_carrier_that_refuses_or_is_gone_is_an_error_without_secrets():
    async with carrier() as there:
        there.fail = 404
        rest = TwilioREST(TwilioConfig(account_sid="AC1", auth_token="secret", api_url="http://t"), there.client)
        with pytest.raises(RestError) as caught:
            await rest.hang_up("CA1")
        assert "404" in str(caught.value) and "no such call" in str(caught.value) and "secret" not in str(caught.value)
    gone = TwilioREST(TwilioConfig(account_sid="AC1", auth_token="secret", api_url="http://127.0.0.1:1"))
    with pytest.raises(RestError, match="cannot be reached"):
        await gone.dial(DIAL)
    await gone.close()


# ── a whole outgoing call ─────────────────────────────────────────────────────────────────────────────────────────────

ROOMS = """
rooms:
  default: {agents: [{name: Ava, greeting: Hello there.}]}
telephony:
  url: https://voice.example.com
  destinations: ["+1415*"]
  twilio: {account_sid: AC1, auth_token: "${TOKEN}", number: "+14155550199"}
"""


@asynccontextmanager
async def dialling(**fields: Any):
    """A house, a carrier that takes its REST calls, and a call that was asked for."""
    from hubbub.voice.gateway.telephony.exchange import Exchange
    from live_house import live_house

    made: list[Exchange] = []
    before = Exchange.__init__

    def note(self: Exchange, *args: Any, **kwargs: Any) -> None:
        before(self, *args, **kwargs)
        made.append(self)

    Exchange.__init__ = note
    try:
        async with carrier() as there, live_house(ROOMS, environ={"TOKEN": "twilio-secret"}, **fields) as live:
            account = live.house.config.telephony.twilio.model_copy(update={"api_url": "http://t"})
            made[0].rest["twilio"] = TwilioREST(account, there.client)
            async with httpx.AsyncClient(base_url=live.url) as http:
                yield live, there, http, made[0]
    finally:
        Exchange.__init__ = before


async def answered(http: httpx.AsyncClient, there: Carrier):
    """The callee answers: Twilio asks what to do, and is told where to stream to."""
    from test_telephony_gateway import signed, stream_of

    path = there.asked[0][2]["Url"][0].removeprefix("https://voice.example.com")
    answer = await http.post(path, **signed({"CallSid": "CA1", "From": "+14155550199", "To": "+14155550123"}, path))
    assert answer.status_code == 200, answer.text
    return stream_of(answer)[1], path


async def test_somebody_is_called_answers_and_hangs_up():
    from test_telephony_gateway import calling, ended, heard_ms, signed

    async with dialling() as (live, there, http, _):
        body = {"carrier": "twilio", "to": "+14155550123", "room": "default", "name": "Kim", "say": "Your parcel is here now."}
        made = await http.post("/api/calls", json=body)
        assert made.status_code == 201 and made.json()["state"] == "queued" and made.json()["call_id"] == "CA1"
        where = f"/api/calls/{made.json()['id']}"
        status = there.asked[0][2]["StatusCallback"][0].removeprefix("https://voice.example.com")
        await http.post(status, **signed({"CallSid": "CA1", "CallStatus": "ringing"}, status))
        assert (await http.get(where)).json()["state"] == "ringing"
        ticket, _ = await answered(http, there)
        async with calling(live.url, "twilio") as phone:
            await phone.begin(ticket=ticket)
            await phone.hear(lambda phone: heard_ms(phone) >= 1500)
            (session,) = live.house.sessions.values()
            assert session.name == "Kim" and (await http.get(where)).json()["state"] == "answered"
            said = {event.text.strip() for event in session.log if event.type == "reply" and event.text}
            assert said == {"Your parcel is here now."}, "instead of the greeting"
        await ended(live.house)
        assert (await http.get(where)).json()["state"] == "ended"
        assert [call["id"] for call in (await http.get("/api/calls")).json()["calls"]] == [made.json()["id"]]


async def test_a_call_that_is_ended_from_here():
    from test_telephony_gateway import calling, ended
    from websockets.exceptions import ConnectionClosed

    async with dialling() as (live, there, http, _):
        body = {"carrier": "twilio", "to": "+14155550123", "room": "default"}
        made = (await http.post("/api/calls", json=body)).json()
        ticket, path = await answered(http, there)
        async with calling(live.url, "twilio") as phone:
            await phone.begin(ticket=ticket)
            await phone.hear(lambda phone: phone.payload)
            assert (await http.delete(f"/api/calls/{made['id']}")).status_code == 200
            with pytest.raises(ConnectionClosed):
                await phone.hear(lambda phone: False)
        await ended(live.house)
        async with asyncio.timeout(10):
            while there.asked[-1][2] != {"Status": ["completed"]}:
                await asyncio.sleep(0.01)
        again = (await http.post("/api/calls", json=body)).json()
        assert (await http.delete(f"/api/calls/{again['id']}")).json()["state"] == "canceled", "it had not been answered"
        assert path


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [({"to": "+442071234567"}, 403, "telephony.destinations"), ({"to": "Kim"}, 400, "to"), ({"carrier": "vonage"}, 501, "telephony.vonage"),
     ({"room": "attic"}, 404, "attic"), ({"agent": "Zoe"}, 404, "Ava"), ({"ring_s": 1}, 400, "ring_s"), ({"sing": 1}, 400, "sing")],
    ids=str,
)  # fmt: skip
async def test_calls_that_are_not_made(change, status, words):
    async with dialling() as (_, there, http, _):
        refused = await http.post("/api/calls", json={"carrier": "twilio", "to": "+14155550123", "room": "default", **change})
        assert refused.status_code == status and words in refused.text and not there.asked


async def test_a_carrier_that_does_not_take_the_call():
    async with dialling() as (_, there, http, _):
        there.fail = 400
        failed = await http.post("/api/calls", json={"carrier": "twilio", "to": "+14155550123", "room": "default"})
        assert failed.status_code == 500 and "no such call" in failed.text
        (call,) = (await http.get("/api/calls")).json()["calls"]
        assert call["state"] == "failed"
        assert (await http.get("/api/calls/none")).status_code == 404
        form = urlencode({"CallSid": "CA1", "From": "+1", "To": "+1"})
        assert (await http.post("/api/calls/twilio?outgoing=none", content=form)).status_code == 401


async def test_a_machine_is_waited_for_or_hung_up_on():
    from hubbub.voice.gateway.telephony.wire.base import Media
    from test_telephony_gateway import calling, ended, heard_ms
    from test_telephony_greeting import beep, noise, voice

    async with dialling() as (live, there, http, exchange):
        body = {"carrier": "twilio", "to": "+14155550123", "room": "default", "say": "Please call back.", "on_machine": "wait_for_beep"}
        made = (await http.post("/api/calls", json=body)).json()
        ticket, _ = await answered(http, there)
        async with calling(live.url, "twilio") as phone:
            await phone.begin(ticket=ticket)
            import numpy as np
            from hubbub.voice.audio.g711 import encode_ulaw

            pcm = np.concatenate([noise(300), voice(4200), noise(300)]).astype("<i2").tobytes()
            for start in range(0, len(pcm), 320):  # faster than real time: the detector counts sound, not seconds
                await phone.say(Media(encode_ulaw(pcm[start : start + 320])))
            async with asyncio.timeout(10):
                while "machine" not in [event.state for one in live.house.sessions.values() for event in one.log if event.type == "call"]:
                    await asyncio.sleep(0.02)
            (session,) = live.house.sessions.values()
            assert [event.state for event in session.log if event.type == "call"] == ["started", "machine"]
            assert not phone.payload and (await http.get(f"/api/calls/{made['id']}")).json()["answered_by"] == "machine"
            for piece in np.split(np.concatenate([beep(300), noise(100)]).astype("<i2"), 20):
                await phone.say(Media(encode_ulaw(piece.tobytes())))
            await phone.hear(lambda phone: heard_ms(phone) >= 800)
            said = {event.text.strip() for event in session.log if event.type == "reply" and event.text}
            assert said == {"Please call back."}
        await ended(live.house)
        assert exchange.outgoing.under_way == 0


async def test_the_guides_example_makes_a_call():
    from test_docs_telephony import blocks

    (code,) = blocks("python")
    names: dict[str, Any] = {}
    exec(code, names)
    async with dialling() as (_, there, _, exchange):

        class App:
            class state:
                pass

        App.state.exchange = exchange
        call = await names["remind"](App, "+14155550123")
        assert call.call_id == "CA1" and there.asked[0][2]["To"] == ["+14155550123"]


async def test_a_machine_may_be_hung_up_on():
    import numpy as np
    from hubbub.voice.audio.g711 import encode_ulaw
    from hubbub.voice.gateway.telephony.wire.base import Media
    from test_telephony_gateway import calling, ended
    from test_telephony_greeting import noise, voice
    from websockets.exceptions import ConnectionClosed

    async with dialling() as (live, there, http, _):
        body = {"carrier": "twilio", "to": "+14155550123", "room": "default", "on_machine": "hang_up"}
        made = (await http.post("/api/calls", json=body)).json()
        ticket, _ = await answered(http, there)
        async with calling(live.url, "twilio") as phone:
            await phone.begin(ticket=ticket)
            pcm = np.concatenate([noise(300), voice(4200)]).astype("<i2").tobytes()
            for start in range(0, len(pcm), 320):
                await phone.say(Media(encode_ulaw(pcm[start : start + 320])))
            with pytest.raises(ConnectionClosed):
                await phone.hear(lambda phone: False)
            assert not phone.payload, "nothing was said to the machine"
        await ended(live.house)
        state = (await http.get(f"/api/calls/{made['id']}")).json()
        assert (state["state"], state["answered_by"]) == ("ended", "machine")


async def test_an_agent_puts_the_caller_on_hold_and_through_by_its_tools():
    from hubbub.agents.testing import use
    from test_telephony_gateway import calling, ended, heard_ms, signed, stream_of

    def think(call):
        said = call.text
        if "put through" in said:
            return "Never said."
        if "on hold" in said:
            return ["I found it, one moment, I put you through.", use("transfer_call", number="+14155550177")]
        return ["Let me look.", use("hold_call")]

    async with dialling(answer=think) as (live, there, http, _):
        form = {"CallSid": "CA1", "From": "+14155550100", "To": "+14155550199"}
        ticket = stream_of(await http.post("/api/calls/twilio", **signed(form)))[1]
        async with calling(live.url, "twilio") as phone:
            await phone.begin(ticket=ticket)
            await phone.hear(lambda phone: heard_ms(phone) >= 600)
            await phone.say(Digit("1"), Digit("#"))
            async with asyncio.timeout(10):
                while not any("Twiml" in said for _, _, said, _ in there.asked):
                    await phone.hear(lambda phone: True)
                    await asyncio.sleep(0.05)
            (session,) = live.house.sessions.values()
            states = [event.state for event in session.log if event.type == "call"]
            assert states[:2] == ["started", "on_hold"] and states[-1] == "transferred"
            assert there.asked[-1][1].endswith("/Calls/CA1.json") and "+14155550177" in there.asked[-1][2]["Twiml"][0]
            await phone.socket.close()
        await ended(live.house)
        assert [said for _, _, said, _ in there.asked if "Status" in said] == [], "who was put through is not hung up on"


async def test_an_agent_hangs_up_when_its_goodbye_was_heard():
    from hubbub.agents.testing import use
    from test_telephony_gateway import calling, ended, heard_ms
    from websockets.exceptions import ConnectionClosed

    def think(call):
        return "Goodbye and thank you." if "The call ends" in call.text else [use("hang_up_call")]

    async with dialling(answer=think) as (live, _, _, _), calling(live.url, "vonage") as phone:
        await phone.begin()
        await phone.hear(lambda phone: heard_ms(phone) >= 600)
        await phone.say(Digit("1"), Digit("#"))
        with pytest.raises(ConnectionClosed) as caught:
            await phone.hear(lambda phone: False)
        assert caught.value.rcvd.code == 1000 and heard_ms(phone) >= 600 + 4 * 300, "all of the goodbye was sent before"
        await ended(live.house)
