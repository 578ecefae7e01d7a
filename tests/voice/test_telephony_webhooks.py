"""The carriers' webhooks: signatures as their own libraries make and judge them, replays, and answers that they understand."""

import base64
import hashlib
import importlib.util
import json
import time
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

import jwt
import pytest
from hubbub.voice.config.telephony import ExotelConfig, PlivoConfig, TelnyxConfig, TwilioConfig, VonageConfig, allows
from hubbub.voice.gateway.telephony.tickets import TICKET_S, CallPlan, Seen, Tickets
from hubbub.voice.gateway.telephony.webhook import exotel, plivo, telnyx, twilio, vonage
from hubbub.voice.gateway.telephony.webhook.base import CallStatus, IncomingCall, StreamOrder, WebhookRequest
from hubbub.voice.grant import Refused
from hypothesis import given, settings
from hypothesis import strategies as st

URL = "https://voice.example.com/api/calls/x?room=support"
FORM = {"CallSid": "CA1", "From": "+14155550100", "To": "+14155550199", "CallStatus": "ringing", "Caller Name": "Zoë & Söhne"}
ORDER = StreamOrder("wss://voice.example.com/api/calls/x", "a1b2", IncomingCall("CA1", "+14155550100", "+14155550199"))
TWILIO = TwilioConfig(account_sid="AC1", auth_token="twilio-secret", signing_key="shared-secret")
PLIVO = PlivoConfig(auth_id="MA1", auth_token="plivo-secret")
VONAGE = VonageConfig(application_id="app-1", signature_secret="vonage-secret-of-32-characters-ok")
EXOTEL = ExotelConfig(api_key="key", api_token="token", account_sid="acc")
NOW = 1_800_000_000.0
_texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
_forms = st.dictionaries(_texts.filter(bool), _texts, max_size=6)


def form_request(form: dict[str, str], headers: dict[str, str], url: str = URL) -> WebhookRequest:
    return WebhookRequest("POST", url, {"content-type": "application/x-www-form-urlencoded", **headers}, urlencode(form).encode())


def refused(verify, *arguments) -> str:
    with pytest.raises(Refused) as caught:
        verify(*arguments)
    assert caught.value.code in ("unauthorized", "conflict") and "secret" not in str(caught.value).replace("signature_secret", "")
    return str(caught.value)


# ── Twilio ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=60, deadline=None)
@given(_forms, st.sampled_from([URL, "https://voice.example.com:8443/a/b", "https://voice.example.com:443/", "http://1.2.3.4/x"]))
def test_twilios_own_validator_and_ours_agree(form, url):
    from twilio.request_validator import RequestValidator

    for algorithm, secret in (("HMAC_SHA1", "twilio-secret"), ("HMAC_SHA256", "shared-secret")):
        signature = RequestValidator(secret).compute_signature(url, form, algorithm)
        headers = {"x-twilio-signature": signature}
        if algorithm != "HMAC_SHA1":
            headers["x-twilio-webhooks-signature-settings"] = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
        assert twilio.verify(form_request(form, headers, url), TWILIO, NOW) == signature
        refused(twilio.verify, form_request({**form, "extra": "1"}, headers, url), TWILIO, NOW)
        refused(twilio.verify, form_request(form, headers, url + "x"), TWILIO, NOW)
        ours = twilio.signature(secret.encode(), url, list(form.items()), algorithm[5:].lower())
        assert RequestValidator(secret).validate(url, form, ours, algorithm)


def test_twilio_signs_with_or_without_the_port_and_json_by_its_digest():
    from twilio.request_validator import RequestValidator

    signer = RequestValidator("twilio-secret")
    with_port = URL.replace(".com/", ".com:443/")
    for signed in (URL, with_port):
        headers = {"x-twilio-signature": signer.compute_signature(signed, FORM)}
        for called in (URL, with_port):
            twilio.verify(form_request(FORM, headers, called), TWILIO, NOW)
    body = b'{"a":1}'
    url = f"{URL}&bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"x-twilio-signature": signer.compute_signature(url, {}), "content-type": "application/json"}
    twilio.verify(WebhookRequest("POST", url, headers, body), TWILIO, NOW)
    refused(twilio.verify, WebhookRequest("POST", url, headers, body + b" "), TWILIO, NOW)


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-twilio-signature": ""}, {"x-twilio-signature": "AAAA"}, {"x-twilio-signature": "\udcff\u00e9"},
     {"x-twilio-signature": "x", "x-twilio-webhooks-signature-settings": "algorithm=HMAC_MD5"}],
)  # fmt: skip
def test_what_twilio_did_not_sign_is_refused(headers):
    refused(twilio.verify, form_request(FORM, headers), TWILIO, NOW)


# ── Telnyx ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def telnyx_signed(body: bytes, at: float) -> tuple[TelnyxConfig, dict[str, str]]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    stamp = str(int(at))
    signature = base64.b64encode(key.sign(f"{stamp}|".encode() + body)).decode()
    return TelnyxConfig(api_key="k", public_key=public), {"telnyx-timestamp": stamp, "telnyx-signature-ed25519": signature}


def telnyx_verification():
    """The one file of Telnyx's library that judges signatures: loading all of the library takes seconds."""
    found = importlib.util.find_spec("telnyx")
    if found is None or not found.submodule_search_locations:
        pytest.skip("telnyx is not installed")
    path = Path(found.submodule_search_locations[0]) / "lib" / "webhook_verification.py"
    spec = importlib.util.spec_from_file_location("telnyx_webhook_verification", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_telnyxs_own_verifier_and_ours_agree():
    pytest.importorskip("nacl")
    verification = telnyx_verification()
    body = urlencode(FORM).encode()
    account, headers = telnyx_signed(body, time.time())
    verification.verify_webhook_signature(body.decode(), headers, account.public_key)
    telnyx.verify(WebhookRequest("POST", URL, headers, body), account, time.time())
    with pytest.raises(verification.WebhookVerificationError):
        verification.verify_webhook_signature(body.decode() + "x", headers, account.public_key)
    refused(telnyx.verify, WebhookRequest("POST", URL, headers, body + b"x"), account, time.time())


def test_an_old_request_of_telnyx_is_refused():
    body = urlencode(FORM).encode()
    account, headers = telnyx_signed(body, NOW)
    request = WebhookRequest("POST", URL, headers, body)
    telnyx.verify(request, account, NOW + 299)
    for at in (NOW + 301, NOW - 301):
        assert "clock" in refused(telnyx.verify, request, account, at)
    for broken in ({"telnyx-timestamp": "x"}, {"telnyx-signature-ed25519": "!"}, {"telnyx-signature-ed25519": ""}):
        refused(telnyx.verify, WebhookRequest("POST", URL, {**headers, **broken}, body), account, NOW)


# ── Plivo ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("abcXYZ09_", min_size=1, max_size=8), st.text("abc XYZ+&=", max_size=8), max_size=5))
def test_plivos_own_validator_and_ours_agree(form):
    v3 = pytest.importorskip("plivo.utils.signature_v3")
    for method in ("POST", "GET"):
        url = URL if method == "POST" else f"{URL}&{urlencode(form)}" if form else URL
        fields = form if method == "POST" else {}
        ours = plivo.signature("plivo-secret", method, url, list(fields.items()), "12345")
        assert v3.validate_v3_signature(method, url, "12345", "plivo-secret", ours, dict(fields))
        headers = {"x-plivo-signature-v3-nonce": "12345", "x-plivo-signature-v3": f"AAAA,{ours}"}
        body = urlencode(fields).encode()
        assert plivo.verify(WebhookRequest(method, url, headers, body), PLIVO, NOW) == "12345"
        refused(plivo.verify, WebhookRequest(method, url + "&x=1", headers, body), PLIVO, NOW)
        refused(plivo.verify, WebhookRequest(method, url, {**headers, "x-plivo-signature-v3-nonce": "12346"}, body), PLIVO, NOW)


# ── Vonage ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def vonage_signed(body: bytes, **changes: object) -> WebhookRequest:
    claims = {"iat": NOW, "jti": "j1", "iss": "Vonage", "application_id": "app-1", "payload_hash": hashlib.sha256(body).hexdigest()}
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    token = jwt.encode(claims, VONAGE.signature_secret.get_secret_value(), algorithm="HS256")
    return WebhookRequest("POST", URL, {"authorization": f"Bearer {token}", "content-type": "application/json"}, body)


def test_vonages_own_verifier_and_ours_agree():
    body = json.dumps({"from": "447700900000", "to": "447700900001", "uuid": "u1"}).encode()
    request = vonage_signed(body, iat=int(time.time()))
    verifier = pytest.importorskip("vonage_jwt.verify_jwt")
    token = request.headers["authorization"].split()[1]
    assert verifier.verify_signature(token, VONAGE.signature_secret.get_secret_value())
    assert not verifier.verify_signature(token, "another-secret-of-32-characters-no")
    assert vonage.verify(request, VONAGE, time.time()) == "j1"
    assert vonage.incoming(request) == IncomingCall("u1", "447700900000", "447700900001")


@pytest.mark.parametrize(
    "changes",
    [{"iat": NOW - 400}, {"iat": "x"}, {"iat": None}, {"jti": None}, {"payload_hash": "0" * 64}, {"payload_hash": None},
     {"application_id": "app-2"}],
    ids=str,
)  # fmt: skip
def test_what_vonage_did_not_sign_for_us_now_is_refused(changes):
    vonage.verify(vonage_signed(b"{}"), VONAGE, NOW)
    refused(vonage.verify, vonage_signed(b"{}", **changes), VONAGE, NOW)


def test_a_jwt_of_another_algorithm_is_refused():
    token = jwt.encode({"iat": NOW, "jti": "j"}, None, algorithm="none")
    for shown in (f"Bearer {token}", "Bearer x", "Basic x", ""):
        refused(vonage.verify, WebhookRequest("GET", URL, {"authorization": shown}), VONAGE, NOW)


def test_exotel_shows_what_its_applet_was_configured_with():
    right = base64.b64encode(b"key:token").decode()
    exotel.verify(WebhookRequest("GET", URL, {"authorization": f"Basic {right}"}), EXOTEL, NOW)
    for shown in ("", f"Basic {right[:-4]}", "Basic !", f"Bearer {right}"):
        refused(exotel.verify, WebhookRequest("GET", URL, {"authorization": shown}), EXOTEL, NOW)


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_twilio_is_answered_as_its_own_library_writes_it():
    from twilio.twiml.voice_response import Connect, VoiceResponse

    response, connect = VoiceResponse(), Connect()
    connect.stream(url=ORDER.url).parameter(name="ticket", value="a1b2")
    response.append(connect)
    assert ElementTree.canonicalize(twilio.answer(ORDER).body) == ElementTree.canonicalize(str(response))
    assert "?" not in ORDER.url, "Twilio takes no query in a stream's address"
    dial = VoiceResponse()
    dial.dial("+14155550123")
    assert ElementTree.canonicalize(twilio.transfer("+14155550123").body) == ElementTree.canonicalize(str(dial))


def test_the_other_carriers_answers_hold_what_their_documents_ask_for():
    stream = ElementTree.fromstring(telnyx.answer(ORDER, telnyx_signed(b"", NOW)[0]).body).find("Connect/Stream")
    assert stream is not None and stream.get("url") == f"{ORDER.url}?ticket=a1b2"
    assert (stream.get("bidirectionalMode"), stream.get("bidirectionalCodec"), stream.get("codec")) == ("rtp", "PCMU", "PCMU")
    stream = ElementTree.fromstring(plivo.answer(ORDER, PLIVO).body).find("Stream")
    assert stream is not None and stream.text == ORDER.url and stream.get("bidirectional") == stream.get("keepCallAlive") == "true"
    assert stream.get("extraHeaders") == "ticket=a1b2" and stream.get("contentType") == "audio/x-mulaw;rate=8000"
    (action,) = json.loads(vonage.answer(ORDER, VONAGE).body)
    (endpoint,) = action["endpoint"]
    assert action["action"] == "connect" and endpoint["type"] == "websocket" and endpoint["uri"] == ORDER.url
    assert endpoint["content-type"] == "audio/l16;rate=16000"
    assert endpoint["headers"] == {"ticket": "a1b2", "call_id": "CA1", "from": "+14155550100", "to": "+14155550199"}
    assert json.loads(exotel.answer(ORDER).body) == {"url": f"{ORDER.url}?ticket=a1b2"}
    linear = plivo.answer(ORDER, PlivoConfig(auth_id="MA1", auth_token="x", codec="l16")).body
    assert "audio/x-l16;rate=16000" in linear


def test_a_full_server_is_busy_in_each_carriers_own_way():
    for module, tag in ((twilio, "Reject"), (telnyx, "Reject"), (plivo, "Hangup")):
        (verb,) = ElementTree.fromstring(module.busy().body)
        assert (verb.tag, verb.get("reason")) == (tag, "busy")
    (talk,) = json.loads(vonage.busy().body)
    assert talk["action"] == "talk" and "busy" in talk["text"]
    with pytest.raises(Refused) as caught:
        exotel.busy()
    assert caught.value.code == "server_full"


def test_statuses_are_told_in_one_language():
    assert twilio.status(form_request({"CallSid": "CA1", "CallStatus": "no-answer"}, {})) == CallStatus("CA1", "no_answer")
    assert twilio.status(form_request({"CallSid": "CA1", "AnsweredBy": "machine_start"}, {})).state == "machine"
    assert telnyx.status(form_request({"CallSid": "v3:1", "CallStatus": "completed"}, {})).state == "ended"
    assert plivo.status(form_request({"CallUUID": "c", "CallStatus": "in-progress"}, {})).state == "answered"
    event = WebhookRequest("POST", URL, {"content-type": "application/json"}, b'{"uuid":"u","status":"busy"}')
    assert vonage.status(event) == CallStatus("u", "busy")
    assert exotel.status(form_request({"CallSid": "c", "Status": "completed"}, {})).state == "ended"
    for module in (twilio, telnyx, plivo, exotel):
        name = "CallUUID" if module is plivo else "CallSid"
        assert module.status(form_request({name: "c", "CallStatus": "singing"}, {})) is None


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]))
def test_any_body_is_read_or_refused(body, kind):
    for module in (twilio, telnyx, plivo, vonage, exotel):
        request = WebhookRequest("POST", URL, {"content-type": kind}, body)
        for read in (module.incoming, module.status):
            try:
                read(request)
            except Refused as error:
                assert error.code == "bad_request"


# ── tickets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def plan(call_id: str = "CA1") -> CallPlan:
    return CallPlan(IncomingCall(call_id, "+1", "+2"), "default")


def test_a_ticket_is_good_for_one_stream_of_its_carrier_and_call():
    tickets = Tickets()
    token = tickets.issue("twilio", plan(), 0.0)
    assert token.isalnum() and len(token) >= 32
    for carrier, shown, call_id in (("telnyx", token, "CA1"), ("twilio", token[:-1], "CA1"), ("twilio", "", ""), ("twilio", token, "CA2")):
        with pytest.raises(Refused):
            tickets.take(carrier, shown, call_id, 1.0)
    assert tickets.take("twilio", token, "CA1", 1.0).room == "default"
    with pytest.raises(Refused):
        tickets.take("twilio", token, "CA1", 1.0)


def test_a_repeated_webhook_gets_the_same_ticket_until_its_stream_has_come():
    tickets = Tickets()
    token = tickets.issue("twilio", plan(), 0.0)
    assert tickets.issue("twilio", plan(), 5.0) == token
    assert tickets.issue("plivo", plan(), 5.0) != token
    tickets.take("twilio", token, "CA1", 6.0)
    with pytest.raises(Refused, match="replay"):
        tickets.issue("twilio", plan(), 7.0)


def test_a_ticket_that_nobody_used_expires():
    tickets = Tickets()
    token = tickets.issue("twilio", plan(), 0.0)
    with pytest.raises(Refused):
        tickets.take("twilio", token, "CA1", TICKET_S + 1)
    assert len(tickets) == 0


def test_a_request_that_has_come_counts_once():
    seen = Seen(remembered_s=100)
    seen.check("a", 0.0)
    seen.check("", 0.0)
    seen.check("", 0.0)
    with pytest.raises(Refused, match="replay"):
        seen.check("a", 99.0)
    seen.check("a", 101.0)


def test_numbers_are_allowed_by_patterns():
    assert allows(("*",), "anonymous") and allows(("+1415*",), "14155550100") and allows(("14155550100",), "+14155550100")
    assert not allows(("+1415*",), "+14165550100") and not allows((), "+1") and not allows(("+1",), "+14")
