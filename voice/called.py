"""Who is called by name in what was said. Pure.

A name calls somebody where one calls a person: at the start of a sentence (after a greeting or not), at its end, or between commas.
In the middle ("ask Ben about it") it is talk about somebody. Several names may be called together ("Ava and Ben, …").

A recogniser mishears names more than anything else. So where one calls a person, a word that is no name here but *sounds* like
exactly one of them counts as that name: the same consonants (voiced or not), or one letter apart in a long name. Ordinary words are
never taken for a name, however near they are ("then" is not Ben, "over" is not Ava), nor is a name that nobody here bears when it
is set beside one that somebody does.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

GREETING = frozenset(
    "hey hi hello okay ok so and dear well now then yes no yeah please thanks um uh er oh but right sorry excuse me good morning evening "
    "afternoon thank you 嘿 你好 喂 好 那".split()
)
"""What may stand before a name at the start: greetings, openers, fillers."""

_ALL = re.compile(
    r"^\W*(?:(?:hey|hi|hello|okay|ok|so|good morning|good evening|and|now)\W+)*"
    r"(?:everybody|everyone|all of you|both of you|you all|you both)\b|"
    r"\b(?:everybody|everyone|all of you|both of you|each of you)\W*$|^(?:大家|各位|你们|你们俩)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_CJK = re.compile(r"[\u3040-\u9fff]")

ORDINARY = frozenset(
    """a about above actually after again ago all almost along already also although always am among an and another any anybody anyone
    anything anyway are area around as ask at away back bad bag ball ban bank bar base bat be bean bear beat because bed been beer
    before begin behind being believe below bend bent best bet better between big bill bin bird bit black blue board boat body bone
    book both bought box boy bring brother brown build bun bus busy but buy by call came camera can car card care carry case cat
    catch cause cell chance change check child city clear close cloud coal coat cold come cook cool copy corn could country course
    cover cow cross cut dad day dead deal dear deep den did die dig dinner do doctor does dog doing done door dot down draw dream
    drink drive drop dry each ear early east easy eat egg eight either else end enough even evening ever every exactly eye face fact
    fair fall family far farm fast father fell felt few field fight fill find fine finger finish fire first fish fit five floor fly
    fog follow food foot for form found four free friday friend from front full fun game gave get girl give glad go goal god going
    gone good got grand great green ground group grow guess had hair half hall hand happen happy hard has hat have he head hear
    heard heart heat heavy held hello help hen her here hers herself hi high hill him himself his hit hold home hope horse hot hour
    house how however huge human hundred hurry hurt i ice idea if important in inside instead into is it its job join jump june july
    just keep kept key kid kill kin kind king knew know lady lake land large last late later laugh law lay lead lean learn least
    leave led left leg lend less let letter life light like line list listen little live long look lose lot loud love low luck lunch
    made mail main make man many map march mark market may maybe me mean meat meet men might mile milk mind mine minute miss moment
    monday money month more morning most mother move mr mrs much music must my myself name near need neither never new news next
    nice night nine no nobody none noon nor north nose not note nothing now number nurse of off offer often oh old on once one only
    open or orange order other our out outside over own page paid pain pair paper park part party pass past pay pen people perhaps
    phone pick piece pin place plan play please point pool poor pot pound press pretty problem pull push put question quick quiet
    quite rain ran rather read ready real really red remember rest rich ride right ring road rock room round rule run sad safe said
    sale same sand sat save saw say school sea second see seem seen sell send sent set seven shall she ship shoe shop short should
    show shut sick side sign since sing sister sit six size sky sleep slow small smile so soft some somebody someone something son
    soon sorry sort sound south space speak special spell spend spoke spring stand star start state stay step still stood stop story
    street strong such summer sun sunday sure table take talk tall tea teach tell ten test than thank that the their them then there
    these they thing think third this those though thought three through time tin to today together told tomorrow too took top
    toward town train tree true try tuesday turn twelve twenty two under understand until up upon us use usually very visit voice
    wait walk wall want war warm was wash watch water way we wear weather wednesday week well went were west wet what when where
    whether which while white who whole whom whose why wide wife will win wind window winter wish with within without woman women
    won wonder word work world would write wrong yard year yellow yes yesterday yet you young your yours""".split()
)
"""Common English words, those that sound like first names above all. None of them is ever taken for a name that is only like it."""


def addressed(text: str, names: Sequence[str], *, sure: bool = False, others: Sequence[str] = ()) -> tuple[str, ...]:
    """Which of `names` the text calls, in the order in which it does. `sure`: it was written, not recognised (an agent's words): near
    names do not count, nor does a name in a word of thanks. `others`: names of those who are there, too; none of them is taken for
    another's."""
    if not names:
        return ()
    if others:
        everyone = addressed(text, [*names, *others], sure=sure)
        return tuple(name for name in everyone if name in names)
    called: dict[str, None] = {}
    for sentence in re.split(r"(?<=[.!?。！？])\s*", text):
        if sure and re.match(r"^\W*(?:thanks|thank you|goodbye|bye|谢谢)\b", sentence, re.IGNORECASE) and "?" not in sentence:
            continue
        called.update(dict.fromkeys(_in_sentence(sentence, names, sure)))
    return tuple(called)


def everybody(text: str) -> bool:
    """Whether all who are there are called."""
    return _ALL.search(text) is not None


def sounds_like(word: str, name: str) -> bool:
    """Whether a recogniser may have written `word` where `name` was said. Ordinary words never are."""
    word, name = word.casefold(), name.casefold()
    if word == name:
        return True
    if word in ORDINARY or len(word) < 2 or len(name) < 2 or _CJK.search(word + name):
        return False
    apart = _distance(word, name)
    if phonetic(word) == phonetic(name):
        return apart <= max(2, len(name) // 2)
    return apart == 1 and len(name) >= 5 and phonetic(word)[:1] == phonetic(name)[:1]


@lru_cache(maxsize=4096)
def phonetic(word: str) -> str:
    """How a word's consonants sound, voiced and voiceless alike; a leading vowel is `A`, other vowels are left out."""
    word = re.sub(r"[^a-z]", "", word.casefold())
    for written, heard in _SPELLINGS:
        word = re.sub(written, heard, word)
    key = "".join(_SOUNDS.get(letter, "") for letter in word)
    if word[:1] in tuple("aeiouy"):
        key = f"A{key}"
    return re.sub(r"(.)\1+", r"\1", key)


_SPELLINGS = (
    ("^kn", "n"), ("^wr", "r"), ("^wh", "w"), ("^x", "s"), ("ph", "f"), ("ck", "k"), ("sch|sh|ch|tch", "j"), ("dg", "j"),
    ("c(?=[eiy])", "s"), ("c", "k"), ("q", "k"), ("x", "ks"), ("g(?=[eiy])", "j"), ("gh", ""), ("th", "t"),
    ("(?<=[aeiou])r(?![aeiouy])", ""), ("^j", "j"),
)
_SOUNDS = {
    "b": "P", "p": "P", "d": "T", "t": "T", "g": "K", "k": "K", "v": "F", "f": "F", "s": "S", "z": "S", "j": "J", "m": "M", "n": "N",
    "l": "L", "r": "R", "w": "W",
}


def _in_sentence(sentence: str, names: Sequence[str], sure: bool) -> list[str]:
    if any(_CJK.search(name) for name in names):
        chinese = [name for name in names if _CJK.search(name) and _calls_chinese(sentence, name)]
        if chinese:
            return chinese
    words = list(_WORD.finditer(sentence))
    if not words:
        return []
    plain = [word[0].casefold() for word in words]
    start = next((n for n, word in enumerate(plain) if word not in GREETING or _exact(plain, n, names)), len(plain))
    found = _run(plain, start, names, sure)
    for n in range(start + 1, len(plain)):  # between commas, or at the end
        before = sentence[words[n - 1].end() : words[n].start()]
        name, length = _name_at(plain, n, names, sure or n + 1 < len(plain))
        if name is None:
            continue
        after = sentence[words[n + length - 1].end() : words[n + length].start()] if n + length < len(plain) else ""
        last = n + length == len(plain)
        joined = _backwards(plain, n, names, sure)
        ahead = plain[n - 1] if not joined else plain[n - 3] if n >= 3 else ""
        if last and (_comma(before) or joined or not sure or len(plain) <= 3) and not _about(ahead):
            found += [*joined, name]
        elif not last and _comma(before) and _comma(after):
            found.append(name)
    return found


_PREPOSITIONS = frozenset(
    "about of to with for from by at than and or is was are were ask tell told call called like near the a an my your his her named "
    "in on after before did does do has says said meet see know over under as".split()
)


def _about(word: str) -> bool:
    """Whether a name after this word is talked about, and not called."""
    return word in _PREPOSITIONS


def _run(plain: list[str], start: int, names: Sequence[str], sure: bool) -> list[str]:
    """Names that follow each other from `start` on: "Ava and Ben"."""
    found: list[str] = []
    n = start
    while n < len(plain):
        name, length = _name_at(plain, n, names, sure)
        if name is None:
            break
        found.append(name)
        n += length
        if n < len(plain) and plain[n] == "and":
            n += 1
    return found


def _backwards(plain: list[str], n: int, names: Sequence[str], sure: bool) -> list[str]:
    """Names joined by "and" before a name at the end."""
    if n >= 2 and plain[n - 1] == "and":
        name, _ = _name_at(plain, n - 2, names, sure)
        if name is not None:
            return [name]
    return []


def _name_at(plain: list[str], n: int, names: Sequence[str], sure: bool) -> tuple[str | None, int]:
    """The name that stands at word `n`, and how many words it has."""
    exact = _exact(plain, n, names)
    if exact is not None:
        return exact, len(exact.split())
    if sure:
        return None, 0
    near = [name for name in names if " " not in name and sounds_like(plain[n], name)]
    return (near[0], 1) if len(near) == 1 else (None, 0)


def _exact(plain: list[str], n: int, names: Sequence[str]) -> str | None:
    return next((name for name in names if plain[n : n + len(name.split())] == _WORD.findall(name.casefold())), None)


def _comma(between: str) -> bool:
    return re.search(r"[,，;:–-]", between) is not None


def _calls_chinese(sentence: str, name: str) -> bool:
    called = re.escape(name)
    greeting = r"(?:(?:嘿|你好|喂|好|那|请|hey|hi|hello)[\s,，!！]*)*"
    pattern = rf"^\W*{greeting}{called}|{called}[\W]*$|[,，]\s*{called}\s*[,，]"
    return re.search(pattern, sentence, re.IGNORECASE) is not None


def _distance(one: str, other: str) -> int:
    """Edit distance: letters to insert, delete or replace."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]
