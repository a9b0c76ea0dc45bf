"""Made-up contact details in place of real ones: of the same validity, so that scores are the same.

Rows that are encoded again and again are judged once, and what is kept of a lead reaches nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.schema import Column
from scoring_ml.features.criteria import contact_valid

VALIDITY_WORDS: Final = {True: "valid", False: "invalid", None: "unjudged"}
"""Words for what :func:`~scoring_ml.features.criteria.contact_valid` tells."""

_MADE_UP: Final = {
    ("email", "valid"): "somebody@example.com",
    ("email", "invalid"): "nobody",
    ("phone", "valid"): "+12025550123",
    ("phone", "invalid"): "0",
    ("phone", "unjudged"): "202 555 0123",
}


def stand_ins(column: Column, words: Iterable[Any]) -> NDArray[Any]:
    """Return a made-up contact detail for each word of validity; None for anything else."""
    return np.array([_MADE_UP.get((column.type, word)) for word in words], dtype=object)


def without_contacts(frame: pd.DataFrame, columns: Iterable[Column]) -> pd.DataFrame:
    """Return typed rows with a made-up contact detail for each real one, judged once a value."""
    made_up = {}
    for column in columns:
        if column.type in ("email", "phone") and column.name in frame:
            codes, distinct = pd.factorize(frame[column.name].to_numpy(), use_na_sentinel=True)
            words = [VALIDITY_WORDS[contact_valid(text, column)] for text in distinct]
            found = stand_ins(column, [*words, None])[codes]
            made_up[column.name] = pd.Series(found, frame.index, object)
    return frame.assign(**made_up)
