"""The section `telephony` of a file of rooms, and its errors."""

import pytest
from hubbub.voice.config import ConfigError, parse_config

ROOMS = "rooms: {default: {agents: [{name: Ava}]}}\n"


def fault(text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(ROOMS + text, environ=environ)
    return str(caught.value)


def test_secrets_come_from_the_environment_only():
    for section in (
        "twilio: {account_sid: AC1, auth_token: written}", "plivo: {auth_id: a, auth_token: written}",
        "vonage: {application_id: a, signature_secret: written}", "exotel: {api_key: written, api_token: t, account_sid: a}",
        "telnyx: {api_key: written, public_key: lT4DGsgexampleof44charactersinbase64AAAAAAAA=}",
    ):  # fmt: skip
        said = fault(f"telephony: {{{section}}}\n")
        assert "must not stand in the file" in said and "rooms.yaml:2" in said
    config = parse_config(ROOMS + 'telephony: {twilio: {account_sid: AC1, auth_token: "${T}"}}', environ={"T": "secret"})
    assert config.telephony.twilio is not None and "secret" not in repr(config)


@pytest.mark.parametrize(
    ("section", "words"),
    [("numbers: {kitchen: {room: default}}", "telephone numbers as keys"), ('numbers: {"+1415": {room: attic}}', "not in this file"),
     ('numbers: {"+1415": {room: default, agent: Zoe}}', "no agent of that room; these are: Ava"), ("url: voice.example.com", "http"),
     ("destinations: [everybody]", "destinations"), ("max_call_s: 1", "at least 10"), ("sing: 1", "is not a known field"),
     ("vonage: {rate_hz: 44100, application_id: a}", "rate_hz")],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(section, words):
    said = fault(f"telephony:\n  {section}\n")
    assert words in said and "rooms.yaml:3" in said


def test_numbers_may_be_written_with_or_without_a_plus():
    for written in ("+14155550199", "14155550199"):
        config = parse_config(ROOMS + f'telephony: {{numbers: {{"{written}": {{room: default, agent: ava}}}}}}')
        assert config.telephony.numbers[written].room == "default"
