"""What happens in a session, as typed events.

One vocabulary serves the session's log, the wire, the recorder, the traces and the metrics, so that they never disagree.
`at_ms` is media time: milliseconds of the session's own sound since it joined, counted in samples, never the wall clock.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Kind = Literal["caller", "agent"]
Role = Literal["speaker", "listener", "moderator"]
"""What a participant may do: speak; only listen (his sound and text are not taken); or speak, and change who else may."""
Mouth = Literal["idle", "thinking", "speaking", "held"]
"""What the agents of a room do, as this session hears it."""


class Event(BaseModel):
    """The base of all events."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    at_ms: int = 0
    seq: int = 0
    """Number in the session's log, from 1, without holes; 0 for what concerns one connection only (`joined`, `gap`, `pong`)."""


class Participant(BaseModel):
    """Who takes part in a room."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    kind: Kind
    role: Role = "speaker"
    muted: bool = False
    """A caller's microphone is closed, or an agent is not to speak."""
    quiet: bool = False
    """An agent that speaks only when it is called by name."""
    aside: str | None = None
    """With whom the participant is speaking alone."""


class EngineInfo(BaseModel):
    """Which engine serves a stage, and why."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    why: str = ""
    note: str = ""


class AudioFormat(BaseModel):
    """The sound on the wire, both ways."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    input_rate_hz: int
    output_rate_hz: int
    frame_ms: int = 20
    lead_ms: int = 120
    """How far ahead of the client's playhead the server sends, at the most."""


class Joined(Event):
    """The first event of a connection."""

    type: Literal["joined"] = "joined"
    protocol: int
    room: str
    name: str
    session: str
    resume_token: str
    participants: tuple[Participant, ...]
    audio: AudioFormat
    engines: dict[str, EngineInfo] = {}
    interruptible: bool = True
    resumed: bool = False
    """The seat was there before: this connection takes it over."""
    missed: int = 0
    """How many events follow that came while there was no connection (where the client said `after`)."""
    resume_ms: int = 60_000
    """How long the seat is kept when the connection is lost."""
    features: tuple[str, ...] = ()
    """What this server can do beyond the first version of the protocol, by name."""


class Gap(Event):
    """Events from the one after number `after` to number `until` were missed and are not kept any more."""

    type: Literal["gap"] = "gap"
    after: int
    until: int


class Lane(Event):
    """Who is heard on a lane: told a client that asked for lanes, before the first sound of it. Numbers are not used again."""

    type: Literal["lane"] = "lane"
    number: int
    name: str


class ParticipantJoined(Event):
    type: Literal["participant_joined"] = "participant_joined"
    participant: Participant


class ParticipantLeft(Event):
    type: Literal["participant_left"] = "participant_left"
    participant: Participant


class ParticipantChanged(Event):
    """A participant's role, muting or company is another now."""

    type: Literal["participant_changed"] = "participant_changed"
    participant: Participant


class SpeechStarted(Event):
    """A caller's utterance began, as VAD found it. `at_ms` is the onset."""

    type: Literal["speech_started"] = "speech_started"
    speaker: str


class SpeechStopped(Event):
    """A caller's utterance ended. `at_ms` is the last speech."""

    type: Literal["speech_stopped"] = "speech_stopped"
    speaker: str


class Transcript(Event):
    """What a caller, this one or another, said in his present turn, so far. Partials may be rewritten; the final may not. `turn` counts
    the turns of its speaker."""

    type: Literal["transcript"] = "transcript"
    speaker: str
    text: str
    final: bool
    turn: int
    source: Literal["speech", "text", "dtmf"] = "speech"


class Backchannel(Event):
    """A caller said "mm-hm" over a reply, which went on."""

    type: Literal["backchannel"] = "backchannel"
    speaker: str
    text: str


class Reply(Event):
    """An agent's words. While it speaks: `text` is all that is on its way to the ear so far, and `delta` the newest piece.
    The final one says what was heard: `text` is what was heard and `unheard` the rest; together they are what was generated."""

    type: Literal["reply"] = "reply"
    reply: int
    agent: str
    text: str
    final: bool
    turn: int = 0
    delta: str = ""
    unheard: str = ""
    interrupted: bool = False
    interrupted_by: str | None = None
    reason: Literal["", "completed", "interrupted", "exceeded", "error"] = ""


class WordTime(BaseModel):
    """A word of a reply in its text (`start` to `end`, in characters) and in its sound (`at`, in samples at the output rate)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    start: int
    end: int
    at: int


class Words(Event):
    """When the words of a reply sound, so that a client can light them up as they are heard."""

    type: Literal["words"] = "words"
    reply: int
    words: tuple[WordTime, ...]


class Floor(Event):
    """Who speaks. `mouth` is `held` while a barge-in is being judged. `queue`: the agents that will speak after, in order."""

    type: Literal["floor"] = "floor"
    speaker: str | None
    mouth: Mouth
    queue: tuple[str, ...] = ()


class Dtmf(Event):
    """A caller pressed keys of a telephone: one or more of 0-9, *, #, A-D."""

    type: Literal["dtmf"] = "dtmf"
    speaker: str
    digits: str


class Call(Event):
    """What becomes of a telephone call. `human`, `machine` and `beep` tell who answered an outgoing one."""

    type: Literal["call"] = "call"
    speaker: str
    """The participant who is on the telephone."""
    carrier: str
    state: Literal["started", "on_hold", "resumed", "transferred", "human", "machine", "beep", "ended", "failed"]
    detail: str = ""


class Hold(Event):
    """Stop playing at once and keep what is buffered."""

    type: Literal["hold"] = "hold"
    reply: int


class Resume(Event):
    """Go on playing where `hold` stopped."""

    type: Literal["resume"] = "resume"
    reply: int


class Clear(Event):
    """Throw away what is buffered of this reply; report the playhead."""

    type: Literal["clear"] = "clear"
    reply: int


class Playing(Event):
    """A stretch of a reply begins to sound, from `offset` on (samples at the output rate). Sent over WebRTC only, where sound comes apart
    from the events: `rtp` is the RTP timestamp (48 kHz) of its first sample. The stretch goes on without a break until `hold`, `clear` or
    the next `playing`; so a client that knows which RTP timestamp it plays knows its playhead."""

    type: Literal["playing"] = "playing"
    reply: int
    offset: int
    rtp: int


class TurnLatency(BaseModel):
    """Where the silence between a caller's last word and the agent's first went, in milliseconds.

    The parts are consecutive and sum to `total_ms`: what the caller waited. `overlap_ms` and `trimmed_ms` are no parts: they say what he
    did not wait for.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    endpoint_ms: float
    """End of speech until the turn was decided to be over (silence waited for, and the clock's step)."""
    asr_ms: float
    """From there until the recogniser's final text was there (0 when it came sooner)."""
    model_ms: float
    """From there to the model's first words."""
    sentence_ms: float
    """From there until the first speakable piece was complete."""
    tts_ms: float
    """From there to the first sound."""
    send_ms: float
    """From there until the first frame left for the gateway."""
    play_ms: float
    """From there until the client's playhead moved (0 where the client does not report)."""
    total_ms: float
    overlap_ms: float = 0.0
    """How long the reply was in the making, up to its first sound, before the turn was certain to be over: speculation."""
    trimmed_ms: float = 0.0
    """Silence that was taken off the front of the reply's first sound."""


class Turn(Event):
    """A turn was answered: its latency record."""

    type: Literal["turn"] = "turn"
    turn: int
    speaker: str
    agent: str
    reply: int
    latency: TurnLatency
    engines: dict[str, str] = {}


class ToolUse(Event):
    """An agent uses a tool."""

    type: Literal["tool"] = "tool"
    agent: str
    name: str
    state: Literal["running", "success", "error", "interrupted", "denied"]


class Error(Event):
    """Something went wrong: for the one who caused it or who has to wait for it."""

    type: Literal["error"] = "error"
    code: str
    message: str
    fatal: bool = False


class Pong(Event):
    type: Literal["pong"] = "pong"
    id: int = 0


class Left(Event):
    """The last event of a session."""

    type: Literal["left"] = "left"
    reason: str


ServerEvent = Annotated[
    Joined | Gap | Lane | ParticipantJoined | ParticipantLeft | ParticipantChanged | SpeechStarted | SpeechStopped | Transcript
    | Backchannel | Reply | Words | Floor | Dtmf | Hold | Resume | Clear | Playing | Turn | ToolUse | Error | Pong | Left,
    Field(discriminator="type"),
]

_adapter: TypeAdapter[Any] = TypeAdapter(ServerEvent)


def parse_event(data: str | bytes | dict[str, Any]) -> Event:
    """Reads a server event from JSON text or a mapping. Raises pydantic.ValidationError."""
    event: Event = _adapter.validate_python(data) if isinstance(data, dict) else _adapter.validate_json(data)
    return event
