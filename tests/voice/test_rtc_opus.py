"""Opus: sound goes through, what is lost is made up for, and no bytes break the decoder."""

import numpy as np
import pytest
from hubbub.voice.rtc.opus import Decoder, Encoder, OpusError, packet_samples
from hypothesis import given
from hypothesis import strategies as st


def tone(frames: int, hz: float = 300, rate_hz: int = 24_000) -> bytes:
    samples = np.arange(frames * rate_hz // 50)
    return (np.sin(2 * np.pi * hz * samples / rate_hz) * 8000).astype("<i2").tobytes()


def packets(pcm: bytes, encoder: Encoder) -> list[bytes]:
    size = 2 * encoder.frame_samples
    return [encoder.encode(pcm[start : start + size]) for start in range(0, len(pcm), size)]


def level(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(np.frombuffer(pcm, "<i2").astype(float) ** 2)))


def test_a_tone_goes_through_at_another_rate() -> None:
    decoder = Decoder(16_000)
    sound = b"".join(decoder.decode(packet) for packet in packets(tone(50), Encoder(24_000)))
    assert len(sound) == 2 * 16_000
    spectrum = np.abs(np.fft.rfft(np.frombuffer(sound[3200:], "<i2")))
    assert np.argmax(spectrum) * 16_000 / (len(sound[3200:]) // 2) == pytest.approx(300, abs=5)
    assert level(sound[3200:]) == pytest.approx(8000 / 2**0.5, rel=0.2)


def test_a_lost_packet_comes_back_from_the_next_one() -> None:
    encoder = Encoder(24_000, complexity=5)
    encoder.expect_loss(20)
    sent = packets(tone(60), encoder)
    with_spare, without = Decoder(16_000), Decoder(16_000)
    for packet in sent[:30]:
        with_spare.decode(packet)
        without.decode(packet)
    whole = Decoder(16_000)
    true = np.frombuffer(b"".join(whole.decode(packet) for packet in sent)[30 * 640 : 31 * 640], "<i2").astype(float)
    rescued = np.frombuffer(with_spare.rescue(sent[31], 320), "<i2").astype(float)
    assert rescued.size == 320
    assert np.corrcoef(true, rescued)[0, 1] > 0.8


def test_concealment_falls_to_silence() -> None:
    decoder = Decoder(16_000)
    for packet in packets(tone(30), Encoder(24_000)):
        decoder.decode(packet)
    made_up = [level(decoder.conceal(320)) for _ in range(25)]
    assert made_up[0] > 1000
    assert made_up[-1] < made_up[0] / 10


def test_the_length_of_a_packet_is_read_from_its_first_bytes() -> None:
    encoder, decoder = Encoder(48_000), Decoder(48_000)
    for packet in packets(tone(20, rate_hz=48_000), encoder):
        assert packet_samples(packet) == 960 == len(decoder.decode(packet)) // 2
    assert packet_samples(b"") == 0
    assert packet_samples(b"\xff\xff") == 0


def test_wrong_lengths_and_rates_are_refused() -> None:
    with pytest.raises(OpusError, match="samples"):
        Encoder(24_000).encode(b"\0" * 10)
    with pytest.raises(OpusError, match="encode"):
        Encoder(22_050)
    with pytest.raises(OpusError, match="decode"):
        Decoder(44_100)


@given(st.binary(max_size=400))
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    decoder = Decoder(16_000)
    for read in (decoder.decode, lambda packet: decoder.rescue(packet, 320)):
        try:
            assert len(read(data)) <= 2 * 1920
        except OpusError:
            continue
    assert packet_samples(data) <= 5760
    assert len(decoder.conceal(320)) == 640
