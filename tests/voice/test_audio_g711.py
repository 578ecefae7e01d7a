"""G.711 against Python's `audioop`, bit for bit where it is still there, and by checksum where it is not."""

import hashlib

import numpy as np
import pytest
from hubbub.voice.audio.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw

EVERY_SAMPLE = np.arange(-32768, 32768).astype("<i2").tobytes()
EVERY_CODE = bytes(range(256))

# SHA-256 prefixes of what audioop of Python 3.11 gives for EVERY_SAMPLE and EVERY_CODE.
AUDIOOP = {
    encode_ulaw: "81d633c9e6972a18",
    encode_alaw: "38488f6fd710f468",
    decode_ulaw: "3dab54339e520bb2",
    decode_alaw: "e04788d110e58ff8",
}


@pytest.mark.parametrize("function", AUDIOOP, ids=lambda function: function.__name__)
def test_every_input_gives_what_audioop_gave(function) -> None:
    given = EVERY_CODE if function in (decode_ulaw, decode_alaw) else EVERY_SAMPLE
    assert hashlib.sha256(function(given)).hexdigest()[:16] == AUDIOOP[function]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_checksums_are_those_of_audioop() -> None:
    audioop = pytest.importorskip("audioop", reason="Python 3.13 has no audioop")
    assert encode_ulaw(EVERY_SAMPLE) == audioop.lin2ulaw(EVERY_SAMPLE, 2)
    assert encode_alaw(EVERY_SAMPLE) == audioop.lin2alaw(EVERY_SAMPLE, 2)
    assert decode_ulaw(EVERY_CODE) == audioop.ulaw2lin(EVERY_CODE, 2)
    assert decode_alaw(EVERY_CODE) == audioop.alaw2lin(EVERY_CODE, 2)


@pytest.mark.parametrize(("encode", "decode"), [(encode_ulaw, decode_ulaw), (encode_alaw, decode_alaw)])
def test_what_was_decoded_encodes_to_an_equal_sound(encode, decode) -> None:
    sound = decode(EVERY_CODE)
    assert decode(encode(sound)) == sound


def test_half_a_sample_is_refused() -> None:
    for encode in (encode_ulaw, encode_alaw):
        with pytest.raises(ValueError, match="odd"):
            encode(b"abc")
    assert decode_ulaw(b"") == encode_alaw(b"") == b""
