"""A small language model of what callers of a room are likely to say.

Built from the phrases and the words that a room expects. It is a trigram model with back-off, written in the ARPA format that
recognisers read, with its own dictionary cut to the words that occur: a recogniser loads it in some 20 ms where a full
dictionary takes seconds.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from .base import ASRContext
from .spelling import pronounce

DISCOUNT = 0.1
"""Share of the probability after a history that is kept for words never seen there. Small, so that an expected phrase is heard as
a whole; callers who mix phrases still can. With 130 phrases, 0.05 to 0.2 gave the same errors, 0.4 twice as many."""

_DIGITS = "zero one two three four five six seven eight nine".split()
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*'?")
_START, _END = "<s>", "</s>"


@dataclass(frozen=True, slots=True)
class DomainModel:
    """A language model and its dictionary, as the text of the files that a recogniser loads."""

    arpa: str
    """The language model in ARPA format."""

    dictionary: str
    """One line a pronunciation: the word, or `word(2)` for a second one, and its phones."""

    words: frozenset[str]
    """The words that it knows."""

    guessed: tuple[str, ...]
    """Those of them that no dictionary has, pronounced by rules of spelling."""


def normalise(text: str) -> tuple[str, ...]:
    """The words of a phrase as a recogniser writes them: lower case, no punctuation, digits one by one as words."""
    spelled = re.sub(r"\d", lambda digit: f" {_DIGITS[int(digit.group())]} ", text.lower().replace("’", "'"))
    return tuple(_WORD.findall(spelled))


def build_domain(context: ASRContext, lookup: Callable[[str], list[str]]) -> DomainModel | None:
    """The model of a room's context, or None where the context names nothing to expect.

    `lookup` gives the pronunciations that the recogniser's full dictionary has for a word. Words that it does not have are
    pronounced by rules of spelling; a word that cannot be pronounced at all is left out, and so are phrases with it.
    """
    sentences = [words for phrase in context.phrases if (words := normalise(phrase))]
    singles = [words for word in context.vocabulary if (words := normalise(word))]
    wanted = sorted({word for words in sentences + singles for word in words})
    listed = {word: sounds for word in wanted if (sounds := lookup(word))}
    guessed = {word: [phones] for word in wanted if word not in listed and (phones := pronounce(word))}
    pronunciations = listed | guessed
    sentences = [words for words in sentences + singles if all(word in pronunciations for word in words)]
    if not sentences:
        return None
    used = frozenset(word for sentence in sentences for word in sentence)
    dictionary = _dictionary({word: sounds for word, sounds in pronunciations.items() if word in used})
    return DomainModel(_arpa(sentences), dictionary, used, tuple(word for word in guessed if word in used))


def _dictionary(pronunciations: dict[str, list[str]]) -> str:
    lines = []
    for word, sounds in pronunciations.items():
        lines += [f"{word}{f'({n})' if n > 1 else ''} {phones}" for n, phones in enumerate(sounds, 1)]
    return "\n".join(lines) + "\n"


def _arpa(sentences: list[tuple[str, ...]]) -> str:
    """Back-off with a fixed discount: a seen n-gram keeps its share of 1 - DISCOUNT; the rest goes to shorter ones."""
    counts: tuple[Counter[tuple[str, ...]], ...] = (Counter(), Counter(), Counter())
    for words in sentences:
        marked = (_START, *words, _END)
        for n, counter in enumerate(counts, 1):
            counter.update(marked[i : i + n] for i in range(len(marked) - n + 1))
    unigrams, bigrams, trigrams = counts
    total = sum(count for gram, count in unigrams.items() if gram != (_START,))
    one = {gram: count / total for gram, count in unigrams.items() if gram != (_START,)}
    two, alpha_one = _level(bigrams, lambda gram: one[gram[1:]])
    lower = _backed_off(two, alpha_one, one)
    three, alpha_two = _level(trigrams, lambda gram: lower(gram[1:]))
    lines = ["\\data\\", f"ngram 1={len(one) + 1}", f"ngram 2={len(two)}", f"ngram 3={len(three)}"]
    lines += ["", "\\1-grams:", _line(None, (_START,), alpha_one)]
    lines += [_line(p, gram, alpha_one) for gram, p in sorted(one.items())]
    lines += ["", "\\2-grams:", *(_line(p, gram, alpha_two) for gram, p in sorted(two.items()))]
    lines += ["", "\\3-grams:", *(f"{math.log10(p):.4f} {' '.join(gram)}" for gram, p in sorted(three.items()))]
    return "\n".join([*lines, "", "\\end\\", ""])


def _level(
    grams: Counter[tuple[str, ...]], shorter: Callable[[tuple[str, ...]], float]
) -> tuple[dict[tuple[str, ...], float], dict[tuple[str, ...], float]]:
    """Probabilities of the n-grams of one length, and the back-off weight of each history."""
    followers: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for gram in grams:
        followers[gram[:-1]].append(gram)
    probability: dict[tuple[str, ...], float] = {}
    alpha: dict[tuple[str, ...], float] = {}
    for history, seen in followers.items():
        total = sum(grams[gram] for gram in seen)
        left = 1 - sum(shorter(gram) for gram in seen)
        kept = DISCOUNT if left > 1e-6 else 0.0  # where all that may follow was seen, nothing is left to back off to
        for gram in seen:
            probability[gram] = (1 - kept) * grams[gram] / total
        alpha[history] = kept / left if kept else 1.0
    return probability, alpha


def _backed_off(
    two: dict[tuple[str, ...], float], alpha: dict[tuple[str, ...], float], one: dict[tuple[str, ...], float]
) -> Callable[[tuple[str, ...]], float]:
    return lambda gram: two[gram] if gram in two else alpha.get(gram[:1], 1.0) * one[gram[1:]]


def _line(probability: float | None, gram: tuple[str, ...], alpha: dict[tuple[str, ...], float]) -> str:
    """A line of an ARPA file. -99 is the format's log of zero: nothing ever predicts the start of a sentence."""
    log_p = math.log10(probability) if probability is not None else -99.0
    back_off = f" {math.log10(alpha[gram]):.4f}" if gram in alpha else ""
    return f"{log_p:.4f} {' '.join(gram)}{back_off}"
