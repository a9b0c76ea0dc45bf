"""Limits of what one lead of a request may hold, and the check of a single value against them.

The same limits hold in the service and for a lead that is scored in process.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any, Final

from scoring_ml.data.values.invalid import InvalidValue

MAX_FIELDS: Final = 1_000
"""Most fields of a lead."""

MAX_TEXT: Final = 1_000
"""Longest text that a field in use or an entry may hold, in characters; patterns are tried
against it. Long notes in fields that the model does not use do no harm."""

MAX_FACTS: Final = 1_000
"""Most entries of a lead's activities, and of its stages."""

MAX_WRONG: Final = 100
"""Most wrong parts of one list that are named; whoever sent them knows by then."""

MAX_NAME: Final = 200
"""Most characters of an unknown name that are looked at, and named."""

MAX_ID: Final = 200
"""Longest ``lead_id`` of an answer, in characters; a longer one is cut."""


class RepeatedNames(dict[str, Any]):
    """A JSON object in which some names stood more than once; it holds the last value of each.

    >>> RepeatedNames([("a", 1), ("b", 2), ("a", 3)]).names
    ('a',)
    """

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counts = Counter(name for name, _ in pairs)
        self.names = tuple(name for name, count in counts.items() if count > 1)


def check_value(raw: Any, *, several: bool = False) -> None:
    """Check that a value is a single one, and that a text is Unicode and not too long.

    Parameters
    ----------
    several : bool
        Whether it may be a list of such values, of at most :data:`MAX_FACTS`.

    Raises
    ------
    InvalidValue
    """
    if several and isinstance(raw, list) and len(raw) <= MAX_FACTS:
        for item in raw:
            check_value(item)
    elif isinstance(raw, str):
        if len(raw) > MAX_TEXT:
            raise InvalidValue("too_long", most=MAX_TEXT)
        check_unicode(raw)
    elif not (raw is None or isinstance(raw, (bool, int, float, date))):
        raise InvalidValue("nested")


def check_unicode(text: str) -> None:
    """Check that a text is Unicode; JSON can escape half a surrogate pair, which is not.

    Raises
    ------
    InvalidValue
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidValue("not_unicode") from None  # its own words would quote the text
