"""Does each server answer a turn and stop when spoken over? Not a test of figures.

    python benchmarks/peers/smoke.py [server ...]

Ends with status 1 when a server does not.
"""

import argparse
import asyncio
import sys

from caller import Caller, Figures
from hubbub.voice.audio.wav import read_audio
from run import ROOT, SERVERS, start, stop


async def answers(name: str) -> bool:
    """One cycle with one caller: a clean turn and a turn over the answer."""
    speech = read_audio(str(ROOT / "audio_fixtures/requests/what_time_is_it.wav"), 16_000)
    server = await start(name, 200, None)
    figures = Figures()
    try:
        loop = asyncio.get_running_loop()
        caller = Caller(server.line(0), speech, start_s=2.0, measure_from=0.0, figures=figures)
        await asyncio.wait_for(caller.run(loop.time() + 8), 60)
    finally:
        stop(server)
    good = bool(figures.clean_ms and figures.barge_in_ms and not figures.unanswered and not figures.odd)
    print(f"{name}: {'ok' if good else 'FAILED'}: {figures}")
    return good


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("servers", nargs="*", help="of " + ", ".join(SERVERS))
    failed = [name for name in parser.parse_args().servers or SERVERS if not await answers(name)]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
