"""Choice of a language by what a client asks for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from scoring_ml.texts.catalogue import ENGLISH, languages


def negotiate(accept_language: str | None, *, folder: Path | None = None) -> str:
    """Return the language that suits an ``Accept-Language`` header best (RFC 9110, 12.5.4).

    What cannot be read in it is passed over; it is English where nothing suits. ``folder`` is as in
    :meth:`scoring_ml.texts.Catalogue.load`.

    >>> negotiate("de-DE, en;q=0.5"), negotiate(None), negotiate("*")
    ('en', 'en', 'en')
    """
    known = languages(folder=folder)
    wishes: list[tuple[float, int, str]] = []
    for position, item in enumerate((accept_language or "")[:1000].split(",")):
        found = _WISH.fullmatch(item.strip().casefold())
        if found is None:
            continue
        tag, weight = found[1], float(found[2] or 1.0)
        lang = ENGLISH if tag == "*" else tag.split("-")[0]
        if weight > 0 and lang in known:
            wishes.append((-weight, position, lang))
    return min(wishes)[2] if wishes else ENGLISH


_WISH: Final = re.compile(
    r"([a-z]{1,8}(?:-[a-z0-9]{1,8})*|\*)(?:\s*;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?"
)
