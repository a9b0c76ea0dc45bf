"""The body of a request, read strictly as JSON.

``json.loads`` is generous: it reads UTF-16, keeps the last of two equal names, fails on long
integers. Here a body is UTF-8 JSON; a name that stands twice is kept for the lead's own check to
refuse, so that a batch loses one lead and not all.
"""

from __future__ import annotations

import json
from typing import Any, Final

from scoring_ml.data.values.limits import RepeatedNames
from serving.refusals import Refusal

MAX_DIGITS: Final = 300
"""Longest integer, in digits; a longer one is more than a float can hold."""


def parse(body: bytes) -> Any:
    """Read a JSON document.

    ``NaN``, ``Infinity`` and numbers beyond a float become floats that are not finite, which
    the lead's own check refuses by name.

    Raises
    ------
    Refusal
        ``not_json`` if the bytes are not UTF-8 or not JSON, or are nested too deeply.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal("not_json", "utf8") from None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except RecursionError:
        raise Refusal("not_json", "deep") from None
    except ValueError:
        raise Refusal("not_json", "syntax") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else RepeatedNames(pairs)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float("inf")
