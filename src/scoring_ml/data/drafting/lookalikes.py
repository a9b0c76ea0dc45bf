"""Cells that look like dates, spans of time or numbers, and that no reader takes for such."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from scoring_ml.data.drafting.look import ColumnLook, reading
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.data.values.vocabulary import pattern
from scoring_ml.data.yaml_file import packaged

_LEAST: Final = 0.6
_LOOKED_AT: Final = 1_000
_FEW: Final = 12
"""Up to so many different values are words well enough."""


def lookalikes(look: ColumnLook) -> Iterator[Suspicion]:
    """Tell of words that look like something else, and ask about many of them."""
    counts = dict(islice(look.counts.items(), _LOOKED_AT))
    if any(re.fullmatch(r"0\d+", text) for text in counts):
        return  # codes, such as postal ones
    for kind, forms in packaged("scoring_ml.data.drafting", "names.yaml")["looks"].items():
        alike = [text for text in counts if any(re.fullmatch(form, text) for form in forms)]
        share = sum(counts[text] for text in alike) / sum(counts.values())
        if share >= _LEAST and len(alike) > 1:
            line, shown = look.line(alike[0]), pattern(alike[0])
            params = {"name": look.name, "kind": kind, "shown": shown, "line": line}
            grade = "ask" if len(alike) > _FEW else "note"
            yield reading("looks", share, grade, share=math.floor(100 * share), **params)
            return
