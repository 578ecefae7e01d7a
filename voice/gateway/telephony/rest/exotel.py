"""Exotel's Connect Voice AI: a call that streams to us when it is answered. A call ends with its stream, and is put through by its flow."""

import httpx

from ....config.telephony import ExotelConfig
from .base import CarrierREST, Dial, RestError, call_path, found


class ExotelREST(CarrierREST):
    """An account of Exotel. `Dial.answer_url` is the stream's address."""

    def __init__(self, account: ExotelConfig, client: httpx.AsyncClient | None = None) -> None:
        super().__init__(account.api_url, client)
        self._path = f"/v1/accounts/{call_path(account.account_sid)}/calls/connect"
        self._auth = (account.api_key.get_secret_value(), account.api_token.get_secret_value())

    async def dial(self, dial: Dial) -> str:
        form = {
            "from": dial.to, "callerid": dial.sender, "streamurl": dial.answer_url, "streamtype": "bidirectional",
            "statuscallback": dial.status_url, "statuscallbackevents[0]": "answered", "statuscallbackevents[1]": "terminal",
        }  # fmt: skip
        answer = await self._ask("POST", self._path, data=form, auth=self._auth)
        call = answer.get("Call") or answer.get("call") or answer
        said = call if isinstance(call, dict) else {}
        return found(said.get("Sid") or said.get("sid") or said.get("call_sid"), "Sid")

    async def hang_up(self, call_id: str) -> None:
        """Nothing to ask: the end of the stream ends the call."""

    async def transfer(self, call_id: str, number: str, answer_url: str) -> None:
        raise RestError("Exotel's calls are put through by the applet behind the Voicebot, not from here")
