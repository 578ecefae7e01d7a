"""Each carrier's whole gateway with a line that does everything wrong: it is logged with the call's id, and no other call is harmed."""

import asyncio
import json
import logging

import pytest
from call_pipes import pipes
from hubbub.voice.client.phone.trunk import CODINGS
from hubbub.voice.event import Dtmf
from hubbub.voice.gateway.telephony.exchange import Exchange
from hubbub.voice.gateway.telephony.gateway import serve
from hubbub.voice.gateway.telephony.wire.base import Data, Digit, MarkPlayed, Media, Start, Stop
from hubbub.voice.gateway.telephony.wire.carriers import CARRIERS, Carrier, CarrierEnd, carrier_end
from hubbub.voice.house import House
from test_called_by_carriers import called, simulated, web_socket


def said(end: CarrierEnd, message: Start | Media | Digit | MarkPlayed) -> Data:
    data = end.send(message)
    assert data is not None
    return data


def garbled(data: Data, old: str, new: str) -> Data:
    """A message with one thing in it that is wrong."""
    if isinstance(data, bytes):
        return data[:-1]
    assert old in data
    return data.replace(old, new)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_line_that_does_it_all_wrong_ends_in_order_and_harms_no_other(carrier: Carrier, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    payload = bytes([0xFF]) * (160 if CODINGS[carrier][0].codec == "ulaw" else 640)
    unknown = json.dumps({"event": "sing", "stream_sid": "S1"})

    async def scenario(house: House) -> None:
        async with called(house, carrier) as (other, session):
            ours, theirs = pipes()
            exchange, end, another = Exchange(house), carrier_end(carrier), carrier_end(carrier)
            serving = asyncio.create_task(serve(web_socket(theirs, carrier), exchange, carrier))
            start = said(end, Start("S1", "CA-7", "AC1", coding=CODINGS[carrier][0]))
            sound = said(end, Media(payload))
            for data in (sound, "{", "[]", unknown, said(end, MarkPlayed("1.1.1")), start):
                await ours.send(data)
            while len(house.sessions) < 2:
                await asyncio.sleep(0.02)
            (wrong,) = (one for one in house.sessions.values() if one is not session)
            before = wrong.now
            key = said(end, Digit("5"))
            for data in (
                "{", "[]", "", unknown, b"\0" * 3, start, said(another, Start("S2", "CA-8", "AC1", coding=CODINGS[carrier][-1])),
                garbled(key, '"5"', '"x"'), garbled(sound, '"payload":"', '"payload":"?'), said(end, MarkPlayed("9.9.9")),
                said(end, MarkPlayed("no mark of ours")), said(end, Media(payload, chunk=900)), said(end, Media(payload, chunk=2)),
            ):  # fmt: skip
                await ours.send(data)
            for _ in range(30):
                await ours.send(said(end, Media(payload)))
                await asyncio.sleep(0.02)
            assert wrong.now - before >= 16_000 * 0.3, "the call goes on, and is heard"
            await ours.send(key)
            await asyncio.sleep(0.1)
            assert [event.digits for event in wrong.log if isinstance(event, Dtmf)] == ["5"]
            last = end.send(Stop())
            if last is None:
                await ours.close()  # this carrier's end of a call is the end of its socket
            else:
                for data in (last, sound, last):
                    await ours.send(data)
            async with asyncio.timeout(5):
                await serving
            assert list(house.sessions.values()) == [session]
            assert other.ended is None
            await exchange.close()

    simulated(scenario)
    told = [record.getMessage() for record in caplog.records if "bad message code=" in record.getMessage()]
    assert len([line for line in told if "call=CA-7" in line]) >= 3
    assert all("call=CA-7" in line or "before the start" in line for line in told), "nothing is told of the other call"
    assert any("call=CA-7" in record.getMessage() and "connection ended" in record.getMessage() for record in caplog.records)
