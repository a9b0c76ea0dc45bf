"""The old code page of a text, chosen by the words that it then holds.

A page is as good as its best language makes it: letters that are frequent there, in words that
begin with a capital letter or have none, without signs in their middle.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from scoring_ml.data.yaml_file import packaged

_MOST_WORDS: Final = 2_000
_STEEPNESS: Final = 5.0
_FOREIGN_LETTER: Final = -12.0
_OTHER_LANGUAGE: Final = -6.0
_ODD_CASE: Final = -5.0
_CAPITAL: Final = -0.25
_ODD_SIGN: Final = -12.0
_CONTROL: Final = -20.0
_USUAL_SIGN: Final = -7.0
_USUAL_SIGNS: Final = frozenset("\u00a0‘’‚“”„–—…«»№€£°§®™©·•²³½")
_RARITY: Final = {"usual": 0.0, "seldom": -2.0, "rare": -4.0}
_MOST_OTHERS: Final = 3
_CLOSE: Final = 8.0
"""Pages whose scores differ by less, in units of log-odds, cannot be told apart."""


@dataclass(frozen=True)
class CodePage:
    """The old code page that a text seems to be in.

    Parameters
    ----------
    words : tuple of str
        The most frequent words that it was chosen by, at most three, as they are read.
    others : mapping of str to tuple of str
        Other pages that fit about as well, at most three, best first, and the same words as each
        reads them; the words are those on which they differ.
    """

    name: str
    words: tuple[str, ...]
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


def find_code_page(sample: bytes) -> CodePage | None:
    """Choose the code page of a text by its words that hold more than ASCII."""
    counts = Counter(re.findall(rb"[A-Za-z\x80-\xff'-]*[\x80-\xff][A-Za-z\x80-\xff'-]*", sample))
    words = [word for word, _ in counts.most_common(_MOST_WORDS)]
    fits: list[tuple[float, str, list[str]]] = []
    for page in _pages():
        try:
            read = [unicodedata.normalize("NFC", word.decode(page)) for word in words]
        except UnicodeDecodeError:
            continue
        fits.append((_score(page, read), page, read))
    fits.sort(key=lambda fit: -fit[0])
    if not fits:
        return None
    best, page, read = fits[0]
    others: dict[str, list[str]] = {}
    for score, other, reading in fits:
        close = best - score <= _CLOSE and len(others) < _MOST_OTHERS
        if close and reading not in (read, *others.values()):
            others[other] = reading
    pairs = [set(each) for each in zip(read, *others.values(), strict=True)]
    places = [at for at, each in enumerate(pairs) if len(each) > 1] or sorted(
        range(len(read)), key=lambda at: not _is_word(read[at])
    )
    shown = {name: tuple(each[at] for at in places[:3]) for name, each in others.items()}
    return CodePage(page, tuple(read[at] for at in places[:3]), shown)


def _is_word(word: str) -> bool:
    return sum(letter.isalpha() for letter in word) > 2


def _score(page: str, words: Iterable[str]) -> float:
    """Return the log-likelihood of words, each in the page's main language or in another."""
    languages = _pages()[page]
    table = [[_word_score(word, letters) for _, letters in languages] for word in words]
    rarities = [rarity for rarity, _ in languages]
    mains = [sum(column) for column in zip(*table, strict=True)]
    mains = [rarity + fit for rarity, fit in zip(rarities, mains, strict=True)]
    main = mains.index(max(mains))
    return rarities[main] + sum(max(row[main], max(row) + _OTHER_LANGUAGE) for row in table)


def _word_score(word: str, letters: Mapping[str, float]) -> float:
    score = 0.0
    inside = word.strip("".join(sign for sign in set(word) if not sign.isalpha()))
    for before, sign in zip(" " + word, word, strict=False):
        small = sign.lower()[0]  # of İ an i and a point
        if small in letters:
            score += letters[small]
        elif sign.isalpha():
            score += _FOREIGN_LETTER
        elif unicodedata.category(sign) == "Cc":
            score += _CONTROL
        elif sign == "\u2019" or (sign in _USUAL_SIGNS and sign not in inside):
            score += _USUAL_SIGN
        elif not sign.isascii():
            score += _ODD_SIGN
        if sign.isupper() and before.isalpha() and not (sign.isascii() and before.isascii()):
            score += _CAPITAL if before.isupper() else _ODD_CASE
    return score


@lru_cache(maxsize=1)
def _pages() -> dict[str, list[tuple[float, dict[str, float]]]]:
    """Return the languages of each page: how rare they are there, and their letters."""
    content = packaged("scoring_ml.data.files", "code_pages.yaml")
    letters = {name: _frequencies(order) for name, order in content["languages"].items()}
    pages: dict[str, list[tuple[float, dict[str, float]]]] = {}
    for rarity, rows in content["pages"].items():
        for page, names in rows.items():
            pages.setdefault(page, []).extend((_RARITY[rarity], letters[name]) for name in names)
    return pages


def _frequencies(order: str) -> dict[str, float]:
    """Return the logarithm of each letter's share, falling evenly along its rank."""
    logs = [-_STEEPNESS * rank / len(order) for rank in range(len(order))]
    total = math.log(sum(map(math.exp, logs)))
    return {letter: log - total for letter, log in zip(order, logs, strict=True)}
