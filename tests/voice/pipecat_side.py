"""Pipecat's own serializers, asked from another process: run by the Python that has pipecat-ai, not by ours.

Reads a JSON list from standard input: objects with `carrier`, `rate_hz`, `stream`, `sound` (base64) and `wire`, a list of messages (a text,
or {"base64"}). Answers for each what Pipecat reads in the messages, and what it writes for the sound and for an interruption.
"""

import asyncio
import base64
import json
import sys
from types import SimpleNamespace
from typing import Any


def serializer(carrier: str, rate_hz: int, stream: str) -> Any:
    from pipecat.serializers.exotel import ExotelFrameSerializer
    from pipecat.serializers.plivo import PlivoFrameSerializer
    from pipecat.serializers.telnyx import TelnyxFrameSerializer
    from pipecat.serializers.twilio import TwilioFrameSerializer
    from pipecat.serializers.vonage import VonageFrameSerializer

    match carrier:
        case "twilio":
            return TwilioFrameSerializer(stream, params=TwilioFrameSerializer.InputParams(auto_hang_up=False))
        case "telnyx":
            params = TelnyxFrameSerializer.InputParams(auto_hang_up=False)
            return TelnyxFrameSerializer(stream, "PCMA", "PCMA", params=params)
        case "plivo":
            return PlivoFrameSerializer(stream, params=PlivoFrameSerializer.InputParams(auto_hang_up=False))
        case "exotel":
            return ExotelFrameSerializer(stream)
    return VonageFrameSerializer(VonageFrameSerializer.InputParams(vonage_sample_rate=rate_hz))


def told(frame: Any) -> Any:
    if frame is None:
        return None
    if hasattr(frame, "audio"):
        return {"audio": base64.b64encode(frame.audio).decode(), "rate_hz": frame.sample_rate}
    return {"digit": frame.button.value}


def wired(data: Any) -> Any:
    return {"base64": base64.b64encode(data).decode()} if isinstance(data, bytes) else data


async def answer(asked: dict[str, Any]) -> dict[str, Any]:
    from pipecat.frames.frames import InterruptionFrame, OutputAudioRawFrame

    rate_hz = asked["rate_hz"]
    one = serializer(asked["carrier"], rate_hz, asked["stream"])
    await one.setup(SimpleNamespace(audio_in_sample_rate=rate_hz, audio_out_sample_rate=rate_hz))
    read = []
    for message in asked["wire"]:
        data = base64.b64decode(message["base64"]) if isinstance(message, dict) else message
        read.append(told(await one.deserialize(data)))
    sound = OutputAudioRawFrame(audio=base64.b64decode(asked["sound"]), sample_rate=rate_hz, num_channels=1)
    return {"read": read, "written": [wired(await one.serialize(sound)), wired(await one.serialize(InterruptionFrame()))]}


async def main() -> None:
    json.dump([await answer(asked) for asked in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
