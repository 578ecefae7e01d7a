"""What the spoken clips say, and who says it. A clip's name is its folder and file name without the ending."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice of espeak-ng. `speed` is a factor of 175 words a minute, `pitch` a factor of the voice's own."""

    voice: str
    speed: float = 1.0
    pitch: float = 1.0


@dataclass(frozen=True, slots=True)
class SpokenClip:
    """One clip: its `text` as a transcript would have it, and what espeak-ng is given where its spelling misleads it."""

    name: str
    text: str
    speaker: str
    said: str = ""


SPEAKERS = {
    "f5": Speaker("en-us+f5", 0.8),  # 140 words a minute: the clearest to pocketsphinx of nine that were tried
    "m3": Speaker("en-us+m3", 0.9, 0.9),
    "gb": Speaker("en-gb", 1.0),
    "f2": Speaker("en-us+f2", 1.15, 1.2),
    "m7": Speaker("en-us+m7", 0.75, 0.8),
}

REQUESTS = (
    "hello", "my name is alice", "what is my name", "what time is it", "what day is it", "tell me a story",
    "count to twenty", "go on", "stop", "wait", "no wait", "how far did you get", "what is twelve times seven",
    "who are you", "can you hear me", "yes", "no", "thank you", "goodbye",
)  # fmt: skip

BACKCHANNELS = {"yeah": "", "ok": "", "hmm": "", "mm hmm": "um hum", "right": "", "uh huh": "", "sure": ""}
INTERRUPTIONS = ("stop", "wait", "no", "no wait", "hold on", "yeah but wait", "um okay stop")
SENTENCES = (
    "no wait that is not what i asked",
    "sorry can i ask you something else",
    "stop i would like to know what time it is",
)

BABBLE = (
    ("en-us+f5", "the train to the north leaves from platform nine at a quarter past four every afternoon"),
    ("en-us+m3", "my sister bought a small house near the river and she is painting all the windows blue"),
    ("en-gb", "if you cut the onions very thin they will melt into the sauce in less than ten minutes"),
    ("en-us+f2", "we walked along the beach until the sun went down and then we looked for a place to eat"),
    ("en-us+m7", "the meeting was moved to thursday because nobody could find the key to the large room"),
    ("en-us+m1", "he has been learning the piano for three years and still plays the same two songs"),
    ("en-us+f4", "there is a new shop on the corner that sells nothing but old maps and broken clocks"),
    ("en-gb+m5", "please remember to water the plants and to feed the cat while we are on holiday"),
)
"""Eight talkers at once."""


def spoken_clips() -> list[SpokenClip]:
    """Every spoken clip but the babble."""
    clips = [SpokenClip(f"requests/{_slug(text)}", text, "f5") for text in REQUESTS]
    for speaker in SPEAKERS:
        clips += [SpokenClip(f"backchannels/{_slug(text)}-{speaker}", text, speaker, said) for text, said in BACKCHANNELS.items()]
        if speaker != "m7":  # four voices are enough for what is longer
            clips += [SpokenClip(f"interruptions/{_slug(text)}-{speaker}", text, speaker) for text in INTERRUPTIONS]
        if speaker in ("f5", "m3", "f2"):
            clips += [SpokenClip(f"sentences/{_slug(text)}-{speaker}", text, speaker) for text in SENTENCES]
    return clips


def _slug(text: str) -> str:
    return text.replace(" ", "_")
