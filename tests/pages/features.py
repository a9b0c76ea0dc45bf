"""The feature catalogue as a page of the documentation."""

from __future__ import annotations

from typing import Final

from scoring_ml.data.crm.activity_kinds import BY_LEAD, KINDS
from scoring_ml.data.history import History
from scoring_ml.data.schema import Column
from scoring_ml.features.catalogue import catalogue
from scoring_ml.features.feature import Feature
from scoring_ml.texts import Catalogue

_KIND: Final = "web_visit"

_EXAMPLE: Final = History(
    kinds=(_KIND,),
    stages=("lead", "mql", "sql"),
    amounts=(_KIND,),
    touches=("campaign", "channel"),
    hand_over="sql",
    after_hand_over=True,
)

_FIELDS: Final = (Column("email", "email", criterion="reachability", label="E-mail", askable=True),)

_HEAD: Final = """\
# The feature catalogue

Every feature that is computed from a CRM export, or from the activities and stages that a request
carries. Fields of your own (industry, budget and so on) stand in `crm.yaml` and are not listed
here. Generated from `scoring_ml.features.catalogue`; a test holds this page equal to it.

A fact counts if it was recorded and had happened strictly before the moment of scoring; a window
of 30 days ends at that moment and holds its first moment. *Part of* names the line under which a
feature's points are shown. *Direction* says where the chance of a win must not fall: as the
number rises, or as it falls. What a feature needs and a request does not carry makes it missing,
not zero.

The table shows the features of one kind of activities, website visits, with the default windows of
7 and 30 days. Every kind that occurs in your data has the same, and so has every e-mail field.
Features of our own activities exist only where leads are scored after the hand-over.
"""


def features_markdown() -> str:
    """Return the page ``docs/features.md``."""
    english = Catalogue.load()
    rows = [_row(feature, english) for feature in catalogue(_EXAMPLE, _FIELDS)]
    lines = [
        _HEAD,
        "| feature | what it is | unit | criterion | part of | direction | needs | known |",
        "|---|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        "## Kinds of activities",
        "",
        "| kind | what it is | done by |",
        "|---|---|---|",
        *(
            f"| `{kind}` | {english.text(f'kinds.{kind}')} | "
            f"{'the lead' if kind in BY_LEAD else 'us'} |"
            for kind in KINDS
        ),
        "",
    ]
    return "\n".join(lines)


def _row(feature: Feature, texts: Catalogue) -> tuple[str, ...]:
    direction = {"increasing": "rising", "decreasing": "falling", None: ""}[feature.monotone]
    needs = ", ".join(f"`{name}`" for name in sorted(feature.needs))
    return (
        f"`{feature.name}`",
        feature.what(texts),
        feature.unit_text(texts) or ("word" if feature.type == "category" else ""),
        texts.text(f"criteria.{feature.criterion}"),
        f"`{feature.part_of}`" if feature.part_of else "",
        direction,
        needs,
        feature.when(texts),
    )
