"""Vonage's Voice API v1: JSON, a JWT of the application's private key (RS256) for each request."""

import json
import time
import uuid

import httpx
import jwt

from ....config.telephony import VonageConfig
from ..webhook.vonage import transfer as transfer_answer
from .base import CarrierREST, Dial, RestError, call_path, found

JWT_S = 60
"""How long a JWT is good for."""


class VonageREST(CarrierREST):
    """An application of Vonage."""

    def __init__(self, account: VonageConfig, client: httpx.AsyncClient | None = None) -> None:
        super().__init__(account.api_url, client)
        self._application = account.application_id
        self._key = account.private_key

    async def dial(self, dial: Dial) -> str:
        body = {
            "to": [{"type": "phone", "number": dial.to.lstrip("+")}], "from": {"type": "phone", "number": dial.sender.lstrip("+")},
            "answer_url": [dial.answer_url], "answer_method": "POST", "event_url": [dial.status_url], "event_method": "POST",
            "ringing_timer": dial.ring_s,
        }  # fmt: skip
        answer = await self._ask("POST", "/v1/calls", json=body, headers=self._headers())
        return found(answer.get("uuid"), "uuid")

    async def hang_up(self, call_id: str) -> None:
        await self._ask("PUT", f"/v1/calls/{call_path(call_id)}", json={"action": "hangup"}, headers=self._headers())

    async def transfer(self, call_id: str, number: str, answer_url: str) -> None:
        ncco = json.loads(transfer_answer(number).body)
        body = {"action": "transfer", "destination": {"type": "ncco", "ncco": ncco}}
        await self._ask("PUT", f"/v1/calls/{call_path(call_id)}", json=body, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        if self._key is None:
            raise RestError("telephony.vonage.private_key is missing: it opens the REST interface")
        now = int(time.time())
        claims = {"application_id": self._application, "iat": now, "exp": now + JWT_S, "jti": str(uuid.uuid4())}
        try:
            token = jwt.encode(claims, self._key.get_secret_value(), algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError, NotImplementedError):  # the last without the `cryptography` package
            raise RestError("telephony.vonage.private_key is no private key in PEM, or the 'cryptography' package is missing") from None
        return {"authorization": f"Bearer {token}"}
