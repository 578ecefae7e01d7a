"""Session descriptions: browsers' and WHIP clients' offers are understood, everything else is refused in words."""

import pytest
from hubbub.voice.rtc import sdp
from hypothesis import given
from hypothesis import strategies as st

FINGERPRINT = ":".join(["AB"] * 32)
LOCAL = sdp.Local("abcd", "p" * 22, FINGERPRINT, "passive", (sdp.Candidate("1", 1, "udp", 5, "127.0.0.1", 9, "host"),), 77, "hubbub")
AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 9 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtpmap:9 G722/8000\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
)
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
KEYS = f"a=ice-ufrag:EsAw\r\na=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\r\na=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:actpass\r\n"


def offer(*media: str, bundle: str = "0 1 2", keys: str = KEYS) -> str:
    return HEAD + f"a=group:BUNDLE {bundle}\r\n" + keys + "".join(media)


def refused(text: str) -> sdp.SdpError:
    with pytest.raises(sdp.SdpError) as caught:
        sdp.choose(sdp.parse(text))
    return caught.value


def test_a_browsers_offer_is_answered_without_its_video() -> None:
    description = sdp.parse(offer(AUDIO, VIDEO, DATA))
    terms = sdp.choose(description)
    assert (terms.payload_type, terms.sends, terms.receives) == (111, True, True)
    answer = sdp.parse(sdp.write_answer(description, terms, LOCAL))
    assert [(media.kind, media.port) for media in answer.media] == [("audio", 9), ("video", 0), ("application", 9)]
    assert answer.bundle == ["0", "2"]
    assert answer.media[0].opus() == 111
    assert "useinbandfec=1" in answer.media[0].parameters[111]
    assert answer.media[0].candidates == list(LOCAL.candidates)
    assert (answer.media[0].setup, answer.media[0].ufrag) == ("passive", "abcd")


def test_what_is_offered_in_the_groups_transport_only_is_offered() -> None:
    """As Firefox does with `max-bundle`: the port of the data channel is 0."""
    description = sdp.parse(offer(AUDIO, DATA.replace(" 9 ", " 0 ", 1) + "a=bundle-only\r\n", bundle="0 2"))
    terms = sdp.choose(description)
    assert terms.data is not None
    answer = sdp.parse(sdp.write_answer(description, terms, LOCAL))
    assert [media.port for media in answer.media] == [9, 9]
    assert sdp.choose(sdp.parse(offer(AUDIO, DATA.replace(" 9 ", " 0 ", 1), bundle="0 2"))).data is None, "switched off"


@pytest.mark.parametrize(("direction", "mirrored"), [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")])
def test_a_one_way_offer_is_mirrored(direction: str, mirrored: str) -> None:
    description = sdp.parse(offer(AUDIO.replace("sendrecv", direction)))
    terms = sdp.choose(description)
    assert terms.receives == (direction == "sendonly")
    assert terms.sends == (direction == "recvonly")
    assert sdp.parse(sdp.write_answer(description, terms, LOCAL)).media[0].direction == mirrored


def test_our_own_offer_is_understood() -> None:
    terms = sdp.choose(sdp.parse(sdp.write_offer(LOCAL)))
    assert terms.audio is not None and terms.data is not None
    assert terms.data.sctp_port == 5000


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "bad", "v=0"),
        ("hello", "bad", "line 1"),
        (offer(VIDEO), "unacceptable", "opus"),
        (offer(AUDIO.replace("opus", "speex")), "unacceptable", "opus"),
        (offer(AUDIO.replace("a=rtcp-mux\r\n", "")), "unacceptable", "rtcp-mux"),
        (offer(AUDIO, DATA, bundle="0"), "unacceptable", "BUNDLE"),
        (offer(AUDIO, keys=""), "bad", "ice-ufrag"),
        (offer(AUDIO, keys=KEYS.replace("sha-256", "md5")), "bad", "fingerprint"),
        (offer(AUDIO, keys=KEYS.replace(FINGERPRINT, "AB:CD")), "bad", "fingerprint"),
        (offer(AUDIO, keys=KEYS.replace("EsAw", "a")), "bad", "ice-ufrag"),
        (offer(AUDIO, keys=KEYS.replace("actpass", "holdconn")), "bad", "setup"),
        (offer(AUDIO, "a=candidate:1 1 udp x 127.0.0.1 9 typ host\r\n"), "bad", "candidate"),
        (offer(*["m=audio 9 X 1\r\n"] * 40), "bad", "media sections"),
        (offer("m=audio\r\n"), "bad", "media line"),
        (offer(AUDIO, "a=mid:" + "x" * 100 + "\r\n"), "bad", "name"),
        (offer(DATA, "a=sctp-port:999999\r\n"), "bad", "sctp-port"),
    ],
)
def test_what_cannot_be_served_is_refused_in_words(text: str, code: str, words: str) -> None:
    error = refused(text)
    assert error.code == code
    assert words in str(error)


def test_candidates_that_cannot_be_tried_are_known() -> None:
    usable = [
        sdp.parse_candidate(f"1 1 {transport} 5 {host} {port} typ {kind}").usable
        for transport, host, port, kind in (
            ("udp", "192.0.2.1", 9, "host"), ("UDP", "::1", 9, "srflx"), ("tcp", "192.0.2.1", 9, "host"), ("udp", "a.local", 9, "host"),
            ("udp", "224.0.0.1", 9, "host"), ("udp", "0.0.0.0", 9, "host"), ("udp", "192.0.2.1", 0, "host"), ("udp", "192.0.2.1", 9, "odd"),
        )
    ]
    assert usable == [True, True, False, False, False, False, False, False]


def test_a_fragment_is_read() -> None:
    text = (
        "a=ice-ufrag:EsAw\r\na=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
        "a=candidate:1 1 udp 5 192.0.2.1 9 typ host generation 0\r\na=candidate:1 1 udp 5 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n"
    )
    fragment = sdp.parse_fragment(text)
    assert (fragment.ufrag, len(fragment.candidates), fragment.ended) == ("EsAw", 1, True)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    for each in (text, HEAD + text, offer(AUDIO, text), offer(text, DATA)):
        try:
            sdp.choose(sdp.parse(each))
        except sdp.SdpError as error:
            assert str(error)
        try:
            sdp.parse_fragment(each)
        except sdp.SdpError as error:
            assert str(error)


_LINES = offer(AUDIO, VIDEO, DATA).split("\r\n")


_DAMAGE = st.tuples(st.integers(0, len(_LINES) - 1), st.sampled_from(["drop", "double", "cut", "grow"]), st.integers(0, 40))


@given(st.lists(_DAMAGE, max_size=8))
def test_a_damaged_offer_is_understood_or_refused(damage: list[tuple[int, str, int]]) -> None:
    lines = list(_LINES)
    for place, how, size in damage:
        line = lines[place]
        lines[place] = {"drop": "", "double": line + "\r\n" + line, "cut": line[:size], "grow": line + "9" * size}[how]
    try:
        description = sdp.parse("\r\n".join(lines))
        terms = sdp.choose(description)
    except sdp.SdpError as error:
        assert str(error)
        return
    answer = sdp.parse(sdp.write_answer(description, terms, LOCAL))
    assert len(answer.media) == len(description.media)
