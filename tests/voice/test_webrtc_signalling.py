"""WHIP over HTTP (RFC 9725): offers are answered, everything else is refused in words, and nothing is left behind."""

import asyncio

import pytest
from hubbub.voice import leaning
from hubbub.voice.client import VoiceClient
from hubbub.voice.config.access import AccessConfig
from hubbub.voice.event import Joined, Left, Reply
from hubbub.voice.gateway.webrtc.peer import EAR_DELAY_MS, MOST_DELAY_MS
from hubbub.voice.mouthpiece import UNREPORTED_DELAY_MS
from hubbub.voice.rtc.sdp import parse
from hubbub.voice.token import TokenRequest, mint
from pydantic import SecretStr
from webrtc_house import Running, StockClient, buzz, running

SDP = {"content-type": "application/sdp"}
FRAGMENT = {"content-type": "application/trickle-ice-sdpfrag"}


async def test_a_caller_talks_over_webrtc_and_leaves() -> None:
    async with running() as server:
        client = await StockClient().join(server)
        joined = await client.until(Joined)
        assert (joined.room, joined.name) == ("default", "Kim")
        assert client.events[0] is joined, "the first message of the channel"
        client.microphone.say(buzz(900))
        await client.until(Reply)
        await client.until_loud()
        client.microphone.say(buzz(1200))
        await client.until_loud(False)
        (session,) = server.house.sessions.values()
        async with asyncio.timeout(15):  # the first RTCP reports have been exchanged, and say how near the ear is
            while session.mouthpiece.delay_ms == UNREPORTED_DELAY_MS:
                await asyncio.sleep(0.05)
        assert EAR_DELAY_MS <= session.mouthpiece.delay_ms <= MOST_DELAY_MS
        client.channel.send('{"type": "leave"}')
        left = await client.until(Left)
        assert left.reason == "left"
        await gone(server)
        await client.close()


async def test_a_client_that_waits_for_the_handshake_is_called() -> None:
    async with running() as server:
        client = await StockClient().join(server, setup="passive")
        await client.until(Joined)
        assert client.peer.sctp.transport._role == "server"
        await client.close()


async def gone(server: Running) -> None:
    async with asyncio.timeout(10):
        while server.house.sessions:
            await asyncio.sleep(0.01)


async def test_delete_hangs_up() -> None:
    async with running() as server:
        client = await StockClient().join(server)
        await client.until(Joined)
        client.channel.send('{"type": "text", "text": "hello"}')
        await client.until_loud()
        assert (await server.http.delete(client.location)).status_code == 200
        assert not server.house.sessions
        assert (await server.http.delete(client.location)).status_code == 404
        await client.until(Left)
        await asyncio.sleep(0.1)
        assert isinstance(client.events[-1], Left), "the last event, even in the middle of a reply"
        await client.close()


async def test_a_pure_whip_source_is_heard_by_the_others() -> None:
    async with running() as server:
        listener = await StockClient().join(server, "name=Lee")
        source = StockClient()
        source.peer.addTransceiver(source.microphone, direction="sendonly")
        source = await source.join(server, channel=False, audio=False)
        source.microphone.say(buzz(900))
        await listener.until(Reply)
        await listener.until_loud()
        assert source.levels == [], "nothing is sent to who only sends"
        await server.http.delete(source.location)
        await source.close()
        await listener.close()


async def test_two_who_hear_the_same_reply_cost_one_encoding() -> None:
    async with running() as server:
        one, two = await StockClient().join(server, "name=Kim"), await StockClient().join(server, "name=Lee")
        await one.until(Joined)
        await two.until(Joined)
        one.channel.send('{"type": "text", "text": "hello"}')
        await one.until_loud()
        await two.until_loud()
        async with asyncio.timeout(15):
            while server.gateway.encoders.encoded < 50:
                await asyncio.sleep(0.02)
        encoders = server.gateway.encoders
        assert encoders.shared > 0.8 * encoders.encoded, (encoders.shared, encoders.encoded)
        await one.close()
        await two.close()


async def test_callers_hear_each_other_and_never_themselves() -> None:
    async with running(agents=()) as server:
        one, two = await StockClient().join(server, "name=Kim"), await StockClient().join(server, "name=Lee")
        await one.until(Joined)
        await two.until(Joined)
        one.microphone.say(buzz(1000))
        await two.until_loud()
        await two.until_loud(False)
        assert not [level for _, level in one.levels if level > 200]
        await one.close()
        await two.close()


async def test_a_seat_is_taken_back_by_its_token() -> None:
    async with running() as server:
        first = await StockClient().join(server)
        joined = await first.until(Joined)
        second = await StockClient().join(server, f"resume={joined.resume_token}")
        again = await second.until(Joined)
        assert again.session == joined.session
        assert len(server.house.sessions) == 1
        await first.close()
        await second.close()


@pytest.mark.parametrize("once", [False, True])
async def test_who_finds_no_way_for_udp_takes_the_same_seat_over_on_the_websocket(once: bool) -> None:
    key = "k" * 32
    async with running(access=AccessConfig(open=False, key=SecretStr(key))) as server:
        token = mint(TokenRequest(room="default", name="Kim", once=once), key)[0]
        bearer = {"authorization": f"Bearer {token}"}
        answer = await server.http.post("/api/webrtc", content=await StockClient().offer(), headers=SDP | bearer)
        assert answer.status_code == 201, answer.text
        (session,) = server.house.sessions.values()
        resume = answer.headers["hubbub-resume"]
        async with VoiceClient(str(server.http.base_url), name="Kim", token=token, resume_token=resume) as client:
            assert client.joined.session == session.id
            assert (await server.http.delete(answer.headers["location"])).status_code == 200
            assert list(server.house.sessions.values()) == [session], "hanging the peer up does not end the seat"
            await client.send_text("hello")
            async with asyncio.timeout(15):
                async for item in client:
                    if isinstance(item, Reply):
                        break
        await gone(server)


async def test_what_is_no_offer_is_refused_in_words() -> None:
    async with running(max_sessions=1) as server:
        offer = await StockClient().offer()
        for body, headers, query, status, words in (
            ("", SDP, "", 400, "v=0"),
            ("nonsense", SDP, "", 400, "line 1"),
            (b"\xff\xfe", SDP, "", 400, "UTF-8"),
            ("{}", {"content-type": "application/json"}, "", 415, "application/sdp"),
            ("x", {}, "", 415, "application/sdp"),
            ("v=0\r\n" + "a=x\r\n" * 20_000, SDP, "", 413, "bytes at most"),
            ("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", SDP, "", 406, "opus"),
            (offer, SDP, "room=nowhere", 404, "no room"),
            (offer, SDP, "name=" + "x" * 70, 400, "name"),
            (offer, SDP, "name=%00", 400, "name"),
            (offer, SDP, "role=king", 400, "role"),
            (offer, SDP, "resume=unknown", 404, "session"),
        ):
            answer = await server.http.post(f"/api/webrtc?{query}", content=body, headers=headers)
            assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text
        assert not server.house.sessions
        assert (await server.http.get("/api/webrtc")).status_code == 405
        client = await StockClient().join(server)
        full = await server.http.post("/api/webrtc", content=offer, headers=SDP)
        assert (full.status_code, full.headers["retry-after"]) == (503, "5")
        await client.close()


async def test_candidates_are_trickled_with_the_right_etag_only() -> None:
    fragment = "a=ice-ufrag:abcd\r\na=ice-pwd:" + "p" * 22 + "\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
    candidate = "a=candidate:1 1 udp 5 127.0.0.1 9 typ host\r\n"
    async with running() as server:
        client = await StockClient().join(server)
        await client.until(Joined)
        for headers, body, status in (
            ({"if-match": client.etag}, fragment + candidate, 204),
            ({}, fragment, 428),
            ({"if-match": '"old"'}, fragment, 412),
            ({"if-match": client.etag}, "a=candidate:rubbish\r\n", 400),
            ({"if-match": client.etag}, "nonsense", 400),
            ({"if-match": client.etag}, "".join(candidate.replace(" 9 ", f" {port} ") for port in range(1, 65)), 400),
            ({"if-match": "*"}, "m=audio 9 RTP/AVP 0\r\n", 400),
        ):
            answer = await server.http.patch(client.location, content=body, headers=FRAGMENT | headers)
            assert answer.status_code == status, answer.text
        wrong = await server.http.patch(client.location, content=fragment, headers=SDP | {"if-match": client.etag})
        assert wrong.status_code == 415
        assert (await server.http.patch("/api/webrtc/nobody", content=fragment, headers=FRAGMENT)).status_code == 404
        await client.close()


async def test_clients_are_told_which_servers_to_use() -> None:
    servers = (
        {"urls": "stun:stun.example.org:3478"},
        {"urls": ["turn:turn.example.org?transport=udp"], "username": "u", "credential": 'p"w'},
    )
    async with running(ice_servers=servers) as server:
        told = (await server.http.options("/api/webrtc")).headers
        assert told["accept-post"] == "application/sdp"
        assert told.get_list("link")[0] == '<stun:stun.example.org:3478>; rel="ice-server"'
        assert 'username="u"; credential="p\\"w"; credential-type="password"' in told.get_list("link")[1]


async def test_nat_and_port_range_show_in_the_answer() -> None:
    async with running(public_address="203.0.113.7", udp_ports=(41000, 41200)) as server:
        answer = await server.http.post("/api/webrtc", content=await StockClient().offer(), headers=SDP)
        candidate = parse(answer.text).media[0].candidates[0]
        assert candidate.host == "203.0.113.7"
        assert 41000 <= candidate.port <= 41200
        await server.http.delete(answer.headers["location"])


async def test_behind_a_proxy_all_addresses_of_the_machine_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.2", "127.0.0.3"])
    async with running(access=AccessConfig(open=True)) as server:
        offer = await StockClient().offer()
        answer = await server.http.post("/api/webrtc", content=offer, headers=SDP | {"x-forwarded-for": "198.51.100.1"})
        assert answer.status_code == 201, answer.text
        assert {candidate.host for candidate in parse(answer.text).media[0].candidates} == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}
        await server.http.delete(answer.headers["location"])


async def test_a_locked_server_asks_for_a_token_first() -> None:
    async with running(access=AccessConfig(open=False, key=SecretStr("k" * 32))) as server:
        offer = await StockClient().offer()
        locked = await server.http.post("/api/webrtc", content=offer, headers=SDP)
        assert (locked.status_code, locked.headers["www-authenticate"]) == (401, "Bearer")
        assert "link" not in (await server.http.options("/api/webrtc")).headers
        minted = await server.http.post(
            "/api/tokens", json={"room": "default", "name": "Kim"}, headers={"authorization": "Bearer " + "k" * 32}
        )
        token = minted.json()["token"]
        let_in = await server.http.post("/api/webrtc", content=offer, headers=SDP | {"authorization": f"Bearer {token}"})
        assert let_in.status_code == 201, let_in.text
        other = await server.http.post("/api/webrtc?room=other", content=offer, headers=SDP | {"authorization": f"Bearer {token}"})
        assert other.status_code == 403
        await server.http.delete(let_in.headers["location"])


async def test_a_full_port_range_is_said() -> None:
    async with running(udp_ports=(41300, 41300)) as server:
        first = await server.http.post("/api/webrtc", content=await StockClient().offer(), headers=SDP)
        second = await server.http.post("/api/webrtc", content=await StockClient().offer(), headers=SDP)
        assert (first.status_code, second.status_code) == (201, 503)
        assert "41300" in second.json()["error"]["message"]
        assert len(server.house.sessions) == 1, "nobody keeps a seat who could not connect"
        await server.http.delete(first.headers["location"])


async def test_switched_off_it_says_so() -> None:
    async with running(enabled=False) as server:
        answer = await server.http.post("/api/webrtc", content=await StockClient().offer(), headers=SDP)
        assert answer.status_code == 501
        assert "WebSocket" in answer.json()["error"]["message"]


@pytest.mark.parametrize("how", ["closing", "left"])
async def test_nothing_is_left_behind(how: str) -> None:
    before = {task.get_name() for task in asyncio.all_tasks()}
    async with running() as server:
        client = await StockClient().join(server)
        await client.until(Joined)
        if how == "left":
            await server.http.delete(client.location)
    left = await client.until(Left)
    assert left.reason == ("left" if how == "left" else "the server is closing")
    await client.close()
    await asyncio.sleep(0.1)
    names = {task.get_name() for task in asyncio.all_tasks()} - before
    assert not [name for name in names if name.startswith(("webrtc", "ice-", "load"))], names


@pytest.mark.parametrize(("package", "name"), [("aiortc", "_set_role"), ("aiortc", "_sent_queue"), ("aioice", "_nominated")])
async def test_where_the_packages_are_of_another_make_callers_are_told_to_use_the_websocket(
    package: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = await StockClient().offer()
    found = leaning.missing
    monkeypatch.setattr(leaning, "missing", lambda of, names: [*found(of, names), *({name} & set(names))])
    async with running() as server:
        answer = await server.http.post("/api/webrtc", content=offer, headers=SDP)
        assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_available")
        said = answer.json()["error"]["message"]
        assert package in said and name in said and "Use the WebSocket" in said
        assert not server.house.sessions
