"""Telnyx: calls by TeXML or Call Control, and the commands of Call Control on them: JSON, bearer authentication."""

import httpx

from ....config.telephony import TelnyxConfig
from .base import CarrierREST, Dial, RestError, call_path, found


class TelnyxREST(CarrierREST):
    """An account of Telnyx."""

    def __init__(self, account: TelnyxConfig, client: httpx.AsyncClient | None = None) -> None:
        super().__init__(account.api_url, client)
        self._application = account.application_id
        self._connection = account.connection_id
        self._codec = account.codec
        self._headers = {"authorization": f"Bearer {account.api_key.get_secret_value()}"}

    async def dial(self, dial: Dial) -> str:
        if self._connection is not None:
            body: dict[str, object] = {
                "connection_id": self._connection, "to": dial.to, "from": dial.sender, "webhook_url": dial.answer_url,
                "timeout_secs": dial.ring_s,
            }  # fmt: skip
            data = (await self._ask("POST", "/v2/calls", json=body, headers=self._headers)).get("data")
            return found(data.get("call_control_id") if isinstance(data, dict) else None, "call_control_id")
        if self._application is None:
            raise RestError(
                "telephony.telnyx.application_id is missing (connection_id for Call Control): calls are made by an application"
            )
        body = {
            "To": dial.to, "From": dial.sender, "Url": dial.answer_url, "StatusCallback": dial.status_url, "Timeout": dial.ring_s,
            "StatusCallbackEvent": "initiated ringing answered completed",
        }  # fmt: skip
        answer = await self._ask("POST", f"/v2/texml/calls/{call_path(self._application)}", json=body, headers=self._headers)
        inner = answer.get("data")
        inner = inner if isinstance(inner, dict) else answer
        return found(inner.get("call_sid") or inner.get("sid") or inner.get("call_control_id"), "call_sid")

    async def hang_up(self, call_id: str) -> None:
        await self._command(call_id, "hangup")

    async def transfer(self, call_id: str, number: str, answer_url: str) -> None:
        await self._command(call_id, "transfer", to=number)

    async def answer(self, call_id: str, command_id: str) -> None:
        """Takes a call. `command_id`: the same for the same command given again, which Telnyx then passes over. Raises RestError."""
        await self._command(call_id, "answer", command_id=f"{command_id}-answer")

    async def reject(self, call_id: str, cause: str) -> None:
        """Does not take a call. `cause`: `USER_BUSY` or `CALL_REJECTED`. Raises RestError."""
        await self._command(call_id, "reject", cause=cause)

    async def start_stream(self, call_id: str, url: str, command_id: str) -> None:
        """Has an answered call streamed to `url`, both ways and raw (the default would be files of mp3). Raises RestError."""
        await self._command(
            call_id, "streaming_start", command_id=f"{command_id}-stream", stream_url=url, stream_track="inbound_track",
            stream_codec=self._codec, stream_bidirectional_mode="rtp", stream_bidirectional_codec=self._codec,
            stream_bidirectional_sampling_rate=16_000 if self._codec == "L16" else 8000,
        )  # fmt: skip

    async def _command(self, call_id: str, command: str, **said: object) -> None:
        await self._ask("POST", f"/v2/calls/{call_path(call_id)}/actions/{command}", json=said, headers=self._headers)
