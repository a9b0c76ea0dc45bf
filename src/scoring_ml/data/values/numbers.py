"""Numbers and answers of yes or no, written in any script."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Final

from scoring_ml.data.values.invalid import InvalidValue
from scoring_ml.data.values.vocabulary import visible

TRUE_WORDS: Final = frozenset(
    {"1", "1.0", "true", "t", "yes", "y", "on", "да", "истина", "بله", "آری"}
)
FALSE_WORDS: Final = frozenset(
    {"0", "0.0", "false", "f", "no", "n", "off", "нет", "ложь", "خیر", "نه"}
)


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
_CURRENCY: Final = re.compile(r"^[$€£¥₽﷼]\s*|\s*(?:[$€£¥₽﷼%])$")
_PLAIN: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_GROUPED_POINT: Final = re.compile(r"[+-]?\d{1,3}(?:([ ,'])\d{3})(?:\1\d{3})*(?:\.\d+)?")
_GROUPED_COMMA: Final = re.compile(r"[+-]?\d{1,3}(?:([ .'])\d{3})(?:\1\d{3})*(?:,\d+)?")


def parse_number(text: str, *, decimal: str = ".") -> float:
    """Read a number written in any script's digits.

    Parameters
    ----------
    text : str
        The number, perhaps with thousands separators, a currency sign or a percent sign.
    decimal : {".", ","}
        The decimal sign.

    Returns
    -------
    float
        Finite.

    Raises
    ------
    InvalidValue
        If the text is no finite number.

    >>> parse_number("1,234.5"), parse_number("1.234,5", decimal=","), parse_number("۱۲")
    (1234.5, 1234.5, 12.0)
    """
    plain = _CURRENCY.sub("", plain_digits(text.strip()))
    if decimal == ",":
        if _GROUPED_COMMA.fullmatch(plain):
            plain = re.sub(r"[ .']", "", plain)
        plain = plain.replace(",", ".", 1)
    elif _GROUPED_POINT.fullmatch(plain):
        plain = re.sub(r"[ ,']", "", plain)
    if not _PLAIN.fullmatch(plain):
        raise InvalidValue("number")
    value = float(plain)
    if not math.isfinite(value):
        raise InvalidValue("finite")
    return value


def parse_boolean(text: str) -> float:
    """Read yes or no, in English, Russian or Persian, as 1.0 or 0.0.

    Raises
    ------
    InvalidValue
        If the text is neither.
    """
    word = plain_digits(text.strip()).casefold()
    if word in TRUE_WORDS:
        return 1.0
    if word in FALSE_WORDS:
        return 0.0
    raise InvalidValue("yes_no")
