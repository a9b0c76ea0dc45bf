"""Numbers, amounts of money and answers of yes or no, written in any script."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.vocabulary import folded, visible
from scoring_ml.data.yaml_file import packaged

CROSSES: Final = frozenset({"x", "х", "×"})
"""Letters that stand for no beside a tick, and for yes where nothing else stands."""

TRUE_WORDS: Final = frozenset(
    {"1", "1.0", "true", "t", "yes", "y", "on", "+", "✓", "✔", "☑", "✅", "да", "истина", "есть"}
    | {"بله", "بلی", "آری", "نعم", "так", "ja", "oui", "sim", "tak", "ano", "evet"}
)
FALSE_WORDS: Final = frozenset(
    {"0", "0.0", "false", "f", "no", "n", "off", *CROSSES, "✗", "✘", "☐", "❌", "нет", "ложь"}
    | {"خیر", "نه", "لا", "ні", "nein", "non", "não", "nie", "ne", "hayır", "hayir"}
)


def spellings(word: str) -> frozenset[str]:
    """Return the ways to write a word, in small letters: a yes or a no has many.

    Letters and digits alone are codes of a CRM more often than answers, and mean themselves.

    >>> "1" in spellings("true"), "нет" in spellings("no"), spellings("y"), spellings("new")
    (True, True, frozenset({'y'}), frozenset({'new'}))
    """
    for answers in (TRUE_WORDS, FALSE_WORDS):
        if word in answers and len(word) > 1 and word.isalpha():
            return answers
    return frozenset({word})


def plain_digits(text: str) -> str:
    """Write the decimal digits of any script as 0-9, without signs that nobody sees.

    >>> plain_digits("۱۲٫۵"), plain_digits("٣"), plain_digits("12")
    ('12.5', '3', '12')
    """
    text = visible(text)
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(sign)) if sign.isdecimal() else _SIGNS.get(sign, sign)
        for sign in text
    )


_SIGNS: Final = {"٫": ".", "٬": "'", "\u2212": "-"}
_MARKS: Final = str.maketrans("’ʼ′،‐‑–—﹣－", "''',------")
_PLAIN: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_GROUPED_POINT: Final = re.compile(
    r"[1-9]\d{0,2}(?:([ ,'])\d{3})(?:\1\d{3})*(?:\.\d+)?|\d{1,2}(?:,\d\d)+,\d{3}(?:\.\d+)?"
)
_GROUPED_COMMA: Final = re.compile(r"[1-9]\d{0,2}(?:([ .'])\d{3})(?:\1\d{3})*(?:,\d+)?")
_DIGITS: Final = re.compile(r"[.,]?\d(?:.*\d)?")
_WORD: Final = re.compile(r"[^\W\d_]{0,2}\$|[^\W\d_]+|[^\w\s.,|+-]")
_LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as it is written.

    Parameters
    ----------
    value : float
        Finite; a percentage as the number before its sign.
    currency : str or None
        ISO 4217 code of the currency that is written beside it; IRT for the toman.
    """

    value: float
    currency: str | None = None
    percent: bool = False


def parse_amount(text: str, *, decimal: str = ".") -> Amount:
    """Read a number written in any script's digits, with what is written beside it.

    Parameters
    ----------
    text : str
        The number, perhaps with thousands separators (also Indian and Swiss ones), a minus before
        or after it or parentheses, a currency, a percent sign, or a word such as k or million.

    Raises
    ------
    InvalidValue
        If the text is no finite number.

    >>> parse_amount("USD 2,560.00"), parse_amount("-2,5 тыс. руб.", decimal=",").value
    (Amount(value=2560.0, currency='USD', percent=False), -2500.0)
    """
    text = text.strip()
    if text.isascii() and text[-1:].isdigit() and text[0].isdigit():
        return Amount(_finite(_digits(text, decimal)))
    if len(text) > _LONGEST:
        raise InvalidValue("number")
    plain = plain_digits(text).translate(_MARKS).lstrip("='")
    negative = plain.startswith("(") and plain.endswith(")")
    plain = plain[1:-1] if negative else plain
    found = _DIGITS.search(plain)
    if found is None:
        raise InvalidValue("number")
    before, core, after = plain[: found.start()], found[0], plain[found.end() :]
    if before[-1:].isalpha():  # the point of "Rs.500"
        core = core.lstrip(".,")
    # "2560,-" is a whole amount, "440-" a negative one.
    after = re.sub(r"^[.,/]-+", "", after)
    signs = re.findall("[+-]", before + after) + ["-"] * negative
    if len(signs) > 1 or "+" in after:
        raise InvalidValue("number")
    powers, units = _words().powers, _units(after)
    currency, percent = _beside([*_units(before), *(u for u in units if u not in powers)])
    value = _digits(core, decimal, sum(powers.get(unit, 0) for unit in units))
    return Amount(_finite(-value if "-" in signs else value), currency, percent)


def parse_number(text: str, *, decimal: str = ".") -> float:
    """Return the value of :func:`parse_amount` alone.

    >>> parse_number("1,234.5"), parse_number("1.234,5", decimal=","), parse_number("۱۲ هزار")
    (1234.5, 1234.5, 12000.0)
    """
    return parse_amount(text, decimal=decimal).value


def currency_rows(codes: NDArray[np.int64], cells: Sequence[Any], decimal: str) -> dict[str, int]:
    """Count rows by the currency that is written beside their number, most first.

    Parameters
    ----------
    codes : array of int, shape (n,)
        Places in ``cells``; -1 for none.
    """
    counts = np.bincount(codes[codes >= 0], minlength=len(cells))
    rows: Counter[str] = Counter()
    for cell, number in zip(cells, counts.tolist(), strict=True):
        # Where digits begin and end a text, no currency stands beside them.
        if isinstance(cell, str) and not (cell[:1].isdigit() and cell[-1:].isdigit()):
            with suppress(InvalidValue):
                if (code := parse_amount(cell, decimal=decimal).currency) is not None:
                    rows[code] += number
    return dict(rows.most_common())


def currency_code(text: str) -> str | None:
    """Return the code of a currency that a text names; None for none.

    >>> currency_code("usd"), currency_code("€"), currency_code("Retail")
    ('USD', 'EUR', None)
    """
    return _words().currencies.get(folded(text))


def parse_boolean(text: str) -> float:
    """Read yes or no, in English, Russian, Persian or another language, as 1.0 or 0.0.

    Raises
    ------
    InvalidValue
        If the text is neither.
    """
    word = folded(text)
    if word in TRUE_WORDS:
        return 1.0
    if word in FALSE_WORDS:
        return 0.0
    raise InvalidValue("yes_no")


def _digits(core: str, decimal: str, power: int = 0) -> float:
    if decimal == ",":
        if _GROUPED_COMMA.fullmatch(core):
            core = re.sub(r"[ .']", "", core)
        core = core.replace(",", ".", 1)
    elif _GROUPED_POINT.fullmatch(core):
        core = re.sub(r"[ ,']", "", core)
    if not _PLAIN.fullmatch(core):
        raise InvalidValue("number")
    # By the text, so that 2.3k is exactly 2300.
    return float(f"{core}e{power}") if "e" not in core.casefold() else float(core) * 10**power


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise InvalidValue("finite")
    return value


def _units(part: str) -> list[str]:
    """Return the words and signs on one side of a number."""
    text = folded(part)
    whole = re.sub(r"[\s.,|+-]", "", text)
    return [whole] if whole in _words().currencies else _WORD.findall(text)


def _beside(units: list[str]) -> tuple[str | None, bool]:
    """Return the currency that words mean, and whether they mean a percentage."""
    words = _words()
    if len(units) == 1 and units[0] in words.percent:
        return None, True
    codes = [words.currencies.get(unit) for unit in units]
    if None in codes:
        raise InvalidValue("number")
    # A code beside $ says whose dollars they are.
    named = {code for code, unit in zip(codes, units, strict=True) if unit != "$"} or set(codes)
    if len(named) > 1:
        raise InvalidValue("number")
    return next(iter(named), None), False


@dataclass(frozen=True)
class _UnitWords:
    powers: Mapping[str, int]
    percent: frozenset[str]
    currencies: Mapping[str, str]


@cache
def _words() -> _UnitWords:
    """Read the words of the file beside this module, folded."""
    file = packaged("scoring_ml.data.values", "numbers.yaml")
    return _UnitWords(
        {folded(w): int(power) for power, words in file["magnitudes"].items() for w in words},
        frozenset(map(folded, file["percent"])),
        {code.casefold(): code for code in file["codes"].split()}
        | {folded(w): code for code, words in file["currencies"].items() for w in words},
    )
