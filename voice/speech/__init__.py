"""The speech stage: an agent's reply stream in, speakable sentences and their sound out."""

from .cleaner import SpokenText, clean
from .sentences import Piece, SentenceCutter
from .stage import Speech, SpeechEnd, SpeechOptions, SpeechPiece, SpeechSound, WordSpan

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
