"""What a carrier reads in the answer to its webhook, and how it signs the question."""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from hubbub.voice.client.phone import CallDetails, WebhookError, signature
from hubbub.voice.client.phone.answer import Answer, read_answer
from hubbub.voice.client.phone.webhook import question, with_ids
from hubbub.voice.gateway.telephony.wire.base import Coding
from hubbub.voice.gateway.telephony.wire.carriers import CARRIERS, Carrier
from hypothesis import given
from hypothesis import strategies as st

TWIML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Say>Hello</Say><Connect><Stream url="wss://agent.example/twilio">'
    '<Parameter name="tenant" value="t&amp;1"/></Stream></Connect></Response>'
)
TEXML = (
    '<Response><Connect><Stream url="wss://a.example/s?ticket=1" track="both_tracks" bidirectionalMode="rtp" bidirectionalCodec="L16" '
    'bidirectionalSamplingRate="16000"/></Connect></Response>'
)
PLIVO = (
    '<Response><Stream bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000" extraHeaders="a=b;c=d">'
    "wss://a.example/p</Stream></Response>"
)
NCCO = (
    '[{"action":"talk","text":"Hi"},{"action":"connect","endpoint":[{"type":"websocket","uri":"wss://a.example/v",'
    '"content-type":"audio/l16;rate=24000","headers":{"tenant":"t1"}}]}]'
)


@pytest.mark.parametrize(
    ("carrier", "text", "answer"),
    [
        ("twilio", TWIML, Answer("wss://agent.example/twilio", {"tenant": "t&1"}, None, ("Say",))),
        ("telnyx", TEXML, Answer("wss://a.example/s?ticket=1", {}, Coding("l16", 16_000))),
        ("plivo", PLIVO, Answer("wss://a.example/p", {"a": "b", "c": "d"}, Coding("ulaw", 8_000))),
        ("vonage", NCCO, Answer("wss://a.example/v", {"tenant": "t1"}, Coding("l16", 24_000), ("talk",))),
        ("exotel", '{"url":"wss://a.example/e?sample-rate=8000"}', Answer("wss://a.example/e?sample-rate=8000", {}, Coding("l16", 8_000))),
    ],
)  # fmt: skip
def test_answers_are_read_as_the_carriers_documents_say(carrier: Carrier, text: str, answer: Answer) -> None:
    assert read_answer(carrier, text) == answer


@pytest.mark.parametrize(
    ("carrier", "text", "words"),
    [
        ("twilio", "", "is no XML"),
        ("twilio", "<html><body>It works!</body></html>", "must be <Response>, not <html>. The answer was: <html><body>It works!"),
        ("twilio", "<Response/>", "no <Connect><Stream> in the answer, so the carrier would hang up"),
        ("twilio", "<Response><Hangup/></Response>", "the call ends in <Hangup>"),
        ("twilio", "<Response><Connect/></Response>", "<Connect> has no <Stream>"),
        ("twilio", '<Response><Start><Stream url="wss://a"/></Start></Response>', "only listens"),
        ("twilio", '<Response><Connect><Stream url="https://a"/></Connect></Response>', "must begin with wss://, not 'https://a'"),
        ("twilio", '<!DOCTYPE x [<!ENTITY a "b">]><Response/>', "no document type"),
        ("twilio", "<Response>" + " " * 70_000 + "</Response>", "longer than the 65536 bytes"),
        ("telnyx", '<Response><Connect><Stream url="wss://a" bidirectionalCodec="OPUS"/></Connect></Response>', "PCMU, PCMA or L16"),
        ("telnyx", TEXML.replace("16000", "11025"), "streams no l16 at 11025 Hz"),
        ("plivo", "<Response><Speak>Hi</Speak></Response>", "there is no <Stream>"),
        ("plivo", PLIVO.replace("mulaw", "opus"), "contentType must be"),
        ("vonage", "{}", "an NCCO is a list"),
        ("vonage", "[", "is no JSON"),
        ("vonage", '[{"action":"talk"}]', "no 'connect' to an endpoint of type 'websocket'"),
        ("vonage", NCCO.replace("l16;rate=24000", "opus"), "content-type must be"),
        ("exotel", "[]", "in 'url'"),
    ],
)
def test_a_wrong_answer_is_explained_with_what_came(carrier: Carrier, text: str, words: str) -> None:
    with pytest.raises(WebhookError) as caught:
        read_answer(carrier, text)
    assert words in str(caught.value)


def test_what_the_carrier_would_not_do_is_warned_of() -> None:
    plain = read_answer("twilio", TWIML.replace("wss://agent.example/twilio", "ws://127.0.0.1:8080/twilio?room=a"))
    assert any("dials wss:// only" in text for text in plain.warnings)
    assert any("drops the query string" in text for text in plain.warnings)
    long = read_answer("twilio", TWIML.replace("t&amp;1", "x" * 600))
    assert "more than 500 characters" in long.warnings[0]
    mp3 = read_answer("telnyx", '<Response><Connect><Stream url="wss://a"/></Connect></Response>')
    assert "takes MP3 files" in mp3.warnings[0]
    silent = read_answer("plivo", '<Response><Stream contentType="audio/x-l16;rate=8000">wss://a</Stream></Response>')
    assert len(silent.warnings) == 2


@given(st.sampled_from(CARRIERS), st.text(max_size=200))
def test_any_text_is_an_answer_or_explained(carrier: Carrier, text: str) -> None:
    for tried in (text, f"<Response>{text}</Response>", f'[{{"action":{text}}}]'):
        try:
            read_answer(carrier, tried)
        except WebhookError as error:
            assert str(error)


def form_of(request: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.content.decode(), keep_blank_values=True).items()}


def test_twilio_s_own_validator_accepts_our_signatures() -> None:
    validator = pytest.importorskip("twilio.request_validator").RequestValidator("secret")
    url = "https://agent.example/voice?x=1"
    request = question("twilio", url, with_ids("twilio", CallDetails()), "secret")
    form = form_of(request)
    assert form["CallSid"].startswith("CA")
    assert validator.validate(url, form, request.headers["x-twilio-signature"])
    assert not validator.validate(url, {**form, "From": "+1"}, request.headers["x-twilio-signature"])
    stream = "wss://agent.example/media"
    assert validator.validate(stream, {}, signature.twilio("secret", stream)["X-Twilio-Signature"])


def test_the_other_carriers_sign_in_their_ways() -> None:
    details = with_ids("vonage", CallDetails(caller="+1555"))
    vonage = question("vonage", "https://a.example/answer?x=1", details, "a-secret-of-thirty-two-characters")
    query = parse_qs(urlsplit(str(vonage.url)).query)
    assert (query["x"], query["from"]) == (["1"], ["+1555"])
    token = vonage.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, "a-secret-of-thirty-two-characters", algorithms=["HS256"])
    assert claims["payload_hash"] == hashlib.sha256(b"").hexdigest()
    one = signature.plivo("secret", "https://a.example/p?b=2&a=1", {"To": "2", "From": "1"}, "nonce")
    assert one == {"X-Plivo-Signature-V3": PLIVO_SIGNATURE, "X-Plivo-Signature-V3-Nonce": "nonce"}
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    key = ed25519.Ed25519PrivateKey.generate()
    private = base64.b64encode(key.private_bytes_raw()).decode()
    telnyx = question("telnyx", "https://a.example/t", with_ids("telnyx", CallDetails()), private)
    signed = telnyx.headers["telnyx-timestamp"].encode() + b"|" + telnyx.content
    key.public_key().verify(base64.b64decode(telnyx.headers["telnyx-signature-ed25519"]), signed)


PLIVO_SIGNATURE = base64.b64encode(hmac.digest(b"secret", b"https://a.example/p?a=1&b=2.From1To2.nonce", "sha256")).decode()


@pytest.mark.parametrize("url", ["ftp://a", "https://", "nonsense"])
def test_a_webhook_s_address_that_is_none_is_refused(url: str) -> None:
    for carrier in CARRIERS:
        with pytest.raises(ValueError, match="a webhook's address"):
            question(carrier, url, CallDetails())
