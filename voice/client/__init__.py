"""What a program uses to be a caller. The guide is docs/python-sdk.md."""

from ..protocol import AudioFrame, VoicesFrame
from .client import ConnectionLost, VoiceClient
from .devices import DeviceError
from .errors import CannotConnectError, ConnectionLostError, RefusedError, VoiceClientError
from .microphone import DeviceMicrophone, FileMicrophone
from .playback import Playback, PlayheadReport
from .player import DeviceLoudspeaker, Loudspeaker, SimulatedLoudspeaker
from .rooms import RoomsClient

__all__ = [
    "AudioFrame",
    "CannotConnectError",
    "ConnectionLost",
    "ConnectionLostError",
    "DeviceError",
    "DeviceLoudspeaker",
    "DeviceMicrophone",
    "FileMicrophone",
    "Loudspeaker",
    "Playback",
    "PlayheadReport",
    "RefusedError",
    "RoomsClient",
    "SimulatedLoudspeaker",
    "VoiceClient",
    "VoiceClientError",
    "VoicesFrame",
]
