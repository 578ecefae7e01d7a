"""A bot that writes the minutes of a room: who said what, and for how long each was heard.

    hubbub serve &
    python examples/scribe.py                       until Ctrl-C
    python examples/scribe.py --turns 3 http://127.0.0.1:8080 kitchen
"""

import argparse
import asyncio
import sys
from collections import Counter

from hubbub.voice.client import Speech, VoiceBot, VoiceClientError
from hubbub.voice.event import Reply, Transcript


async def write_minutes(url: str, room: str, turns: int) -> tuple[list[str], dict[str, float]]:
    """Listens until so many turns were answered (0: for ever). Answers the minutes, and the seconds each was heard."""
    minutes: list[str] = []
    seconds: Counter[str] = Counter()
    async with VoiceBot(url, room=room, name="Scribe") as bot:
        here = ", ".join(one.name for one in bot.client.joined.participants)
        print(f"listening in '{room}'; here are: {here}", flush=True)
        async for item in bot:
            match item:
                case Speech():
                    seconds[item.participant] += len(item.pcm) / 2 / bot.rate_hz
                case Transcript(final=True) if item.text:
                    minutes.append(f"{item.speaker}: {item.text}")
                    print(minutes[-1], flush=True)
                case Reply(final=True):
                    cut = f" (not heard: {item.unheard.strip()})" if item.unheard else ""
                    minutes.append(f"{item.agent}: {item.text.strip()}{cut}")
                    print(minutes[-1], flush=True)
                    turns -= 1
                    if turns == 0:
                        break
    return minutes, dict(seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8080")
    parser.add_argument("room", nargs="?", default="default")
    parser.add_argument("--turns", type=int, default=0, help="end after so many answers")
    arguments = parser.parse_args()
    try:
        _, seconds = asyncio.run(write_minutes(arguments.url, arguments.room, arguments.turns))
    except VoiceClientError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    for name, heard in sorted(seconds.items()):
        print(f"{name} was heard for {heard:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
