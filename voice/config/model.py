"""What can be configured: the server, the engines, the rooms and who sits in them."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ..protocol import MAX_MESSAGE_BYTES
from ..tts.base import Voice
from ..turn.policy import TurnPolicy
from .access import AccessConfig, AddressShareConfig, ShareConfig
from .floor import FloorConfig
from .section import Name, Section
from .telephony import TelephonyConfig
from .webrtc import WebRTCConfig

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080

_ROOM_NAME = re.compile(r"[\w.-]{1,64}")

Phrase = Annotated[str, Field(min_length=1, max_length=100)]


class LimitsConfig(Section):
    """What a server takes before it refuses."""

    max_sessions: int = Field(default=200, ge=1, le=100_000)
    max_sessions_per_room: int = Field(default=32, ge=1, le=10_000)
    max_rooms: int = Field(default=200, ge=1, le=100_000)
    """Rooms in all, those of the file and those made through the API."""
    max_agents_per_room: int = Field(default=16, ge=1, le=64)
    """Agents in a room, those who are invited through the API included."""
    max_message_bytes: int = Field(default=MAX_MESSAGE_BYTES, ge=4096, le=16 * 1024 * 1024)
    """Largest WebSocket message; a larger one closes its connection."""
    resume_s: float = Field(default=60, ge=0, le=86_400)
    """How long the seat of a lost connection is kept, in seconds."""
    per_address: AddressShareConfig = AddressShareConfig()
    """What one address may take, where the server is not open to its own machine only."""
    per_key: ShareConfig = ShareConfig()
    """What the holders of one server key and of its tokens may take together."""


class ServerConfig(Section):
    """Where the server listens."""

    host: str = Field(default=DEFAULT_HOST, min_length=1, max_length=255)
    port: int = Field(default=DEFAULT_PORT, ge=0, le=65_535)
    """0 takes any free port."""
    store: str | None = Field(default=None, min_length=1, max_length=2000)
    """Database in which what agents remember outlives the process: a file (`hubbub.db`), or `postgresql://…`. None: nothing does."""
    limits: LimitsConfig = LimitsConfig()
    access: AccessConfig = AccessConfig()


class ModelConfig(Section):
    """Which chat model thinks: a word (`model: openai`) or a mapping (`model: {provider: openai, …}`)."""

    provider: Literal["auto", "embedded", "openai", "dashscope", "ollama"] = "auto"
    """`auto`: what the environment offers (a key, a local Ollama), else the embedded model."""
    name: str | None = Field(default=None, min_length=1, max_length=200)
    """The provider's name of the model; None for the provider's default."""
    base_url: str | None = Field(default=None, pattern=r"^https?://", max_length=2000)
    api_key: SecretStr | None = None
    """Only as `${VARIABLE}`; None for the variable that the provider's package reads."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1, le=1_000_000)

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return {"provider": value} if isinstance(value, str) else value


class EnginesConfig(Section):
    """Which engine serves each stage; `auto` takes the best that is installed."""

    vad: Literal["auto", "silero", "pysilero", "webrtc"] = "auto"
    asr: Literal["auto", "moonshine", "pocketsphinx"] = "auto"
    tts: Literal["auto", "hibari", "espeak"] = "auto"
    model: ModelConfig = ModelConfig()
    end_of_turn: str = Field(default="combined", pattern=r"^(silence|text|prosody|combined|onnx:.+)$", max_length=1000)
    """Which model judges whether a turn is complete; `onnx:PATH` for a network of Smart Turn's interface."""


class VoiceConfig(Section):
    """How an agent sounds. See `hubbub.voice.tts.base.Voice`."""

    name: str = Field(default="", max_length=100)
    language: str | None = Field(default=None, min_length=2, max_length=35)
    """BCP 47 tag; None for the room's language."""
    speed: float = Field(default=1.0, gt=0, le=4)
    pitch: float = Field(default=1.0, gt=0, le=4)

    def as_voice(self, room_language: str) -> Voice:
        """The engine's view of this voice in a room of that language."""
        language = self.language or room_language
        return Voice(name=self.name, language=language, speed=self.speed, pitch=self.pitch)


class AgentConfig(Section):
    """One agent of a room."""

    name: Name
    prompt: str = Field(default="", max_length=20_000)
    """What the model is told about its part; empty for the agent layer's own."""
    voice: VoiceConfig = VoiceConfig()
    model: ModelConfig | None = None
    """None for `engines.model`."""
    greeting: str | None = Field(default=None, min_length=1, max_length=1000)
    """What the agent says to who joins; None to wait until spoken to."""

    interruptible: bool = True
    """Whether callers may break into what it says. If not (a notice that must be heard), their words are kept until it has ended."""
    about: str = Field(default="", max_length=1000)
    """What it knows about, in a few words: for agents that hand callers over to it, and for the floor's bids."""
    quiet: bool = False
    """It hears, and speaks only when it is called by name."""
    hands_over_to: tuple[Name, ...] = Field(default=(), max_length=64)
    """The agents to which it may hand a caller over, by the tool `hand_over`."""
    filler: str | None = Field(default=None, min_length=1, max_length=200)
    """What is said when a reply is slow ("One moment."); None for silence."""
    filler_after_ms: int = Field(default=1200, ge=0, le=60_000)

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.isprintable():
            raise PydanticCustomError("name", "must have only printable characters")
        return name


class MemoryConfig(Section):
    """How much of a conversation each agent of a room keeps at hand, however long the room lives."""

    messages: int = Field(default=500, ge=50, le=100_000)
    """Messages; of more the oldest are forgotten. Half an hour of lively talk, some 500 bytes each."""
    summarise: bool = True
    """Whether the agent's model sums up, between turns, what will be forgotten. The embedded model cannot."""
    summarise_tokens: int = Field(default=24_000, ge=1000, le=10_000_000)
    """The length of what the model is shown beyond which it is summed up, too."""


class RoomConfig(Section):
    """One room."""

    title: str = Field(default="", max_length=200)
    language: str = Field(default="en", min_length=2, max_length=35)
    """BCP 47 tag of the language spoken."""
    agents: tuple[AgentConfig, ...] = Field(max_length=64)
    vocabulary: tuple[Phrase, ...] = Field(default=(), max_length=2000)
    """Words and names that the recogniser should expect here, beside the agents' own."""
    turn: TurnPolicy = TurnPolicy()
    floor: FloorConfig = FloorConfig()
    """Who speaks next."""
    memory_shown_to: Literal["moderators", "own", "callers"] = "own"
    """Who may look at what the agents remember, beside moderators: nobody; a caller where nobody's words but his and the agents' are in
    it; or whoever may come in, asides of others with an agent and what was said before he came included."""
    memory: MemoryConfig = MemoryConfig()
    """How much its agents remember word for word."""

    @field_validator("agents")
    @classmethod
    def _distinct(cls, agents: tuple[AgentConfig, ...]) -> tuple[AgentConfig, ...]:
        seen: set[str] = set()
        for agent in agents:
            if agent.name.casefold() in seen:
                message = "must have different names; {name} comes twice"
                raise PydanticCustomError("agents", message, {"name": agent.name})
            seen.add(agent.name.casefold())
        return agents

    @model_validator(mode="after")
    def _known_agents(self) -> "RoomConfig":
        names = {agent.name for agent in self.agents}
        known = ", ".join(sorted(names)) or "none"

        def check(where: str, wanted: tuple[str, ...]) -> None:
            for name in wanted:
                if name not in names:
                    raise PydanticCustomError("part", "names {name}, who is no agent of this room; these are: {known}",
                                              {"where": where, "name": repr(name), "known": known})  # fmt: skip

        check("floor.order", self.floor.order)
        if self.floor.moderator is not None:
            check("floor.moderator", (self.floor.moderator,))
        elif self.floor.policy == "moderator":
            raise PydanticCustomError("part", "needs a 'moderator': one of {known}", {"where": "floor.policy", "known": known})
        if self.floor.script is not None and self.floor.policy != "script":
            raise PydanticCustomError("part", "is only for 'policy: script'", {"where": "floor.script"})
        for number, agent in enumerate(self.agents):
            check(f"agents.{number}.hands_over_to", agent.hands_over_to)
        return self


class Config(Section):
    """Everything that one file configures."""

    server: ServerConfig = ServerConfig()
    engines: EnginesConfig = EnginesConfig()
    turn: TurnPolicy = TurnPolicy()
    """What holds in rooms that say nothing else. Rooms read from a file have it merged in already."""
    rooms: dict[str, RoomConfig] = Field(min_length=1, max_length=1000)
    telephony: TelephonyConfig = TelephonyConfig()
    webrtc: WebRTCConfig = WebRTCConfig()

    @field_validator("rooms")
    @classmethod
    def _names(cls, rooms: dict[str, RoomConfig]) -> dict[str, RoomConfig]:
        for name in rooms:
            if not _ROOM_NAME.fullmatch(name):
                raise PydanticCustomError(
                    "room_name",
                    "has a room named {name}: a name has 1 to 64 letters, digits, '-', '_' or '.'",
                    {"name": repr(name)},
                )
        return rooms

    @model_validator(mode="after")
    def _calls_find_their_rooms(self) -> "Config":
        for number, there in self.telephony.numbers.items():
            room = self.rooms.get(there.room)
            where = f"telephony.numbers.{number}"
            if room is None:
                known = ", ".join(list(self.rooms)[:20])
                raise PydanticCustomError("part", "names a room that is not in this file; these are: {known}",
                                          {"where": f"{where}.room", "known": known})  # fmt: skip
            if there.agent is not None and there.agent.casefold() not in {agent.name.casefold() for agent in room.agents}:
                known = ", ".join(agent.name for agent in room.agents)
                raise PydanticCustomError("part", "names {name}, who is no agent of that room; these are: {known}",
                                          {"where": f"{where}.agent", "name": there.agent, "known": known})  # fmt: skip
        return self


def default_config() -> Config:
    """What is served where nothing is configured: one room `default` with one agent, Ava."""
    ava = AgentConfig(name="Ava", voice=VoiceConfig(name="heart"))
    return Config(rooms={"default": RoomConfig(title="Hubbub", agents=(ava,))})
