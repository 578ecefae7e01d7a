"""Times for every written word, from the times that an engine reports for some of them.

espeak-ng reports no time for some words (it runs "of the" together, and skips some Chinese characters), several for others
("3.14" gives four), and now and then one with a wrong place. What callers read are written words, so these are what gets a
time: the earliest report inside the word where there is one, else an estimate between its neighbours' times in proportion to
the characters between them.
"""

import re

from .base import SpokenWord

_WORD = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"  # a Chinese or Japanese character
    "|[^\\s\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]+"
)


def written_words(text: str) -> list[tuple[int, int]]:
    """Where the words of `text` stand: what white space delimits, without the punctuation around it; in Chinese and Japanese
    each character. What has no letter or digit in it is no word."""
    words = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        while start < end and not text[start].isalnum():
            start += 1
        while start < end and not text[end - 1].isalnum():
            end -= 1
        if start < end:
            words.append((start, end))
    return words


class WordTimes:
    """Turns an engine's reports for one text into times for its written words, in order."""

    def __init__(self, text: str) -> None:
        self._length = len(text)
        self._words = written_words(text)
        self._next = 0
        self._known = (0, 0)
        """Character and sample of the latest report."""

    def report(self, start: int, at_sample: int) -> list[SpokenWord]:
        """The engine says that the word around character `start` begins at `at_sample`. Returns the words that this settles:
        it and those before it that got no report. A report that goes back, or that lies in no word, settles nothing."""
        index = next((i for i, (_, end) in enumerate(self._words[self._next :], self._next) if start < end), None)
        if index is None or start < self._words[index][0]:
            return []
        at_sample = max(at_sample, self._known[1])
        settled = self._between(index, self._words[index][0], at_sample)
        begin, end = self._words[index]
        self._next = index + 1
        self._known = (begin, at_sample)
        return [*settled, SpokenWord(begin, end, at_sample)]

    def finish(self, total_samples: int) -> list[SpokenWord]:
        """The sound is over after `total_samples`. Returns the words that are left."""
        settled = self._between(len(self._words), self._length, max(total_samples, self._known[1]))
        self._next = len(self._words)
        return settled

    def _between(self, until: int, character: int, at_sample: int) -> list[SpokenWord]:
        from_character, from_sample = self._known
        per_character = (at_sample - from_sample) / max(1, character - from_character)
        return [
            SpokenWord(start, end, from_sample + int((start - from_character) * per_character))
            for start, end in self._words[self._next : until]
        ]
