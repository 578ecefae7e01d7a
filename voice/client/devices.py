"""The door to the machine's own sound devices."""

from dataclasses import dataclass
from types import ModuleType
from typing import Literal

from .errors import VoiceClientError

DeviceKind = Literal["input", "output"]


class DeviceError(VoiceClientError):
    """There is no usable microphone or loudspeaker. The text says what is missing."""


def sound_device() -> ModuleType:
    """The `sounddevice` package. Raises DeviceError where it, or the PortAudio library below it, is missing."""
    try:
        import sounddevice
    except ImportError:
        raise DeviceError(
            "the machine's microphone and loudspeaker need the package sounddevice: pip install 'hubbub[mic]'"
        ) from None
    except OSError:
        raise DeviceError(
            "the package sounddevice is there, but the PortAudio library is not: install it (Debian: apt install libportaudio2)"
        ) from None
    module: ModuleType = sounddevice
    return module


@dataclass(frozen=True, slots=True)
class Device:
    """A microphone (`input`) or loudspeaker (`output`) of this machine."""

    index: int
    """Its number for PortAudio."""
    name: str
    kind: DeviceKind
    channels: int
    rate_hz: int
    default: bool
    """The one that is used where none is chosen."""


def list_devices(kind: DeviceKind | None = None) -> list[Device]:
    """The machine's sound devices, or those of one kind. Raises DeviceError where PortAudio is missing."""
    sounddevice = sound_device()
    found: list[Device] = []
    wanted: tuple[DeviceKind, ...] = ("input", "output") if kind is None else (kind,)
    for one in wanted:
        default = sounddevice.default.device[0 if one == "input" else 1]
        for index, entry in enumerate(sounddevice.query_devices()):
            channels = int(entry[f"max_{one}_channels"])
            if channels > 0:
                rate = int(entry["default_samplerate"])
                found.append(Device(index, str(entry["name"]), one, channels, rate, index == default))
    return found


def choose_device(kind: DeviceKind, wanted: int | str | None) -> Device | None:
    """The device that somebody means: its number, or a part of its name that no other has. None for the default.

    Raises DeviceError, which names what there is.
    """
    if wanted is None:
        return None
    devices = list_devices(kind)
    what = "microphone" if kind == "input" else "loudspeaker"
    names = "; ".join(f"{device.index} {device.name}" for device in devices) or "none"
    if isinstance(wanted, int) or wanted.isdecimal():
        found = [device for device in devices if device.index == int(wanted)]
    else:
        found = [device for device in devices if wanted.casefold() == device.name.casefold()]
        found = found or [device for device in devices if wanted.casefold() in device.name.casefold()]
    if len(found) == 1:
        return found[0]
    fault = f"no {what} is called" if not found else f"several {what}s are called"
    raise DeviceError(f"{fault} {str(wanted)[:60]!r}; these are: {names}")


def missing_devices() -> str:
    """What stands between a program and the machine's microphone and loudspeaker, in words; empty where nothing does."""
    try:
        sounddevice = sound_device()
    except DeviceError as error:
        return str(error)
    for kind, what in (("input", "microphone"), ("output", "loudspeaker")):
        try:
            sounddevice.query_devices(kind=kind)
        except (sounddevice.PortAudioError, ValueError):
            return f"this machine has no {what} that PortAudio can see"
    return ""
