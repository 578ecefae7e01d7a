"""Room tokens: made, read, and refused with the cause."""

import time
from typing import Any

import jwt
import pytest
from hubbub.voice.door import Refused
from hubbub.voice.token import AUDIENCE, MAX_LIFE_S, TokenRequest, mint, read
from pydantic import ValidationError

KEY, OTHER = "k" * 40, "o" * 40
KEYS = {"server": KEY, "acme": OTHER}


def body(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {"aud": AUDIENCE, "exp": now + 60, "iat": now, "jti": "one", "room": "default"} | changes
    return {name: value for name, value in whole.items() if value is not ...}


def test_a_token_says_what_was_asked_for() -> None:
    wanted = TokenRequest(room="kitchen", name=" Kim ", role="listener", for_s=60, once=True)
    token, claims = mint(wanted, KEY)
    key_id, said = read(token, KEYS)
    assert (key_id, said) == ("server", claims)
    assert (said.room, said.name, said.role, said.once, said.exp - said.iat) == ("kitchen", "Kim", "listener", True, 60)
    assert mint(wanted, KEY)[1].jti != claims.jti


def test_the_header_names_the_key() -> None:
    token, _ = mint(TokenRequest(), OTHER, key_id="acme")
    assert read(token, KEYS)[0] == "acme"
    with pytest.raises(Refused, match="not of this server's key"):
        read(mint(TokenRequest(), KEY, key_id="acme")[0], KEYS)
    with pytest.raises(Refused, match="a key that this server does not have"):
        read(mint(TokenRequest(), KEY, key_id="nobody")[0], KEYS)


def test_any_jwt_library_can_make_one() -> None:
    assert read(jwt.encode(body(), KEY, "HS256"), KEYS)[1].role == "speaker"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exp": int(time.time()) - 60}, "has expired"),
        ({"iat": int(time.time()) + 86_400}, "the clock of who made it"),
        ({"nbf": int(time.time()) + 86_400}, "the clock of who made it"),
        ({"exp": ...}, "no claim 'exp'"),
        ({"iat": ...}, "no claim 'iat'"),
        ({"jti": ...}, "no claim 'jti'"),
        ({"aud": ...}, "no claim 'aud'"),
        ({"aud": "another"}, "'aud' must be 'hubbub'"),
        ({"room": "../etc"}, "claim 'room'"),
        ({"room": 7}, "claim 'room'"),
        ({"name": "a" * 65}, "claim 'name'"),
        ({"name": "\u202eevil"}, "printable"),
        ({"role": "king"}, "claim 'role'"),
        ({"once": "yes"}, "claim 'once'"),
        ({"jti": "j" * 65}, "claim 'jti'"),
        ({"exp": "tomorrow"}, "no JSON Web Token"),
    ],
)
def test_a_wrong_claim_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        read(jwt.encode(body(**changes), KEY, "HS256"), KEYS)
    assert refused.value.code == "unauthorized"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "a.b.c",
        "..",
        "\0" * 30,
        "é" * 30,
        "e" * 5000,
        jwt.encode(body(), "x" * 40, "HS256"),
        jwt.encode(body(), KEY * 2, "HS512"),
        jwt.encode(body(), None, "none"),
        jwt.encode(body(), KEY, "HS256", headers={"crit": ["x"], "x": 1}),
        jwt.encode(body(), KEY, "HS256")[:-4] + "AAAA",
        jwt.encode(body(), KEY, "HS256") + ".more",
    ],
)
def test_what_is_forged_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(Refused) as refused:
        read(token, KEYS)
    assert refused.value.code == "unauthorized"
    assert not token or token not in str(refused.value)


def test_clocks_may_differ_a_little() -> None:
    assert read(jwt.encode(body(exp=int(time.time()) - 5), KEY, "HS256"), KEYS)
    assert read(jwt.encode(body(iat=int(time.time()) + 5), KEY, "HS256"), KEYS)


def test_a_token_cannot_live_for_ever() -> None:
    assert TokenRequest(for_s=MAX_LIFE_S).for_s == MAX_LIFE_S
    with pytest.raises(ValidationError, match=f"less than or equal to {MAX_LIFE_S}"):
        TokenRequest(for_s=MAX_LIFE_S + 1)
