"""Twilio's Calls resource (API 2010-04-01): forms, Basic authentication."""

import httpx

from ....config.telephony import TwilioConfig
from ..webhook.twilio import transfer as transfer_answer
from .base import CarrierREST, Dial, call_path, found

_EVENTS = ("initiated", "ringing", "answered", "completed")


class TwilioREST(CarrierREST):
    """An account of Twilio."""

    def __init__(self, account: TwilioConfig, client: httpx.AsyncClient | None = None) -> None:
        super().__init__(account.api_url, client)
        self._path = f"/2010-04-01/Accounts/{call_path(account.account_sid)}/Calls"
        self._auth = (account.account_sid, account.auth_token.get_secret_value())

    async def dial(self, dial: Dial) -> str:
        form = {
            "To": dial.to, "From": dial.sender, "Url": dial.answer_url, "Timeout": str(dial.ring_s), "StatusCallback": dial.status_url,
            "StatusCallbackEvent": list(_EVENTS),
        }  # fmt: skip
        answer = await self._ask("POST", f"{self._path}.json", data=form, auth=self._auth)
        return found(answer.get("sid"), "sid")

    async def hang_up(self, call_id: str) -> None:
        await self._ask("POST", f"{self._path}/{call_path(call_id)}.json", data={"Status": "completed"}, auth=self._auth)

    async def transfer(self, call_id: str, number: str, answer_url: str) -> None:
        form = {"Twiml": transfer_answer(number).body}
        await self._ask("POST", f"{self._path}/{call_path(call_id)}.json", data=form, auth=self._auth)
