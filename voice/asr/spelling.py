"""How an unknown English word probably sounds: letter-to-sound rules for names that no dictionary lists.

The longest spelling that fits wins, from left to right. This gets plain names right ("zorblax", "hubbub") and unusual ones
roughly; a recogniser that is off by a vowel still finds a name that it expects. Phones are those of CMUdict, without stress.
"""

_RULES = {
    "tion": "SH AH N", "sion": "ZH AH N", "ture": "CH ER", "ight": "AY T", "ough": "AO", "eigh": "EY",
    "tch": "CH", "dge": "JH", "igh": "AY", "sch": "SH", "eau": "OW", "air": "EH R", "ear": "IH R", "eer": "IH R",
    "our": "AO R", "oor": "AO R", "ire": "AY ER", "are": "EH R", "ore": "AO R", "ure": "Y UH R", "ary": "EH R IY",
    "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W", "gh": "G", "ck": "K", "ng": "NG", "qu": "K W", "kn": "N",
    "wr": "R", "zh": "ZH", "kh": "K", "rh": "R", "gn": "N", "sc": "S K", "cc": "K", "xc": "K S",
    "ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW", "oi": "OY", "oy": "OY", "ai": "EY", "ay": "EY",
    "au": "AO", "aw": "AO", "ei": "EY", "ey": "IY", "ie": "IY", "oa": "OW", "oe": "OW", "ue": "UW", "ui": "UW",
    "eu": "UW", "ew": "UW", "ia": "IY AH", "io": "IY OW", "ar": "AA R", "er": "ER", "ir": "ER", "or": "AO R", "ur": "ER",
    "ce": "S EH", "ci": "S IH", "cy": "S IY", "ge": "JH EH", "gi": "JH IH",
    "bb": "B", "dd": "D", "ff": "F", "gg": "G", "ll": "L", "mm": "M", "nn": "N", "pp": "P", "rr": "R", "ss": "S",
    "tt": "T", "vv": "V", "zz": "Z",
    "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K",
    "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V",
    "w": "W", "x": "K S", "y": "IY", "z": "Z",
}
_AT_END = {
    "a": "AH", "e": "", "i": "IY", "o": "OW", "u": "UW", "y": "IY", "es": "Z", "le": "AH L", "re": "ER", "ce": "S",
    "ge": "JH", "se": "Z", "ve": "V", "ze": "Z", "que": "K", "ed": "D", "oh": "OW", "ah": "AA",
}
_LONG = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW"}
_AT_START = {"x": "Z", "y": "Y", "ps": "S", "pn": "N", "ai": "AY", "ge": "JH EH"}
_VOWELS = frozenset("aeiou")
_LONGEST = 4


def pronounce(word: str) -> str:
    """Phones of CMUdict's alphabet, space separated, for a word of the letters a to z (others, and apostrophes, are ignored).

    Empty when the word has no such letter, or none that sounds.
    """
    letters = "".join(letter for letter in word.lower() if "a" <= letter <= "z")
    phones: list[str] = []
    at = 0
    while at < len(letters):
        spelling, sound = _longest_rule(letters, at)
        at += len(spelling)
        phones += sound.split()
    return " ".join(phones)


def _longest_rule(letters: str, at: int) -> tuple[str, str]:
    for length in range(min(_LONGEST, len(letters) - at), 0, -1):
        spelling = letters[at : at + length]
        if at == 0 and spelling in _AT_START and length < len(letters):
            return spelling, _AT_START[spelling]
        if at > 0 and at + length == len(letters) and spelling in _AT_END:
            return spelling, _AT_END[spelling]
        if _says_its_name(letters, at, length):
            return spelling, _LONG[spelling]
        if spelling in _RULES:
            return spelling, _RULES[spelling]
    return letters[at], ""


def _says_its_name(letters: str, at: int, length: int) -> bool:
    """A vowel before one consonant and a silent e at the end: "jake", "rose"."""
    return (
        length == 1
        and at + 3 == len(letters)
        and letters[at] in _LONG
        and letters[at + 1] not in _VOWELS | {"r", "w", "x", "y"}
        and letters[at + 2] == "e"
    )
