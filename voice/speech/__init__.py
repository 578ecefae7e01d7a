"""The speech stage: an agent's reply stream in, speakable sentences and their sound out."""

from .cleaner import SpokenText, clean
from .sentences import Piece, SentenceCutter
from .spans import WordSpan
from .stage import Speech, SpeechEnd, SpeechOptions, SpeechPiece, SpeechSound

__all__ = [
    "Piece",
    "SentenceCutter",
    "Speech",
    "SpeechEnd",
    "SpeechOptions",
    "SpeechPiece",
    "SpeechSound",
    "SpokenText",
    "WordSpan",
    "clean",
]
