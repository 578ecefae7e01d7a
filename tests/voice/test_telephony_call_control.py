"""Telnyx's Call Control: signed JSON events in, commands out; each event once, and nothing for what nobody signed."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hubbub.voice.gateway.telephony.exchange import Exchange
from hubbub.voice.gateway.telephony.gateway import routes
from hubbub.voice.gateway.telephony.rest.base import Dial
from hubbub.voice.gateway.telephony.rest.telnyx import TelnyxREST
from hubbub.voice.gateway.telephony.webhook.base import WebhookRequest
from hubbub.voice.gateway.telephony.webhook.call_control import event
from hubbub.voice.grant import Refused
from hypothesis import given
from hypothesis import strategies as st
from live_house import make_house
from starlette.applications import Starlette
from test_telephony_rest import Carrier, carrier
from test_telephony_webhooks import telnyx_signed

PUBLIC_KEY = telnyx_signed(b"", 0)[0].public_key
CONFIG = f"""
rooms:
  default: {{agents: [{{name: Ava}}]}}
telephony:
  url: https://voice.example.com
  callers: ["+1*"]
  destinations: ["+1415*"]
  max_calls: 1
  telnyx: {{api_key: "${{KEY}}", public_key: "{PUBLIC_KEY}", connection_id: app-1, number: "+14155550199", api_url: "http://t"}}
"""
CALL = {"call_control_id": "v3:1", "direction": "incoming", "from": "+14155550100", "to": "+14155550199", "state": "parked"}


@dataclass
class World:
    """A server that Telnyx tells of calls, and Telnyx as it is commanded."""

    exchange: Exchange
    there: Carrier
    http: httpx.AsyncClient

    async def tell(self, kind: str, id: str = "", path: str = "/api/calls/telnyx", **payload: Any) -> httpx.Response:
        """An event, signed now."""
        data = {"record_type": "event", "event_type": kind, "id": id or kind, "payload": {**CALL, **payload}}
        body = json.dumps({"data": data, "meta": {"attempt": 1}}).encode()
        return await self.send(body, telnyx_signed(body, time.time())[1], path)

    async def send(self, body: bytes, headers: dict[str, str], path: str = "/api/calls/telnyx") -> httpx.Response:
        return await self.http.post(path, content=body, headers={"content-type": "application/json", **headers})

    @property
    def commands(self) -> list[tuple[str, Any]]:
        """What Telnyx was told to do."""
        return [(path.rpartition("/")[2], said) for _, path, said, _ in self.there.asked]


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    house = make_house(CONFIG, environ={"KEY": "k"})
    async with carrier() as there:
        account = house.config.telephony.telnyx
        assert account is not None
        exchange = Exchange(house, rest={"telnyx": TelnyxREST(account, there.client)})
        transport = httpx.ASGITransport(app=Starlette(routes=routes(exchange)))
        async with httpx.AsyncClient(transport=transport, base_url="https://voice.example.com") as http:
            yield World(exchange, there, http)


async def test_a_call_is_answered_and_then_streamed_with_a_ticket() -> None:
    async with world() as telnyx:
        assert (await telnyx.tell("call.initiated")).status_code == 200
        assert telnyx.commands == [("answer", {"command_id": "call.initiated-answer"})]
        assert (await telnyx.tell("call.answered")).status_code == 200
        name, said = telnyx.commands[1]
        url = urlsplit(said.pop("stream_url"))
        assert name == "streaming_start" and said == {
            "command_id": "call.answered-stream", "stream_track": "inbound_track", "stream_codec": "PCMU",
            "stream_bidirectional_mode": "rtp", "stream_bidirectional_codec": "PCMU", "stream_bidirectional_sampling_rate": 8000,
        }  # fmt: skip
        assert url.scheme == "wss" and url.netloc == "voice.example.com" and url.path == "/api/calls/telnyx"
        (ticket,) = parse_qs(url.query)["ticket"]
        plan = telnyx.exchange.tickets.take("telnyx", ticket, "v3:1", time.monotonic())
        assert (plan.room, plan.call.caller, plan.call.called) == ("default", "+14155550100", "+14155550199")
        for kind in ("streaming.started", "call.hangup", "call.dtmf.received"):  # nothing is to be done
            assert (await telnyx.tell(kind)).status_code == 200
        assert len(telnyx.commands) == 2


async def test_an_event_that_is_told_again_is_taken_once_and_a_replay_is_refused() -> None:
    async with world() as telnyx:
        body = json.dumps({"data": {"event_type": "call.initiated", "id": "e1", "payload": CALL}}).encode()
        _, headers = telnyx_signed(body, time.time())
        assert (await telnyx.send(body, headers)).status_code == 200
        replay = await telnyx.send(body, headers)
        assert replay.status_code == 409 and "replay" in replay.text
        _, again = telnyx_signed(body, time.time() - 5)  # Telnyx signs each attempt anew
        assert (await telnyx.send(body, again)).status_code == 200
        assert [name for name, _ in telnyx.commands] == ["answer"]
        stale = telnyx_signed(body, time.time() - 400)[1]
        for bad in (stale, {}, {**headers, "telnyx-signature-ed25519": "AAAA"}):
            assert (await telnyx.send(body, bad)).status_code == 401
        assert (await telnyx.send(body + b" ", headers)).status_code == 401, "another body"
        assert len(telnyx.commands) == 1


async def test_who_may_not_call_is_rejected_and_a_full_server_is_busy() -> None:
    async with world() as telnyx:
        refused = await telnyx.tell("call.initiated", **{"from": "+442071234567"})
        assert refused.status_code == 403 and telnyx.commands == [("reject", {"cause": "CALL_REJECTED"})]
        telnyx.exchange._seats.add("a call")
        assert (await telnyx.tell("call.initiated", id="e2")).status_code == 200
        assert telnyx.commands[1] == ("reject", {"cause": "USER_BUSY"})


async def test_telnyx_failing_a_command_is_no_reason_to_be_told_again() -> None:
    async with world() as telnyx:
        telnyx.there.fail = 422
        assert (await telnyx.tell("call.initiated")).status_code == 200


@pytest.mark.parametrize(
    ("kind", "payload", "state", "answered_by"),
    [("call.hangup", {"hangup_cause": "user_busy"}, "busy", None), ("call.hangup", {"hangup_cause": "timeout"}, "no_answer", None),
     ("call.hangup", {"hangup_cause": "normal_clearing"}, "ended", None),
     ("call.machine.detection.ended", {"result": "machine"}, "queued", "machine"),
     ("call.machine.premium.detection.ended", {"result": "human_residence"}, "queued", "human"),
     ("call.machine.detection.ended", {"result": "not_sure"}, "queued", None)],
    ids=str,
)  # fmt: skip
async def test_what_becomes_of_a_call_of_ours(kind: str, payload: dict[str, str], state: str, answered_by: str | None) -> None:
    async with world() as telnyx:
        call = await telnyx.exchange.outgoing.dial("telnyx", "+14155550123", "default", "https://voice.example.com")
        assert call.call_id == "v3:9" and telnyx.there.asked[0][2]["connection_id"] == "app-1"
        path = telnyx.there.asked[0][2]["webhook_url"].removeprefix("https://voice.example.com")
        await telnyx.tell(kind, path=path, direction="outgoing", **payload)
        assert (call.state, call.answered_by) == (state, answered_by)


async def test_a_call_of_ours_is_streamed_when_it_is_answered() -> None:
    async with world() as telnyx:
        call = await telnyx.exchange.outgoing.dial("telnyx", "+14155550123", "default", "https://voice.example.com")
        path = telnyx.there.asked[0][2]["webhook_url"].removeprefix("https://voice.example.com")
        await telnyx.tell("call.initiated", path=path, direction="outgoing")
        await telnyx.tell("call.answered", path=path, direction="outgoing")
        assert [name for name, _ in telnyx.commands] == ["calls", "streaming_start"] and call.state == "answered"
        await telnyx.exchange.outgoing.cancel(call)
        await telnyx.tell("call.answered", id="late", path=path, direction="outgoing")
        assert [name for name, _ in telnyx.commands][2:] == ["hangup", "hangup"], "nobody asks for it any more"


async def test_a_texml_account_calls_as_before() -> None:
    async with world() as telnyx:
        account = telnyx.exchange.config.telnyx
        assert account is not None
        texml = account.model_copy(update={"connection_id": None, "application_id": "app"})
        assert await TelnyxREST(texml, telnyx.there.client).dial(Dial("+1", "+1", "https://a", "https://s")) == "v3:1"


_plain = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
_values = _plain | st.lists(_plain, max_size=2)
_fields = st.sampled_from(["call_control_id", "from", "to", "direction", "hangup_cause", "result"])
_data = st.fixed_dictionaries({"id": _values, "event_type": _values, "payload": _values | st.dictionaries(_fields, _values)})
_events = st.fixed_dictionaries({"data": _values | _data})


@given(_events)
def test_any_event_is_read_or_refused(said: Any) -> None:
    try:
        found = event(WebhookRequest("POST", "https://x/y", {"content-type": "application/json"}, json.dumps(said).encode()))
    except Refused as error:
        assert error.code == "bad_request"
    else:
        assert found.call.call_id and found.kind and (found.status is None or found.status.call_id)
