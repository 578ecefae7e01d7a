"""Telnyx: TeXML calls, and the actions of Call Control on them: JSON, bearer authentication."""

import httpx

from ....config.telephony import TelnyxConfig
from .base import CarrierREST, Dial, RestError, call_path, found


class TelnyxREST(CarrierREST):
    """An account of Telnyx."""

    def __init__(self, account: TelnyxConfig, client: httpx.AsyncClient | None = None) -> None:
        super().__init__(account.api_url, client)
        self._application = account.application_id
        self._headers = {"authorization": f"Bearer {account.api_key.get_secret_value()}"}

    async def dial(self, dial: Dial) -> str:
        if self._application is None:
            raise RestError("telephony.telnyx.application_id is missing: calls are made by a TeXML application")
        body = {
            "To": dial.to, "From": dial.sender, "Url": dial.answer_url, "StatusCallback": dial.status_url, "Timeout": dial.ring_s,
            "StatusCallbackEvent": "initiated ringing answered completed",
        }  # fmt: skip
        answer = await self._ask("POST", f"/v2/texml/calls/{call_path(self._application)}", json=body, headers=self._headers)
        inner = answer.get("data")
        inner = inner if isinstance(inner, dict) else answer
        return found(inner.get("call_sid") or inner.get("sid") or inner.get("call_control_id"), "call_sid")

    async def hang_up(self, call_id: str) -> None:
        await self._ask("POST", f"/v2/calls/{call_path(call_id)}/actions/hangup", json={}, headers=self._headers)

    async def transfer(self, call_id: str, number: str, answer_url: str) -> None:
        await self._ask("POST", f"/v2/calls/{call_path(call_id)}/actions/transfer", json={"to": number}, headers=self._headers)
