"""A finding about a column, as a schema keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from scoring_ml.data.section import Section
from scoring_ml.data.section_values import Number, OneOf, Word

GRADES: Final = ("refuse", "ask", "note")
"""Grades of the leak audit, worst first."""


@dataclass(frozen=True)
class Suspicion(Section):
    """One finding of the leak audit about one column.

    Parameters
    ----------
    grade : {"refuse", "ask", "note"}
        How bad it is.
    probe : str
        Name of the probe, such as ``single_field_auc``.
    value : float
        The number behind the finding, in the probe's own unit.
    text : str
        The finding in a sentence, with the number.
    """

    grade: Annotated[str, OneOf(GRADES)]
    probe: Word = ""
    value: Number = float("nan")
    text: Word = ""

    WHOLE: ClassVar = True
