"""One column of a flat file as it is looked at, and what is drafted of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.files.arrow_cells import cell_text, distinct_cells
from scoring_ml.data.names import has_word, parted_name
from scoring_ml.data.schema import Column
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.data.values.moments import FormEvidence
from scoring_ml.data.values.numbers import plain_digits
from scoring_ml.data.values.vocabulary import tidy
from scoring_ml.data.yaml_file import packaged
from scoring_ml.texts import Catalogue

MOST_ODD: Final = 3
"""So many different words may stand among numbers or dates and count as missing."""


@dataclass(frozen=True)
class ColumnLook:
    """The cells of one column, tidied: counted by text, and the text of each row by its place.

    Parameters
    ----------
    texts : sequence of str
        A text of two spellings stands twice.
    codes : array of int, shape (rows,)
        Places in ``texts``.
    counts : mapping of str to int
        Without empty cells.
    line_of : callable
        From a row, from 0, to its line in the file.
    """

    name: str
    texts: Sequence[str]
    codes: NDArray[np.int64]
    counts: Mapping[str, int]
    line_of: Callable[[int], int]

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return len(self.codes)

    @cached_property
    def filled(self) -> int:
        """Rows that have a value."""
        return sum(self.counts.values())

    @property
    def title(self) -> str:
        """The name in lower case, parted into words."""
        return parted_name(self.name)

    @property
    def words(self) -> Sequence[str]:
        """Values that could be words for "not known": those that recur, where there are many."""
        few = len(self.counts) <= 1000
        texts = (text for text, number in self.counts.items() if few or number > 1)
        return [text for text in texts if not text[0].isdigit()]

    def line(self, text: str) -> int:
        """Return the line of the first cell with a text."""
        same = [place for place, other in enumerate(self.texts) if other == text]
        return self.line_of(int(np.flatnonzero(np.isin(self.codes, same))[0]))

    def named(self, pattern: str) -> bool:
        """Whether a word of the name begins with the pattern."""
        return has_word(self.title, pattern)

    def names(self, kind: str) -> bool:
        """Whether a word of the name begins with one of a kind in names.yaml."""
        return self.named(name_pattern(kind))

    def without(self, words: Iterable[str]) -> ColumnLook:
        """Return the column with those words counted as empty."""
        folded = {word.casefold() for word in words} - {""}
        if not folded:
            return self
        return replace(
            self,
            counts={text: n for text, n in self.counts.items() if text.casefold() not in folded},
        )


@cache
def name_pattern(kind: str) -> str:
    """Return the pattern of words of a kind, as names.yaml beside this module has them."""
    return "|".join(packaged("scoring_ml.data.drafting", "names.yaml")[kind])


def look_at(
    name: str, column: Any, line_of: Callable[[int], int] = lambda row: row + 2
) -> ColumnLook:
    """Count the cells of an Arrow column."""
    codes, cells = distinct_cells(column)
    # The last place, which codes of -1 look at, is for no cell.
    texts = [*(tidy(cell_text(cell)) for cell in cells), ""]
    rows = np.bincount(codes % len(texts), minlength=len(texts)).tolist()
    counts = dict(zip(texts, rows, strict=True))
    if len(counts) < len(texts):
        counts = dict.fromkeys(counts, 0)
        for text, number in zip(texts, rows, strict=True):
            counts[text] += number
    counts.pop("", None)
    filled = {text: number for text, number in counts.items() if number}
    return ColumnLook(name, texts, codes, filled, line_of)


def folded_word(word: str) -> str:
    """Fold a word of an outcome or a placeholder, so that its usual spellings are one."""
    plain = plain_digits(tidy(word)).casefold().replace("ё", "е")
    plain = plain.replace("ي", "ی").replace("ك", "ک")
    plain = " ".join(re.sub(r"[\W_]+", " ", plain.replace("\u200c", " ")).split())
    return plain or word


def is_not_known(text: str, *, or_answer: bool = False) -> bool:
    """Tell whether a word means "not known", for sure or so that it may be an answer, too."""
    kinds = ("not_known", "placeholder") if or_answer else ("not_known",)
    return re.fullmatch("|".join(map(name_pattern, kinds)), folded_word(text)) is not None


@dataclass(frozen=True)
class DraftedColumn:
    """A drafted column, with the dates or whole numbers that could order the rows.

    Its findings tell what in its cells could not be read; one to be asked about leaves it out.
    """

    column: Column
    look: ColumnLook
    findings: tuple[Suspicion, ...] = ()
    moments: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    evidence: FormEvidence | None = None

    @property
    def unique(self) -> bool:
        """Whether every row has a value, and no two have the same."""
        return len(self.look.counts) == self.look.rows == self.look.filled > 1

    @property
    def share(self) -> float:
        """Share of rows that have a value, 0-1."""
        return self.look.filled / self.look.rows

    @property
    def dated(self) -> float:
        """Share of rows that have a date that can be read, 0-1."""
        return sum(self.look.counts[text] for text in self.moments) / self.look.rows

    def direction(self) -> int | None:
        """Tell how unique whole numbers go along the file.

        1 rising or -1 falling in 95 % of the steps, 0 in no order but as dense as numbers given
        one after the other, ``None`` for anything else, also for few rows without a telling name.
        """
        named = self.look.names("id")
        if not self.numbers or not self.unique or (len(self.numbers) < 10 and not named):
            return None
        numbers = np.array([self.numbers.get(text, np.nan) for text in self.look.texts])
        numbers = numbers[self.look.codes]
        up = float(np.mean(np.diff(numbers) > 0))
        if not 0.05 < up < 0.95:
            return 1 if up > 0.5 else -1
        return 0 if np.ptp(numbers) < 2 * len(numbers) and named else None


_T = TypeVar("_T")


def read_texts(look: ColumnLook, parse: Callable[[str], _T]) -> tuple[dict[str, _T], list[str]]:
    """Read each different text; stop where too many cannot be read."""
    values: dict[str, _T] = {}
    junk: list[str] = []
    for text in look.counts:
        try:
            values[text] = parse(text)
        except ValueError:
            junk.append(text)
            if len(junk) > MOST_ODD:
                break
    return values, junk


def read_most(
    look: ColumnLook, parse: Callable[[str], _T], least: float = 0.6
) -> tuple[dict[str, _T], list[str]] | None:
    """Read each different text; none where fewer rows than a share can be read.

    Parameters
    ----------
    least : float
        Share of rows, 0-1; half of it already ends the reading of the first thousand texts.
    """
    values: dict[str, _T] = {}
    odd: list[str] = []
    for at, text in enumerate(look.counts):
        try:
            values[text] = parse(text)
        except ValueError:
            odd.append(text)
        if at in (100, 1000) and len(values) < least / 2 * at:
            return None
    rows = sum(look.counts[text] for text in values)
    return (values, odd) if rows >= least * look.filled else None


def few_odd(look: ColumnLook, junk: Sequence[str]) -> bool:
    """Whether so few cells are odd words that they may count as missing."""
    odd = sum(look.counts[text] for text in junk)
    return len(junk) <= MOST_ODD and odd * 10 <= look.filled and len(junk) < len(look.counts)


def odd_reason(junk: Sequence[str]) -> list[str]:
    """Return the reason that tells of odd words, if there are any."""
    return [f"{len(junk)} odd word(s) read as not known; see missing"] if junk else []


def almost(look: ColumnLook, kind: str, odd: Sequence[str]) -> Suspicion:
    """Return the finding that most of a column reads as a kind of value, and some of it does not.

    Parameters
    ----------
    kind : str
        Such as "a number".
    """
    share = 1 - sum(look.counts[text] for text in odd) / look.filled
    shown = repr(odd[0]) if len(odd[0]) <= 20 and "@" not in odd[0] else "a text"
    # A share that is not whole is never told as 100 %.
    whole, line = math.floor(share * 100), str(look.line(odd[0]))
    return reading("almost", share, share=whole, name=look.name, kind=kind, shown=shown, line=line)


def reading(key: str, share: float, /, grade: str = "ask", **params: Any) -> Suspicion:
    """Return the finding of how a share of the cells is read, by the key of its sentence."""
    text = Catalogue.load().text(f"draft.reading.{key}", **params)
    return Suspicion(grade, "reading", round(share, 4), text)
