"""RTP and RTCP: what is packed is read back, and no bytes at all break the reader."""

import pytest
from hubbub.voice.rtc.rtp import (
    Bye,
    Reception,
    Report,
    ReportBlock,
    RtpError,
    RtpPacket,
    distance,
    is_rtcp,
    ntp_time,
    pack_report,
    pack_rtp,
    parse_rtcp,
    parse_rtp,
    round_trip_s,
)
from hypothesis import given, settings
from hypothesis import strategies as st

PACKET = RtpPacket(111, 65535, 0xFFFFFFFF, 0xDEADBEEF, b"sound", marker=True)
blocks = st.builds(
    ReportBlock, ssrc=st.integers(0, 2**32 - 1), fraction_lost=st.integers(0, 255), lost=st.integers(-(2**23), 2**23 - 1),
    highest_sequence=st.integers(0, 2**32 - 1), jitter=st.integers(0, 2**32 - 1), last_report=st.integers(0, 2**32 - 1),
    delay=st.integers(0, 2**32 - 1),
)


def test_a_packet_is_read_back() -> None:
    assert parse_rtp(pack_rtp(PACKET)) == PACKET
    assert not is_rtcp(pack_rtp(PACKET))


def test_sources_extension_and_padding_are_stepped_over() -> None:
    data = bytes([0x80 | 0x20 | 0x10 | 2, 111]) + bytes(10) + bytes(8) + b"\xbe\xde\x00\x01abcd" + b"sound" + b"\0\0\3"
    assert parse_rtp(data).payload == b"sound"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x80" * 11, b"\x40" + bytes(11), b"\x8f" + bytes(11), b"\x90" + bytes(11), b"\x90" + bytes(13) + b"\xff\xff",
        b"\xa0" + bytes(12),
    ],
)
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(RtpError):
        parse_rtp(data)


@settings(max_examples=30)
@given(st.lists(blocks, max_size=31), st.booleans(), st.text(max_size=40))
def test_a_report_is_read_back(found: list[ReportBlock], sender: bool, cname: str) -> None:
    report = Report(7, tuple(found), ntp_time(1e9) if sender else 0, 5 if sender else 0, 6 if sender else 0, 7 if sender else 0)
    packed = pack_report(report, cname)
    assert is_rtcp(packed)
    assert parse_rtcp(packed) == [report]


def test_a_goodbye_is_read() -> None:
    assert parse_rtcp(b"\x82\xcb\x00\x02\x00\x00\x00\x01\x00\x00\x00\x02") == [Bye((1, 2))]


@given(st.binary(max_size=200))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    for read in (parse_rtp, parse_rtcp):
        for each in (data, b"\x81\xc8" + data, b"\x9f\xc9\x00\x07" + data, b"\xb1\x6f" + data):
            try:
                read(each)
            except RtpError:
                continue


@given(st.integers(0, 0xFFFF), st.integers(-32768, 32767))
def test_distance_goes_round(number: int, step: int) -> None:
    assert distance((number + step) & 0xFFFF, number, 16) == step


def test_what_was_lost_is_counted_and_reported() -> None:
    reception = Reception()
    assert reception.block(0.0) is None
    for number in (65534, 65535, 1, 2, 2):
        reception.take(RtpPacket(111, number, number * 960, 5, b""), number * 0.02)
    block = reception.block(1.0)
    assert block is not None
    assert (reception.expected, reception.lost, block.highest_sequence) == (5, 0, 65538)
    for number in (3, 6, 7, 8):
        reception.take(RtpPacket(111, number, number * 960, 5, b""), number * 0.02)
    block = reception.block(2.0)
    assert block is not None
    assert block.fraction_lost == 2 * 256 // 6


def test_jitter_is_small_where_packets_come_evenly_and_survives_a_jump() -> None:
    reception = Reception()
    for number in range(50):
        reception.take(RtpPacket(111, number, (number * 960 + (number > 25) * 5_000_000) & 0xFFFFFFFF, 5, b""), number * 0.02)
    assert reception.jitter < 1


def test_a_round_trip_is_measured() -> None:
    sent = ntp_time(1_000_000.0)
    block = ReportBlock(5, 0, 0, 0, 0, last_report=(sent >> 16) & 0xFFFFFFFF, delay=65536 // 2)
    trip = round_trip_s(block, ntp_time(1_000_000.75))
    assert trip == pytest.approx(0.25, abs=0.001)
    assert round_trip_s(ReportBlock(5, 0, 0, 0, 0), sent) is None
