"""Validity of contact details, judged offline from their form alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from scoring_ml.data.values.numbers import plain_digits

_CACHED: Final = 65_536


def valid_email(text: str) -> bool:
    """Tell whether a text is an address that could receive mail.

    The syntax must be right and the domain must have a top level that can exist in the internet:
    ``test@test``, ``a@localhost``, ``a@x.invalid`` are refused. Whether the domain or the mailbox
    really exists is not asked. ``example.com`` passes: it is reserved for made-up people, and
    those of the demo data and of the documentation must have valid addresses that reach nobody.

    Parameters
    ----------
    text : str
        Anything else is no address. Outer white space is ignored.

    >>> valid_email("anna@example.com"), valid_email("test@test"), valid_email("none")
    (True, False, False)
    """
    if not isinstance(text, str):
        return False
    plain = text.strip()
    common = _COMMON.fullmatch(plain)
    if common and len(common[1]) <= _LONGEST_LOCAL and len(plain) <= _LONGEST_ADDRESS:
        # Before the @ nothing can be wrong, and domains are few.
        return _email(f"a@{common[2]}")
    return _email(plain)


def valid_phone(text: str, region: str | None = None) -> bool | None:
    """Tell whether a text is a phone number that its country could have given out.

    Parameters
    ----------
    region : str or None
        Country (ISO 3166, two letters) of numbers written without a country code.

    Returns
    -------
    bool or None
        ``None`` where nobody can tell: a number without a country code, and no region.

    >>> valid_phone("+7 495 123-45-67"), valid_phone("۰۹۱۲ ۳۴۵ ۶۷۸۹", "IR"), valid_phone("12345")
    (True, True, False)
    >>> valid_phone("0912 345 6789") is None
    True
    """
    return isinstance(text, str) and _phone(text.strip(), region)


def like_emails(counts: Mapping[str, int]) -> bool:
    """Tell whether a column, as texts and how often each occurs, is meant to hold addresses."""
    like = sum(number for text, number in counts.items() if _ADDRESS.fullmatch(text))
    return like >= 0.5 * sum(counts.values())


def like_phones(counts: Mapping[str, int], *, named: bool = False) -> bool:
    """Tell whether a column, as texts and how often each occurs, is meant to hold phone numbers.

    Parameters
    ----------
    named : bool
        Whether the column's name says so. Then half of the values must have 7 to 15 digits;
        else nine in ten must have 10 to 15, and half must begin with +, a bracket or one 0.
    """
    like = long = signed = 0
    first = [text for text, _ in zip(counts, range(_LOOKED_AT), strict=False)]
    if not any(7 <= sum(map(str.isdigit, plain_digits(text))) <= 15 for text in first):
        return False
    for text, number in counts.items():
        plain = plain_digits(text)
        if _NUMBER.fullmatch(plain) and 7 <= (digits := sum(map(str.isdigit, plain))) <= 15:
            like += number
            long += number * (digits >= 10)
            signed += number * (plain[0] in "+(" or (plain[0] == "0" and plain[1] != "0"))
    half = 0.5 * sum(counts.values())
    return like >= half if named else long >= 1.8 * half and signed >= half


_COMMON: Final = re.compile(
    r"([\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*)@([A-Za-z0-9.-]+)", re.ASCII
)
"""The plain form of nearly every address (RFC 5321, dot-string), in ASCII."""

_LOOKED_AT: Final = 1_000
"""Texts of which at least one must have the digits of a phone number."""

_LONGEST_LOCAL: Final = 64
_LONGEST_ADDRESS: Final = 254

_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+")
_NUMBER: Final = re.compile(r"[+(]?\d[\d\s().\-/]{5,22}(?:\s*(?:x|ext\.?)\s*\d+)?")


# A batch holds the same contacts again and again; the checks cost about 50 microseconds each.
@lru_cache(maxsize=_CACHED)
def _email(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    except (ValueError, UnicodeError, IndexError):
        # Not promised by the library, seen for odd international domains.
        return False
    return True


@lru_cache(maxsize=_CACHED)
def _phone(text: str, region: str | None) -> bool | None:
    # Numbers copied from right-to-left pages carry invisible direction marks.
    plain = "".join(sign for sign in plain_digits(text) if unicodedata.category(sign) != "Cf")
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    if not region and not plain.startswith("+"):
        is_number = _NUMBER.fullmatch(plain) and 7 <= sum(map(str.isdigit, plain)) <= 15
        return None if is_number else False
    try:
        number = phonenumbers.parse(plain, region.upper() if region else None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(number)
