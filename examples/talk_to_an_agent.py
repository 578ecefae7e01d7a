"""Talk to an agent from a program: speak a recording (or type), hear the answer, keep its sound.

    hubbub serve                                   # in another terminal
    python examples/talk_to_an_agent.py question.wav
    python examples/talk_to_an_agent.py            # types instead

The sound of the answer is written to reply.wav.
"""

import asyncio
import sys
from collections.abc import Sequence

from hubbub.voice.audio.wav import AudioFileError, read_audio, write_wav
from hubbub.voice.client import FileMicrophone, SimulatedLoudspeaker, VoiceClient, VoiceClientError
from hubbub.voice.event import Reply, Transcript

GIVE_UP_S = 30


async def talk(url: str, recording: str | None, save: str = "reply.wav") -> str:
    """Says one thing and answers what was said back. Raises VoiceClientError, and TimeoutError after `GIVE_UP_S`."""
    async with (
        asyncio.timeout(GIVE_UP_S),
        VoiceClient(url, name="Kim") as client,
        SimulatedLoudspeaker(client, record=True) as loudspeaker,
        FileMicrophone(client) as microphone,  # sends silence whenever nothing is said, as a microphone would
        asyncio.TaskGroup() as speaking,  # listening must not wait until all is said
    ):
        if recording is None:
            await client.send_text("What time is it?")
        else:
            speaking.create_task(microphone.say(read_audio(recording, client.input_rate_hz)))
        answer = await _listen(client, loudspeaker)
        write_wav(save, loudspeaker.playback.heard_pcm(), client.output_rate_hz)
        return answer


async def _listen(client: VoiceClient, loudspeaker: SimulatedLoudspeaker) -> str:
    asked = False
    async for item in client:
        loudspeaker.take(item)  # plays sound, and obeys when the server says hold, resume or clear
        match item:
            case Transcript(final=True):
                asked = True
                print(f"{item.speaker}: {item.text}")
            case Reply(final=True) if asked:  # what came before was a greeting
                print(f"{item.agent}: {item.text}")
                return item.text
    return ""


def main(arguments: Sequence[str] = sys.argv[1:]) -> int:
    recording = arguments[0] if arguments else None
    url = arguments[1] if len(arguments) > 1 else "http://127.0.0.1:8080"
    try:
        asyncio.run(talk(url, recording))
    except (AudioFileError, VoiceClientError, TimeoutError) as error:
        print(f"{error or 'no answer came in time'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
