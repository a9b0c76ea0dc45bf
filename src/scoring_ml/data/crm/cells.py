"""Cells of Arrow columns as ids and words, each distinct one read once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring_ml.data.crm.ids import same_ids
from scoring_ml.data.files.arrow_cells import cell_text, distinct_cells, one_array, plain_cells
from scoring_ml.data.values.moments import Bools
from scoring_ml.data.values.numbers import plain_digits
from scoring_ml.data.values.vocabulary import Vocabulary, folded, visible

_LONGEST: Final = 40


@dataclass(frozen=True)
class Coded:
    """Words of a column, each once.

    Parameters
    ----------
    codes : array of int32, shape (n,)
        Place in ``words``; -1 for none.
    words : tuple of str
        Tidied, and translated as the mapping says; sorted.
    ignored : array of bool, shape (n,)
        Where the mapping translates a word to nothing.
    """

    codes: NDArray[np.int32]
    words: tuple[str, ...]
    ignored: Bools

    def translated(self, codes: Mapping[str, int], dtype: Any) -> tuple[NDArray[Any], Bools]:
        """Return our numbers for the words, and where a word is none of ours.

        Returns
        -------
        numbers : array, shape (n,)
            -1 where there is no word, or none of ours.
        unknown : array of bool, shape (n,)
        """
        table = np.array([codes.get(folded(word), -1) for word in self.words] + [-1], dtype=dtype)
        numbers = table[self.codes]
        return numbers, (numbers < 0) & (self.codes >= 0)

    def named(self, rows: Bools, most: int = 5) -> str:
        """Return the most frequent words of some rows, for a message.

        Words that may be personal, such as e-mail addresses and phone numbers, are not shown.
        """
        counts = np.bincount(self.codes[rows & (self.codes >= 0)], minlength=len(self.words))
        first = [place for place in np.argsort(-counts, kind="stable") if counts[place]]
        names = [f"{_shown(self.words[place])} ({counts[place]})" for place in first[:most]]
        return ", ".join(names) + (f" and {len(first) - most} more" if len(first) > most else "")


def _shown(word: str) -> str:
    numbers = [found[0].strip() for found in re.finditer(r"[+(]?\d[\d\s()./-]*\d", word)]
    # Stages have ids as well, of digits alone and seldom as long as a phone number.
    is_phone = any(
        sum(sign.isdigit() for sign in number) >= (10 if number.isdigit() else 7)
        for number in numbers
    )
    if "@" in word or len(word) > _LONGEST or is_phone:
        return "a word that is not shown"
    return repr(word)


def id_texts(column: Any, missing: Sequence[str] = ("",)) -> Any:
    """Return ids as Arrow text: trimmed, digits as 0-9, one spelling for the same id.

    Null where there is no id.
    """
    column = one_array(column)
    kind = column.type
    if pa.types.is_dictionary(kind):
        texts = id_texts(column.dictionary, missing)
        return texts.take(column.indices)
    if pa.types.is_floating(kind):
        # A column of whole numbers with gaps comes as floats from some tools.
        whole = pc.and_(pc.is_finite(column), pc.equal(column, pc.floor(column)))
        as_whole = pc.if_else(whole, column, None).cast(pa.int64(), safe=False)
        other = pc.if_else(pc.is_finite(column), column, None).cast(pa.large_string())
        return pc.if_else(whole, as_whole.cast(pa.large_string()), other)
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        if pa.types.is_integer(kind):
            return column.cast(pa.string())
        column = pa.array([cell_text(cell) for cell in plain_cells(column)], pa.large_string())
    texts = pc.utf8_trim_whitespace(column)
    if not pc.all(pc.string_is_ascii(texts), min_count=0).as_py():
        coded = texts.dictionary_encode()
        plain = [
            None if text is None else plain_digits(visible(text)).strip()
            for text in coded.dictionary.to_pylist()
        ]
        texts = pa.array(plain, pa.large_string()).take(coded.indices)
    words = {form for word in ("", *missing) for form in (word, word.upper(), word.lower())}
    is_word = pc.is_in(texts, value_set=pa.array(sorted(words), texts.type))
    texts = pc.if_else(is_word, None, texts) if pc.any(is_word).as_py() else texts
    return same_ids(texts)


def coded_words(
    columns: Sequence[Any],
    translations: Sequence[Mapping[str, str]],
    missing: tuple[str, ...] = ("",),
    vocabulary: Collection[str] = (),
) -> Coded:
    """Read cells as words.

    Parameters
    ----------
    columns : sequence of pyarrow Array or ChunkedArray
        One below the other.
    translations : sequence of mapping of the CRM's word to ours
        One for each of the columns; ``*`` stands for every other word.
    vocabulary : collection of str
        Folded words that are ours already, so that ``*`` does not stand for them.
    """
    parts: list[tuple[NDArray[np.int64], list[str | None]]] = []
    ignored: list[Bools] = []
    for raw, meanings in zip(columns, translations, strict=True):
        words = Vocabulary(meanings, missing, vocabulary)
        codes, cells = distinct_cells(raw)
        plain = [cell_text(cell) for cell in cells]
        parts.append((codes, [words.read(text) for text in plain]))
        ignored.append(np.array([*(words.ignores(text) for text in plain), False])[codes])
    every = tuple(sorted({text for _, texts in parts for text in texts if text is not None}))
    place = {text: at for at, text in enumerate(every)}
    return Coded(
        np.concatenate(
            [
                np.array([-1 if t is None else place[t] for t in texts] + [-1], np.int32)[codes]
                for codes, texts in parts
            ]
        ),
        every,
        np.concatenate(ignored),
    )
