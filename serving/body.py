"""From the bytes of a request to leads, strictly.

``json.loads`` is generous: it reads UTF-16, keeps the last of two equal names, fails on long
integers. Here a body is UTF-8 JSON; whatever is wrong inside one lead is that lead's own
error, named by field, so that a batch loses one lead and not all.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from scoring_ml.scoring.lead import LISTS
from scoring_ml.texts import Catalogue
from serving.refusals import Refusal

MAX_TEXT: Final = 1_000
"""Longest text that a field in use may hold, in characters; patterns are tried against it.
Long notes in fields that the model does not use do no harm."""

MAX_NAMES: Final = 1_000
"""Most fields of a lead."""

MAX_DIGITS: Final = 300
"""Longest integer, in digits; a longer one is more than a float can hold."""

MAX_FACTS: Final = 1_000
"""Most entries of a lead's activities, and of its stages."""

MAX_WRONG: Final = 100
"""Most wrong entries of one list that are named; whoever sent them knows by then."""


class Repeated(dict[str, Any]):
    """An object in which some names stand more than once.

    Parameters
    ----------
    pairs : list of (str, object)
        Names and values in their order.
    """

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        seen: set[str] = set()
        self.names = tuple(
            dict.fromkeys(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        )


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


def problems(
    lead: Mapping[str, Any],
    *,
    used: Collection[str],
    lang: str,
    lists: Collection[str] = (),
    unread: Collection[str] = (),
) -> dict[str, str]:
    """Return what is wrong with a lead before its fields' types are looked at.

    Parameters
    ----------
    lead : mapping
        As :func:`parse` returned it.
    used : collection of str
        Names of the fields that the champion looks at.
    lang : str
        Language of the messages.
    lists : collection of str
        Of ``activities`` and ``stages``, those from which the champion computes features.
    unread : collection of str
        Those that it accepts and does not look at, so that they may hold anything.

    Returns
    -------
    dict of str to str
        Message by field name, such as ``activities[3].type`` for a part of a list; empty if all
        is well. Messages never quote a value.
    """
    texts = Catalogue.load(lang)
    if len(lead) > MAX_NAMES:
        return {"": texts.text("serving.lead.too_many_fields", most=MAX_NAMES)}
    found: dict[str, str] = {}
    for name, value in lead.items():
        if name in unread:
            continue
        if name in lists and isinstance(value, list):
            found.update(_entry_problems(name, value, texts))
        elif name in LISTS:
            if name not in lists:
                found[name] = texts.text("serving.lead.reserved")
            elif value is not None:
                found[name] = texts.text("serving.lead.no_list")
        elif isinstance(value, (dict, list)):
            found[name] = texts.text("serving.lead.nested")
        elif isinstance(value, str) and len(value) > MAX_TEXT and name in used:
            found[name] = texts.text("serving.lead.too_long", most=MAX_TEXT)
        elif isinstance(value, str) and not _writable(value):
            found[name] = texts.text("serving.lead.not_unicode")
        if not _writable(name):
            found[name] = texts.text("serving.lead.not_unicode")
    if isinstance(lead, Repeated):
        found |= {name: texts.text("serving.lead.repeated") for name in lead.names}
    if "lead_id" in lead and "lead_id" not in found and not _is_id(lead["lead_id"]):
        found["lead_id"] = texts.text("serving.lead.lead_id")
    return found


def _entry_problems(name: str, entries: list[Any], texts: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the entries of a list before their values are looked at."""
    if len(entries) > MAX_FACTS:
        yield name, texts.text("serving.lead.too_many_facts", most=MAX_FACTS)
        return
    wrong = 0
    for place, entry in enumerate(entries):
        for part, problem in _parts(entry):
            yield f"{name}[{place}]{part}", texts.text(f"serving.lead.{problem}", most=MAX_TEXT)
            wrong += 1
        if wrong >= MAX_WRONG:
            return


def _parts(entry: Any) -> Iterator[tuple[str, str]]:
    """Yield which part of an entry is wrong, and the key of what to say about it."""
    if not isinstance(entry, dict):
        yield "", "no_entry"
        return
    if isinstance(entry, Repeated):
        yield from ((f".{key[:200]}", "repeated") for key in entry.names if _writable(key))
    for name, value in entry.items():
        key = name[:200]
        if not _writable(key):
            yield "", "not_unicode"
        elif isinstance(value, str):
            if len(value) > MAX_TEXT:
                yield f".{key}", "too_long"
            elif not _writable(value):
                yield f".{key}", "not_unicode"
        elif isinstance(value, (dict, list)):
            yield f".{key}", "nested"


def _is_id(value: Any) -> bool:
    return value is None or (isinstance(value, (str, int)) and not isinstance(value, bool))


def _writable(text: str) -> bool:
    """Return whether a text is Unicode; JSON can escape half a surrogate pair, which is not."""
    return text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else Repeated(pairs)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float("inf")
