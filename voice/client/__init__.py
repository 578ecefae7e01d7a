"""What a program uses to be a caller. The guide is docs/python-sdk.md."""

from ..protocol import AudioFrame, LaneFrame, VoicesFrame
from .bot import Speech, VoiceBot
from .client import ConnectionLost, VoiceClient
from .device_sound import DeviceInput, DeviceOutput
from .devices import Device, DeviceError, choose_device, list_devices
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
    "Device",
    "DeviceError",
    "DeviceInput",
    "DeviceLoudspeaker",
    "DeviceMicrophone",
    "DeviceOutput",
    "FileMicrophone",
    "LaneFrame",
    "Loudspeaker",
    "Playback",
    "PlayheadReport",
    "RefusedError",
    "RoomsClient",
    "SimulatedLoudspeaker",
    "Speech",
    "VoiceBot",
    "VoiceClient",
    "VoiceClientError",
    "VoicesFrame",
    "choose_device",
    "list_devices",
]
