"""How carriers sign their webhooks and handshakes, from the carrier's side. Pure.

Twilio: base64(HMAC-SHA1(auth token, URL + each form field's name and value, sorted by name)) in `X-Twilio-Signature`; a WebSocket's
handshake is signed over its URL alone. Plivo V3: base64(HMAC-SHA256(auth token,
URL with its query sorted + "." + sorted fields + "." + nonce)). Vonage: a JWT,
HS256, whose `payload_hash` is the SHA-256 of the body. Telnyx: Ed25519 over `timestamp|body`, with a private key in base64.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit, urlunsplit

Headers = dict[str, str]


def twilio(auth_token: str, url: str, form: Mapping[str, str] | None = None) -> Headers:
    """Headers of a webhook, or (without a form) of a stream's handshake."""
    signed = url + "".join(f"{name}{form[name]}" for name in sorted(form)) if form else url
    digest = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()
    return {"X-Twilio-Signature": base64.b64encode(digest).decode()}


def plivo(auth_token: str, url: str, form: Mapping[str, str], nonce: str = "") -> Headers:
    """Headers of a webhook by POST."""
    nonce = nonce or secrets.token_hex(10)
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    base = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    if query or form:
        base += "?" + "&".join(f"{name}={value}" for name in sorted(query) for value in sorted(query[name]))
    if form:
        base += "." + "".join(f"{name}{form[name]}" for name in sorted(form))
    digest = hmac.new(auth_token.encode(), f"{base}.{nonce}".encode(), hashlib.sha256).digest()
    return {"X-Plivo-Signature-V3": base64.b64encode(digest).decode(), "X-Plivo-Signature-V3-Nonce": nonce}


def vonage(secret: str, body: bytes, now: float | None = None) -> Headers:
    """Headers of a webhook; `secret` is the account's signature secret."""
    import jwt

    issued = int(time.time() if now is None else now)
    claims = {"iat": issued, "jti": secrets.token_hex(8), "iss": "Vonage", "payload_hash": hashlib.sha256(body).hexdigest()}
    return {"Authorization": f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}"}


def telnyx(private_key: str, body: bytes, now: float | None = None) -> Headers:
    """Headers of a webhook; `private_key` is 32 bytes in base64. Needs the package `cryptography`. Raises ValueError for no such key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    stamp = str(int(time.time() if now is None else now))
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private_key))
    signature = base64.b64encode(key.sign(f"{stamp}|".encode() + body)).decode()
    return {"telnyx-signature-ed25519": signature, "telnyx-timestamp": stamp}
