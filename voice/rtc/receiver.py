"""The incoming sound of one peer: RTP packets to PCM, with what was lost made up for.

A lost frame comes back from the spare copy in the packet behind it (in-band FEC), or is concealed by the decoder, which fades out over
`CONCEAL_MS`. What is longer is silence, and so is what the sender did not send because nothing was said (DTX). How much silence is
needed the listener says: an ear that has filled in some of it by its own clock is not given it twice.
"""

import logging
from collections.abc import Callable

from .jitter import Gap, JitterBuffer, Lost, Packet
from .opus import Decoder, OpusError, packet_samples
from .rtp import RTP_HZ, Reception, RtpPacket

log = logging.getLogger("hubbub.rtc")

CONCEAL_MS = 100
"""Longest stretch that is concealed: the decoder has faded to silence by then."""

DTX_BYTES = 2
"""A packet of so few bytes says that nothing follows until something is said (Opus DTX, RFC 6716 §2.1.9)."""

MAX_SOURCES = 32
"""Streams that one peer may send one after another (a new microphone is a new one); more is an attack on the decrypter's memory."""


class TrackReceiver:
    """One incoming audio track, decoded to `decoder.rate_hz`."""

    def __init__(
        self, decoder: Decoder, payload_type: int, hear: Callable[[bytes], None], lacks: Callable[[], int],
        rest: Callable[[], None] = lambda: None,
    ) -> None:
        """`hear` takes PCM16; `lacks` says how many samples less the listener has than real time has passed; `rest` is called every
        tick while the sender has said that it sends nothing because nothing is said."""
        self.reception = Reception()
        self.jitter = JitterBuffer()
        self.concealed_ms = 0.0
        """Lost sound that was made up."""
        self.rescued = 0
        """Lost packets that came back from a spare copy, or would have."""
        self.at = 0
        """RTP timestamp of the sound that is given to `hear`."""
        self.broken = 0
        """Packets that were no Opus."""
        self._decoder = decoder
        self._payload_type = payload_type
        self._hear = hear
        self._lacks = lacks
        self._sources: set[int] = set()
        self._rest = rest
        self._resting = False
        self._frame = RTP_HZ // 50

    def wants(self, payload_type: int, ssrc: int) -> bool:
        """Whether a packet with this header is worth decrypting."""
        if payload_type != self._payload_type:
            return False
        if ssrc not in self._sources:
            if len(self._sources) >= MAX_SOURCES:
                return False
            self._sources.add(ssrc)
        return True

    def receive(self, packet: RtpPacket, now: float) -> None:
        """Takes a packet that came at `now` (seconds)."""
        samples = packet_samples(packet.payload)
        if packet.ssrc != self.reception.ssrc and self.reception.packets:
            self.jitter = JitterBuffer(self.jitter.max_wait_s)
        self.reception.take(packet, now)
        if not samples:
            self.broken += 1
            return
        self.jitter.put(packet.sequence, packet.timestamp, samples, packet.payload, now)
        self._drain(now)

    def tick(self, now: float) -> None:
        """Gives up what was waited for too long, and lets a silent sender's silence pass."""
        if self.jitter.waiting:
            self._drain(now)
        elif self._resting:
            self._rest()

    def _drain(self, now: float) -> None:
        for part in self.jitter.take(now):
            try:
                match part:
                    case Packet(payload, timestamp):
                        self._frame = packet_samples(payload)
                        self.at = timestamp
                        self._resting = len(payload) <= DTX_BYTES
                        self._hear(self._decoder.decode(payload))
                    case Lost(samples, after, timestamp):
                        self.at = timestamp
                        self._make_up(samples, after)
                    case Gap(samples):
                        self._silence(samples)
            except OpusError as error:
                self.broken += 1
                log.debug("a packet could not be decoded: %s", error)

    def _make_up(self, samples: int, after: bytes) -> None:
        """Fills a hole of `samples` (RTP clock): the decoder's guess first, then silence, and the spare copy last."""
        frame = min(self._frame, samples)
        spare = packet_samples(after)
        rescued = min(spare, samples) if spare else frame
        guess = min(samples - rescued, CONCEAL_MS * RTP_HZ // 1000)
        self.concealed_ms += (samples if samples <= guess + rescued else guess + rescued) * 1000 / RTP_HZ
        while guess >= 120:  # 2.5 ms: the shortest that Opus knows
            step = min(guess, frame) if frame >= 120 else 120
            step -= step % 120
            self._hear(self._decoder.conceal(self._at_rate(step)))
            self.at = (self.at + step) & 0xFFFFFFFF
            guess -= step
            samples -= step
        if samples > rescued:
            self._silence(samples - rescued)
            self.at = (self.at + samples - rescued) & 0xFFFFFFFF
        rescued -= rescued % 120
        if rescued:
            self.rescued += 1
            self._hear(self._decoder.rescue(after, self._at_rate(rescued)))

    def _silence(self, samples: int) -> None:
        count = min(self._at_rate(samples), self._lacks())
        if count > 0:
            self._hear(bytes(2 * count))

    def _at_rate(self, samples: int) -> int:
        return samples * self._decoder.rate_hz // RTP_HZ
