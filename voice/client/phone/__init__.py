"""What a program uses to play the carrier: to call a server, and to answer its calls. The guide is docs/phone-sdk.md."""

from .call import CallEnded, CallStarted, PhoneCall, PhoneEvent
from .errors import CannotConnectError, ConnectionLostError, RefusedError, VoiceClientError, WebhookError
from .far_end import FarEnd, Ringing
from .line import Line
from .monitor import AgentSilent, AgentSpeaks, Monitor
from .network import BadLine, LossyLine
from .place import PLAYERS, Player, place_call
from .trunk import CallDetails, CarrierTrunk, ClearCame, Complaint, MarkCame, Trunk

__all__ = [
    "PLAYERS",
    "AgentSilent",
    "AgentSpeaks",
    "BadLine",
    "CallDetails",
    "CallEnded",
    "CallStarted",
    "CannotConnectError",
    "CarrierTrunk",
    "ClearCame",
    "Complaint",
    "ConnectionLostError",
    "FarEnd",
    "Line",
    "LossyLine",
    "MarkCame",
    "Monitor",
    "PhoneCall",
    "PhoneEvent",
    "Player",
    "RefusedError",
    "Ringing",
    "Trunk",
    "VoiceClientError",
    "WebhookError",
    "place_call",
]
