"""`RoomsClient` against a served house: a program as a moderator."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from hubbub.voice.client import VoiceClient
from hubbub.voice.client.errors import CannotConnectError, RefusedError, VoiceClientError
from hubbub.voice.client.rooms import RoomsClient
from hubbub.voice.event import Left, ParticipantJoined, ParticipantLeft, Reply
from live_house import LiveHouse, live_house


@pytest.fixture
async def live() -> AsyncIterator[LiveHouse]:
    async with live_house() as live:
        yield live


async def test_a_moderator_runs_a_room_while_a_caller_is_in_it(live: LiveHouse) -> None:
    async with asyncio.timeout(20), RoomsClient(live.url) as rooms:
        made = await rooms.create("tea", agents=[{"name": "Ava"}, {"name": "Ben"}], floor="order", title="Tea")
        assert (made.name, made.title, made.floor.policy, made.open) == ("tea", "Tea", "order", False)
        assert [room.name for room in await rooms.list()] == ["default", "attic", "tea"]
        async with VoiceClient(live.url, room="tea", name="Kim", reports_playhead=False) as client:
            events = aiter(client)
            assert (await rooms.invite("tea", {"name": "Carl"})).kind == "agent"
            assert (await rooms.change_agent("tea", "Carl", quiet=True)).quiet
            assert await rooms.say("tea", "Hello all.", agent="Ben") == "Ben"
            heard: list[object] = []
            async for event in events:
                heard.append(event)
                if isinstance(event, Reply) and event.final:
                    break
            assert any(isinstance(event, ParticipantJoined) and event.participant.name == "Carl" for event in heard)
            remembered = await rooms.memory("tea", "Ben")
            assert remembered[-1].text == "Hello all." and remembered[-1].name == "Ben"
            assert (await rooms.change_caller("tea", "Kim", role="listener")).role == "listener"
            await rooms.take_aside("tea", "Ben", "Kim")
            assert [one.aside for one in await rooms.participants("tea")] == [None, "Kim", None, "Ben"]
            await rooms.end_aside("tea", "Ben")
            await rooms.remove_agent("tea", "Carl")
            await rooms.remove_caller("tea", "Kim")
            left = [event async for event in events if isinstance(event, (Left, ParticipantLeft))]
            assert isinstance(left[-1], Left) and "moderator" in left[-1].reason
        await rooms.delete("tea")
        with pytest.raises(RefusedError, match="no room 'tea'"):
            await rooms.get("tea")


async def test_a_refusal_has_its_code_and_names_the_field(live: LiveHouse) -> None:
    async with RoomsClient(live.url) as rooms:
        with pytest.raises(RefusedError, match=r"floor\.policy") as refused:
            await rooms.create("x", agents=[{"name": "A"}], floor="chaos")
        assert refused.value.code == "bad_request"
        with pytest.raises(RefusedError) as unknown:
            await rooms.remove_agent("default", "a/b ?")
        assert unknown.value.code == "unknown_participant"


async def test_who_is_no_server_is_told_apart() -> None:
    async with RoomsClient("http://127.0.0.1:9", timeout_s=1) as rooms:
        with pytest.raises(CannotConnectError):
            await rooms.list()
    stranger = httpx.MockTransport(lambda request: httpx.Response(200, text="<html>"))
    async with RoomsClient("http://somewhere", transport=stranger) as rooms:
        with pytest.raises(VoiceClientError, match="Hubbub server"):
            await rooms.list()
    with pytest.raises(ValueError, match="http"):
        RoomsClient("ftp://somewhere")
