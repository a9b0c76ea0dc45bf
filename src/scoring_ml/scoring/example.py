"""A made-up lead that can be posted as it is."""

from __future__ import annotations

from typing import Any, Final

from scoring_ml.features.encoder import Encoder
from scoring_ml.scoring.lead import LEAD_ID, alias
from scoring_ml.scoring.reference import Reference

_OF_TYPE: Final = {
    "email": "somebody@company.example",
    "phone": "+442079460000",
    "date": "2026-01-15T09:30:00Z",
    "boolean": True,
}


def example_lead(encoder: Encoder, reference: Reference) -> dict[str, Any]:
    """Make up a lead from likely answers; no row of the data is copied.

    Parameters
    ----------
    encoder : Encoder
    reference : Reference

    Returns
    -------
    dict
        Names as in a request, JSON-ready values; fields never filled in training are left out.
    """
    example: dict[str, Any] = {LEAD_ID: "example-1"}
    for column in encoder.schema.used:
        answers = reference.fields[column.name].answers
        if column.type in _OF_TYPE:
            example[alias(column.name)] = _OF_TYPE[column.type]
        elif answers:
            likely = 0 if column.type == "category" else len(answers) // 2
            example[alias(column.name)] = answers[likely]
    return example
