"""WebRTC beside the native WebSocket: set-up, the time of a turn, sessions on one core, and what loss does.

`python benchmarks/webrtc.py --sessions 1 10 25` prints Markdown. The server (real Silero VAD, engines by a script without delays of
their own) is pinned to core 0 and the callers to core 1; every caller asks, hears some seconds of answer, rests a second, and asks
again, so that sound flows one way or the other most of the time. `--loss 0.05` loses one RTP packet in twenty each way (WebRTC only).
*answer* is from the last loud sample said to the first packet of the answer; what WebRTC
adds is the difference to the WebSocket's row. A row is to be believed
where *driver late* (frames that the callers sent more than 20 ms late) and *unanswered* are nearly 0.
"""

import argparse
import asyncio
import os

import uvloop
from crowd import REQUEST, talk
from hubbub.voice.audio.wav import read_wav
from hubbub.voice.rtc.transport import make_certificate
from webrtc_caller import Caller, Figures, Speech, WebRTCCaller, WebSocketCaller, percentile


async def measure(kind: type[Caller], sessions: int, arguments: argparse.Namespace, speech: Speech) -> str:
    """One row."""
    figures = Figures()
    used = await talk(kind, sessions, arguments, speech, figures)
    name = "WebRTC" if issubclass(kind, WebRTCCaller) else "WebSocket"
    name += f" {arguments.loss:.0%} loss" if arguments.loss and name == "WebRTC" else ""
    return (
        f"| {name} | {sessions} | {percentile(figures.setup_ms, 50):.0f} / {percentile(figures.setup_ms, 95):.0f} "
        f"| {percentile(figures.answer_ms, 50):.0f} / {percentile(figures.answer_ms, 95):.0f} "
        f"| {used.cpu:.0f} | {used.cpu / sessions:.1f} "
        f"| {used.memory_mb:.0f} | {len(figures.answer_ms)} | {figures.unanswered} "
        f"| {100 * figures.late / max(1, figures.sent):.1f} | {used.foreign:.0f} | {figures.lost_sessions} |"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 10, 25])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--kinds", nargs="+", choices=["websocket", "webrtc"], default=["websocket", "webrtc"])
    parser.add_argument("--loss", type=float, default=0.0, help="share of RTP packets that are lost on WebRTC's way, 0 to 1")
    parser.add_argument("--server", nargs=argparse.REMAINDER, default=[], help="more arguments for simulated_server.py; last")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {1})
    speech = Speech.of(read_wav(REQUEST, 16_000))
    WebRTCCaller.certificate = make_certificate()
    WebRTCCaller.loss = arguments.loss
    print("| over | sessions | set-up ms p50 / p95 | answer ms p50 / p95 | CPU % of a core | a session | MB "
          "| turns | unanswered | driver late % | foreign % | lost |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for sessions in arguments.sessions:
        for kind in arguments.kinds:
            row = await measure(WebRTCCaller if kind == "webrtc" else WebSocketCaller, sessions, arguments, speech)
            print(row, flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
