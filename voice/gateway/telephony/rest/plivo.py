"""Plivo's Call resource: JSON, Basic authentication. A transfer makes Plivo ask an address of ours what to do."""

import httpx

from ....config.telephony import PlivoConfig
from .base import CarrierREST, Dial, call_path, found


class PlivoREST(CarrierREST):
    """An account of Plivo."""

    def __init__(self, account: PlivoConfig, client: httpx.AsyncClient | None = None) -> None:
        super().__init__(account.api_url, client)
        self._path = f"/v1/Account/{call_path(account.auth_id)}/Call/"
        self._auth = (account.auth_id, account.auth_token.get_secret_value())

    async def dial(self, dial: Dial) -> str:
        body = {
            "to": dial.to, "from": dial.sender, "answer_url": dial.answer_url, "answer_method": "POST", "ring_url": dial.status_url,
            "hangup_url": dial.status_url, "ring_timeout": dial.ring_s,
        }  # fmt: skip
        answer = await self._ask("POST", self._path, json=body, auth=self._auth)
        request = answer.get("request_uuid")
        return found(request[0] if isinstance(request, list) and request else request, "request_uuid")

    async def hang_up(self, call_id: str) -> None:
        await self._ask("DELETE", f"{self._path}{call_path(call_id)}/", auth=self._auth)

    async def transfer(self, call_id: str, number: str, answer_url: str) -> None:
        body = {"legs": "aleg", "aleg_url": answer_url, "aleg_method": "POST"}
        await self._ask("POST", f"{self._path}{call_path(call_id)}/", json=body, auth=self._auth)
