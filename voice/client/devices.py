"""The door to the machine's own sound devices."""

from types import ModuleType

from .errors import VoiceClientError


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
