"""The far end of outgoing calls: a real server asks the carrier that we play to call somebody, and we answer, or do not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
from calls_house import calls_house
from hubbub.voice.client.phone import CallEnded, FarEnd
from hubbub.voice.client.phone import rest as r
from hubbub.voice.client.phone.far_end import _Server
from hubbub.voice.gateway.telephony.wire.carriers import Carrier
from hubbub.voice.server import create_app

ACCOUNTS: dict[str, dict[str, Any]] = {
    "twilio": {"account_sid": "AC1", "auth_token": "secret", "number": "+15550100"},
    "plivo": {"auth_id": "MA1", "auth_token": "secret", "number": "+15550100"},
    "exotel": {"api_key": "key", "api_token": "token", "account_sid": "ex1", "number": "+15550100"},
}


@contextlib.asynccontextmanager
async def served(carrier: Carrier, far_end: FarEnd) -> AsyncIterator[str]:
    """A whole server that has an account at the carrier we play; its address."""
    account = {**ACCOUNTS[carrier], "api_url": far_end.url}
    async with calls_house(destinations=["+1555*"], **{carrier: account}) as house:
        server = _Server(uvicorn.Config(create_app(house), port=0, log_config=None, lifespan="off", ws="websockets-sansio"))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        await serving


async def dial(url: str, carrier: str, **more: Any) -> str:
    body = {"carrier": carrier, "to": "+15550123", "room": "default", "say": "Your parcel is here, it is a large one.", **more}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/api/calls", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def until(url: str, call: str, *states: str) -> dict[str, Any]:
    async with asyncio.timeout(15), httpx.AsyncClient() as client:
        while True:
            found = (await client.get(f"{url}/api/calls/{call}")).json()
            if found["state"] in states:
                return dict(found)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("carrier", list(ACCOUNTS))
async def test_a_call_is_answered_heard_and_ended(carrier: Carrier) -> None:
    token = None if carrier == "exotel" else "secret"
    async with asyncio.timeout(40), FarEnd(carrier, auth_token=token) as far_end, served(carrier, far_end) as url:
        call = await dial(url, carrier)
        ringing = await anext(far_end)
        assert (ringing.dial.to, ringing.dial.sender) == ("+15550123", "+15550100")
        if carrier != "exotel":  # which tells nothing of the ringing
            assert (await until(url, call, "ringing"))["state"] == "ringing"
        async with ringing.answer() as phone:
            await until(url, call, "answered")
            await phone.say(b"\x00\x20\x00\xe0" * (phone.rate_hz // 5))  # "hello?": 0.4 s of a buzz, for who waits who answers
            while phone.monitor.first_sound_ms is None:
                await asyncio.sleep(0.02)
            if carrier == "twilio":  # the server ends it through the REST interface
                async with httpx.AsyncClient() as client:
                    await client.delete(f"{url}/api/calls/{call}")
                ended = await phone.wait_until_ended()
                assert ended.by == "server"
            else:
                await phone.hang_up()
            events = [event async for event in phone]
            assert isinstance(events[-1], CallEnded)
        assert (await until(url, call, "ended"))["state"] == "ended"
        assert all(status < 400 for _, status in far_end.requests)


async def test_who_does_not_answer_is_told_so() -> None:
    async with asyncio.timeout(20), FarEnd("twilio", auth_token="secret") as far_end, served("twilio", far_end) as url:
        call = await dial(url, "twilio")
        ringing = await anext(far_end)
        await ringing.reject("busy")
        assert (await until(url, call, "busy"))["state"] == "busy"


async def test_strangers_and_wrong_requests_are_refused() -> None:
    async with FarEnd("twilio", auth_token="secret") as far_end, httpx.AsyncClient() as client:
        path = f"{far_end.url}/2010-04-01/Accounts/AC1/Calls.json"
        assert (await client.post(path, data={})).status_code == 401
        assert (await client.post(path, data={}, auth=("AC1", "wrong"))).status_code == 401
        wrong = await client.post(path, data={"To": "+1"}, auth=("AC1", "secret"))
        assert wrong.status_code == 400
        assert "'Url'" in wrong.json()["message"]
        gone = await client.post(path.replace("Calls.json", "Calls/CAx.json"), data={"Status": "completed"}, auth=("AC1", "secret"))
        assert (gone.status_code, gone.json()["message"]) == (404, "there is no call CAx")
        assert (await client.get(f"{far_end.url}/2010-04-01/Accounts/AC1/Nothing", auth=("AC1", "secret"))).status_code == 404
        assert (await client.post(path, content=b"x" * 70_000, auth=("AC1", "secret"))).status_code == 413


JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("carrier", "method", "path", "body", "action"),
    [
        ("telnyx", "POST", "/v2/texml/calls/7", b'{"To":"+1","From":"+2","Url":"https://a"}', r.Dial("+1", "+2", "https://a")),
        ("telnyx", "POST", "/v2/calls/v3:1/actions/hangup", b"{}", r.HangUp("v3:1")),
        ("telnyx", "POST", "/v2/calls/v3:1/actions/transfer", b'{"to":"+3"}', r.Transfer("v3:1", "+3")),
        ("plivo", "DELETE", "/v1/Account/MA/Call/c1/", b"", r.HangUp("c1")),
        ("plivo", "POST", "/v1/Account/MA/Call/c1/", b'{"aleg_url":"https://t"}', r.Transfer("c1", "https://t")),
        (
            "vonage", "POST", "/v1/calls",
            b'{"to":[{"type":"phone","number":"1"}],"from":{"number":"2"},"answer_url":["https://a"],"event_url":["https://e"]}',
            r.Dial("1", "2", "https://a", "https://e", 60),
        ),
        ("vonage", "PUT", "/v1/calls/u1", b'{"action":"hangup"}', r.HangUp("u1")),
        ("vonage", "POST", "/v1/calls", b'{"to":[]}', r.Wrong(400, "only calls with 'answer_url' are played here")),
        ("vonage", "POST", "/v1/calls", b"[", r.Wrong(400, "")),
        ("telnyx", "POST", "/v2/texml/calls/7", b'{"To":"+1"}', r.Wrong(400, "")),
        ("telnyx", "POST", "/v2/texml/calls/7", b'{"To":"+1","From":"+2","Url":"https://a","Timeout":"soon"}', r.Wrong(400, "")),
        ("exotel", "GET", "/", b"", r.Wrong(404, "")),
    ],
)  # fmt: skip
def test_each_interface_is_read_as_its_carrier_reads_it(carrier: Carrier, method: str, path: str, body: bytes, action: r.Action) -> None:
    found = r.read(carrier, r.RestRequest(method, path, body, JSON))
    match found, action:
        case r.Dial(), r.Dial():
            assert found.call_id
            assert (found.to, found.sender, found.answer_url, found.status_url) == (
                action.to, action.sender, action.answer_url, action.status_url,
            )  # fmt: skip
        case r.Wrong(status, message), r.Wrong():
            assert status == action.status
            assert message
            assert action.message in message
        case _:
            assert found == action
    status, _ = r.answer(carrier, found)
    assert (status < 300) == (not isinstance(found, r.Wrong))
