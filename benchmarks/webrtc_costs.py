"""What one 20 ms frame costs on the WebRTC gateway's way, in microseconds of CPU, beside aiortc's own audio path.

`python benchmarks/webrtc_costs.py` prints Markdown. It counts CPU time, not the clock, so that a busy machine changes little; each row is
the best of five. *send*: mix-free frame of a reply to an encrypted RTP packet (encode, pack, protect). *receive*: encrypted packet to PCM
at 16 kHz (unprotect, parse, jitter buffer, decode). Sockets and the event loop come on top: about 10 us a datagram here.
"""

import os
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from aiortc import rtp as aiortc_rtp
from aiortc.codecs.opus import OpusDecoder, OpusEncoder
from aiortc.jitterbuffer import JitterFrame
from hubbub.voice.audio.wav import read_wav
from hubbub.voice.rtc.opus import Decoder, Encoder
from hubbub.voice.rtc.receiver import TrackReceiver
from hubbub.voice.rtc.rtp import parse_rtp
from hubbub.voice.rtc.sender import TrackSender
from hubbub.voice.rtc.shared import EncoderPool, SharedEncoder
from pylibsrtp import Policy, Session

CLIPS = sorted((Path(__file__).resolve().parent.parent / "audio_fixtures" / "sentences").glob("*.wav"))[:8]
PROFILE = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
RUNS = 5
KEY = os.urandom(28)


def best(work: Callable[[], int]) -> float:
    """CPU microseconds an item, the best of five; `work` answers how many items it did."""
    found = []
    for _ in range(RUNS):
        begun = time.process_time()
        count = work()
        found.append((time.process_time() - begun) / count * 1e6)
    return min(found)


def encoder(complexity: int, loss: int) -> Encoder:
    made = Encoder(24_000, complexity=complexity)
    made.expect_loss(loss)
    return made


def srtp(direction: int) -> Session:
    return Session(Policy(key=KEY, ssrc_type=direction, srtp_profile=PROFILE))


def main() -> None:
    pcm = b"".join(read_wav(path, 24_000) for path in CLIPS)
    frames = [pcm[start : start + 960] for start in range(0, len(pcm) - 960, 960)]

    def send(listeners: int) -> int:
        pool = EncoderPool(lambda: encoder(1, 10))
        protect = srtp(Policy.SSRC_ANY_OUTBOUND)

        def leave(data: bytes) -> bool:
            return bool(protect.protect(data))

        tracks = [TrackSender(SharedEncoder(pool), ssrc, 111, leave, now=0.0) for ssrc in range(1, listeners + 1)]
        for place, frame in enumerate(frames):
            for track in tracks:
                track.play(frame, place * 0.02)
        return len(frames) * listeners

    def receive() -> int:
        unprotect = srtp(Policy.SSRC_ANY_INBOUND)
        receiver = TrackReceiver(Decoder(16_000), 111, lambda pcm: None, lambda: 0)
        for place, packet in enumerate(sent):
            receiver.receive(parse_rtp(unprotect.unprotect(packet)), place * 0.02)
        return len(sent)

    def idle() -> int:
        track = TrackSender(SharedEncoder(EncoderPool(lambda: encoder(1, 10))), 1, 111, lambda data: True, now=0.0)
        for place in range(100_000):
            track.tick(place * 0.01)
        return 100_000

    sent: list[bytes] = []
    protect = srtp(Policy.SSRC_ANY_OUTBOUND)
    track = TrackSender(
        SharedEncoder(EncoderPool(lambda: encoder(1, 10))), 1, 111, lambda data: bool(sent.append(protect.protect(data))), now=0.0
    )
    for place, frame in enumerate(frames):
        track.play(frame, place * 0.02)
    print(f"{len(frames)} frames of speech\n\n| a frame | us of CPU |\n|---|--:|")
    print(f"| send, one listener | {best(lambda: send(1)):.0f} |")
    print(f"| send, each of five who hear the same | {best(lambda: send(5)):.0f} |")
    print(f"| receive | {best(receive):.0f} |")
    print(f"| a tick (10 ms) of an idle peer | {best(idle):.1f} |")

    def stock_encode() -> int:
        made = OpusEncoder()
        for place, frame in enumerate(frames):
            sound = av.AudioFrame.from_ndarray(np.frombuffer(frame, "<i2").reshape(1, -1), format="s16", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = 24_000, place * 480, Fraction(1, 24_000)
            made.encode(sound)
            aiortc_rtp.compute_audio_level_dbov(sound)
        return len(frames)

    def stock_decode() -> int:
        made = OpusDecoder()
        for packet in packets:
            made.decode(JitterFrame(data=packet, timestamp=0))
        return len(packets)

    packets = [encoder(1, 10).encode(frame) for frame in frames[:200]]
    print(f"| aiortc's own encoder and audio level (before its RTP, SRTP and thread) | {best(stock_encode):.0f} |")
    print(f"| aiortc's own decoder (before its thread and a resampler) | {best(stock_decode):.0f} |")

    print("\n| Opus encoder, 24 kHz mono, 32 kb/s | no spare copies | spare copies (10 % loss expected) |\n|---|--:|--:|")
    for complexity in (0, 1, 2, 5, 10):
        costs = []
        for loss in (0, 10):
            made = encoder(complexity, loss)
            costs.append(best(lambda made=made: len([made.encode(frame) for frame in frames])))  # type: ignore[misc]
        print(f"| complexity {complexity} | {costs[0]:.0f} | {costs[1]:.0f} |")


if __name__ == "__main__":
    main()
