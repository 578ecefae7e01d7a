"""A program as a moderator: rooms, agents and callers over the server's API, typed.

    async with RoomsClient("http://127.0.0.1:8080", token=TOKEN) as rooms:
        await rooms.create("tea", agents=[{"name": "Ava"}, {"name": "Ben"}], floor="order")
        await rooms.invite("tea", {"name": "Carl", "greeting": "Good day."})
        await rooms.change_caller("tea", "Kim", muted=True)
        await rooms.delete("tea")

The server's guide is docs/rooms-api.md.
"""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from ..event import Participant, Role
from ..protocol import PATH
from .address import socket_url
from .errors import CannotConnectError, RefusedError, VoiceClientError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T", bound=BaseModel)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AgentInfo(_Answer):
    """An agent of a room."""

    name: str
    voice: str = ""


class FloorInfo(_Answer):
    """Who speaks in a room, and next."""

    policy: str
    moderator: str | None = None
    max_agent_turns: int = 0
    queue_on_barge_in: str = "drop"
    speaker: str | None = None
    queue: tuple[str, ...] = ()


class RoomInfo(_Answer):
    """A room."""

    name: str
    title: str
    language: str
    open: bool
    """Whether somebody has come since the server started."""
    agents: tuple[AgentInfo, ...]
    callers: tuple[str, ...]
    floor: FloorInfo


class Remembered(_Answer):
    """A message in an agent's memory: `text` is what was heard of it."""

    name: str
    role: str
    text: str
    timestamp: str
    unheard: str = ""
    interrupted_by: str | None = None


class RoomsClient:
    """The rooms of a server. Use it as an async context manager.

    Every method raises RefusedError where the server says no (its `code` is for programs), and CannotConnectError where nobody answers.

    Parameters:
        url: The server, as for `VoiceClient`.
        token: What opens its doors; a moderator's token or the server key. None for a server that is open.
        timeout_s: How long an answer may take.
        transport: What carries the requests, for tests.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8080", *, token: str | None = None, timeout_s: float = 10.0,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> None:  # fmt: skip
        """Raises ValueError for an address that cannot be right."""
        import httpx  # 0.2 s to load, which a caller who moderates nothing need not wait for

        self._failure = httpx.HTTPError
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(base_url=_api_url(url), headers=headers, timeout=timeout_s, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    # ── rooms ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def list(self) -> tuple[RoomInfo, ...]:
        """All rooms."""
        answer = await self._ask("GET", "")
        return tuple(_read(RoomInfo, room) for room in answer["rooms"])

    async def get(self, room: str) -> RoomInfo:
        """One room."""
        return _read(RoomInfo, await self._ask("GET", _path(room)))

    async def create(
        self, room: str, *, agents: Sequence[Mapping[str, Any]] = (), floor: str | Mapping[str, Any] | None = None, **config: Any
    ) -> RoomInfo:
        """Makes a room; `config` is what else a room has in the server's file (`title`, `language`, `turn`, …)."""
        body: dict[str, Any] = {"name": room, "agents": [dict(agent) for agent in agents], **config}
        if floor is not None:
            body["floor"] = floor
        return _read(RoomInfo, await self._ask("POST", "", body))

    async def delete(self, room: str) -> None:
        """Sends everybody away and forgets the room."""
        await self._ask("DELETE", _path(room))

    async def participants(self, room: str) -> tuple[Participant, ...]:
        """Who is in a room, agents first."""
        answer = await self._ask("GET", _path(room, "participants"))
        return tuple(_read(Participant, one) for one in answer["participants"])

    # ── agents ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def invite(self, room: str, agent: Mapping[str, Any]) -> Participant:
        """Seats an agent: what an agent has in the server's file (`name`, `prompt`, `voice`, `greeting`, …)."""
        return _read(Participant, await self._ask("POST", _path(room, "agents"), dict(agent)))

    async def change_agent(self, room: str, agent: str, *, muted: bool | None = None, quiet: bool | None = None) -> Participant:
        """Mutes an agent, or lets it speak only when it is called by name."""
        return _read(Participant, await self._ask("PATCH", _path(room, "agents", agent), _given(muted=muted, quiet=quiet)))

    async def remove_agent(self, room: str, agent: str) -> None:
        """Takes an agent out of the room."""
        await self._ask("DELETE", _path(room, "agents", agent))

    async def memory(self, room: str, agent: str, *, last: int = 1000) -> tuple[Remembered, ...]:
        """What an agent remembers, oldest first."""
        answer = await self._ask("GET", f"{_path(room, 'agents', agent, 'memory')}?last={last}")
        return tuple(_read(Remembered, msg) for msg in answer["messages"])

    async def say(self, room: str, text: str, *, agent: str | None = None) -> str:
        """Has an agent say something when the floor is free; answers which."""
        answer = await self._ask("POST", _path(room, "say"), {"text": text, **_given(agent=agent)})
        return str(answer["agent"])

    async def take_aside(self, room: str, agent: str, caller: str, *, others_wait: bool = False) -> None:
        """Lets an agent and a caller speak alone."""
        await self._ask("POST", _path(room, "agents", agent, "aside"), {"caller": caller, "others_wait": others_wait})

    async def end_aside(self, room: str, agent: str) -> None:
        """Brings them back."""
        await self._ask("DELETE", _path(room, "agents", agent, "aside"))

    # ── callers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def change_caller(self, room: str, caller: str, *, role: Role | None = None, muted: bool | None = None) -> Participant:
        """Gives a caller another role, or takes his voice away."""
        return _read(Participant, await self._ask("PATCH", _path(room, "callers", caller), _given(role=role, muted=muted)))

    async def remove_caller(self, room: str, caller: str) -> None:
        """Sends a caller away."""
        await self._ask("DELETE", _path(room, "callers", caller))

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, f"/rooms{path}", json=body)
        except self._failure as error:
            raise CannotConnectError(f"{self._http.base_url} does not answer: {error or type(error).__name__}") from error
        if answer.status_code == 204:
            return {}
        try:
            values = answer.json()
        except ValueError:
            message = f"the answer to {method} /api/rooms{path} is no JSON; is {self._http.base_url} a Hubbub server?"
            raise VoiceClientError(message) from None
        if answer.is_success and isinstance(values, dict):
            return values
        fault = values.get("error", {}) if isinstance(values, dict) else {}
        raise RefusedError(str(fault.get("code", answer.status_code)), str(fault.get("message", answer.reason_phrase)))


def _api_url(url: str) -> str:
    """Where the API is, on the server that `VoiceClient` would find at `url`."""
    parts = urlsplit(socket_url(url))
    scheme = "https" if parts.scheme == "wss" else "http"
    return urlunsplit((scheme, parts.netloc, parts.path.removesuffix(PATH) + "/api", "", ""))


def _path(*parts: str) -> str:
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _read(kind: type[T], values: Any) -> T:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise VoiceClientError(f"the server's answer is no {kind.__name__}: {error.errors()[0]['msg']}; is it an older one?") from None
