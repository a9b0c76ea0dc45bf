"""The feature catalogue: every feature that is computed, declared once.

A feature has a name, a unit, a criterion, a moment from which it is known, and texts for people.
Features come in families: the points of all members are shown with the family's main column, so
that a person sees one line "Website visits" and not five. :mod:`scoring_ml.features.derived`
computes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scoring_ml.data.schema import Column, History, Schema
from scoring_ml.errors import SchemaError
from scoring_ml.texts import Catalogue

ACTIVITIES: Final = "activities"
STAGES: Final = "stages"
CREATED_AT: Final = "created_at"
FIELDS: Final = "fields"

EMAIL_KINDS: Final = ("company", "free", "disposable", "invalid")
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_SAYS_LITTLE: Final = frozenset({"email_open"})
"""Kinds of which more need not be better: mail programs open mails by themselves."""

_TOUCH_CRITERIA: Final = {"campaign": "campaign", "channel": "source"}


@dataclass(frozen=True)
class Feature:
    """One computed feature.

    Parameters
    ----------
    name : str
        Name of its column.
    key : str
        Its texts stand at ``features.<key>`` in the message catalogues.
    type : {"number", "category"}
    criterion : str
        One of :data:`scoring_ml.data.schema.GROUPS`.
    known : str
        From when on it is known; its sentence stands at ``known_when.<known>``.
    needs : frozenset of str
        Of :data:`ACTIVITIES`, :data:`STAGES`, :data:`CREATED_AT` and :data:`FIELDS`: what it is
        computed from. Without them it is missing.
    unit : str or None
        Its word stands at ``feature_units.<unit>``.
    monotone : {"increasing", "decreasing"} or None
        Direction in which the chance of a win must not fall.
    part_of : str or None
        Main column of its family; ``None`` for the main column itself.
    after_hand_over : bool
        Whether it is known only after sales took the lead over.
    kind : str or None
        Kind of activities that it is about.
    days : float or None
        Its window or half-life.
    field : Column or None
        The field that it is about.
    """

    name: str
    key: str
    type: str
    criterion: str
    known: str
    needs: frozenset[str]
    unit: str | None = None
    monotone: str | None = None
    part_of: str | None = None
    after_hand_over: bool = False
    kind: str | None = None
    days: float | None = None
    field: Column | None = None

    def label(self, texts: Catalogue) -> str:
        """Return its name for people."""
        return self._text("label", texts)

    def what(self, texts: Catalogue) -> str:
        """Return what it is, in a sentence."""
        return self._text("what", texts)

    def when(self, texts: Catalogue) -> str:
        """Return from when on it is known, in a sentence."""
        return texts.text(f"known_when.{self.known}")

    def unit_text(self, texts: Catalogue) -> str | None:
        """Return its unit in words."""
        return None if self.unit is None else texts.text(f"feature_units.{self.unit}")

    def _text(self, part: str, texts: Catalogue) -> str:
        kind = None if self.kind is None else texts.text(f"kinds.{self.kind}")
        field = None if self.field is None else self.field.title
        return texts.text(f"features.{self.key}.{part}", kind=kind, n=self.days, field=field)


def catalogue(history: History, fields: Sequence[Column]) -> tuple[Feature, ...]:
    """Return every feature of a history, the main column of a family first.

    Parameters
    ----------
    history : History
    fields : sequence of Column
        The schema's fields. Derived columns among them are passed over, and those that are not
        used count neither as contact details nor for completeness.
    """
    fields = tuple(field for field in fields if field.use and not field.derived)
    return (
        *_by_kind(history),
        *_by_the_lead(history),
        *_stages(history),
        *_touches(history, fields),
        *_response(history),
        *_contact(fields),
        *_creation(),
        *_completeness(fields),
    )


def feature_columns(history: History, fields: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns that a schema gets for every feature of a history.

    Parameters
    ----------
    history : History
    fields : sequence of Column
        As in :func:`catalogue`.

    Raises
    ------
    SchemaError
        If a field bears the name of a feature.
    """
    english = Catalogue.load()
    features = catalogue(history, fields)
    taken = {field.name for field in fields if not field.derived}
    both = [feature.name for feature in features if feature.name in taken]
    if both:
        raise SchemaError(
            "A field must not bear the name of a computed feature",
            found=f"{len(both)} that do: {', '.join(both[:3])}",
            do="Give the field another name",
        )
    return tuple(
        Column(
            name=feature.name,
            type=feature.type,
            known="before_scoring",
            reason=feature.when(english),
            criterion=feature.criterion,
            monotone=feature.monotone,
            unit=feature.unit_text(english),
            label=feature.label(english),
            derived=True,
            part_of=feature.part_of,
        )
        for feature in features
    )


def schema_features(schema: Schema) -> dict[str, Feature]:
    """Return the features behind a schema's derived columns, by name; none for a flat file."""
    if schema.history is None:
        return {}
    derived = {column.name for column in schema.columns if column.derived}
    return {
        feature.name: feature
        for feature in catalogue(schema.history, schema.columns)
        if feature.name in derived
    }


def feature_label(column: Column, schema: Schema, texts: Catalogue) -> str:
    """Return the name for people of a column, that of a derived one in the reader's language."""
    feature = schema_features(schema).get(column.name) if column.derived else None
    return column.title if feature is None else feature.label(texts)


def windows(history: History) -> tuple[int, ...]:
    """Return the windows in days, each once, the largest first."""
    return tuple(sorted(set(history.windows_days), reverse=True))


def count_name(kind: str, days: int) -> str:
    """Return the name of a kind's count in a window, such as ``web_visit_30d``."""
    return f"{kind}_{days}d"


def recency_name(kind: str) -> str:
    """Return the name of the days since a kind's last activity."""
    return f"days_since_{kind}"


def amount_name(kind: str, days: int) -> str:
    """Return the name of a kind's amounts, added up in a window."""
    return f"{kind}_amount_{days}d"


def email_kind_name(field: str) -> str:
    """Return the name of the kind of address in an e-mail field.

    >>> email_kind_name("email"), email_kind_name("work_mail")
    ('email_kind', 'work_mail_kind')
    """
    return f"{field}_kind"


def _by_kind(history: History) -> list[Feature]:
    features = []
    largest = max(history.windows_days)
    for kind in history.kinds:
        main = count_name(kind, largest)
        up = None if kind in _SAYS_LITTLE else "increasing"
        for days in windows(history):
            features.append(
                Feature(
                    name=count_name(kind, days),
                    key="count",
                    type="number",
                    criterion="engagement",
                    known="activity",
                    needs=frozenset({ACTIVITIES}),
                    monotone=up,
                    part_of=None if days == largest else main,
                    kind=kind,
                    days=days,
                )
            )
        features.append(
            Feature(
                name=recency_name(kind),
                key="days_since",
                type="number",
                criterion="engagement",
                known="activity",
                needs=frozenset({ACTIVITIES}),
                unit="days",
                monotone=None if up is None else "decreasing",
                part_of=main,
                kind=kind,
            )
        )
        if kind in history.amounts:
            features.append(
                Feature(
                    name=amount_name(kind, largest),
                    key="amount",
                    type="number",
                    criterion="engagement",
                    known="activity",
                    needs=frozenset({ACTIVITIES}),
                    monotone=up,
                    part_of=main,
                    kind=kind,
                    days=largest,
                )
            )
    return features


def _by_the_lead(history: History) -> list[Feature]:
    if not history.kinds:
        return []
    largest = max(history.windows_days)

    def feature(
        name: str,
        key: str,
        days: float | None,
        *,
        unit: str | None = None,
        monotone: str = "increasing",
    ) -> Feature:
        return Feature(
            name=name,
            key=key,
            type="number",
            criterion="engagement",
            known="activity",
            needs=frozenset({ACTIVITIES}),
            unit=unit,
            monotone=monotone,
            part_of=None if name == "engagement" else "engagement",
            days=days,
        )

    return [
        feature("engagement", "engagement", history.half_life_days),
        *(feature(count_name("activities", days), "activities", days) for days in windows(history)),
        feature(count_name("activity_kinds", largest), "activity_kinds", largest),
        feature(count_name("active_days", largest), "active_days", largest, unit="days"),
        feature(
            "days_since_activity", "days_since_activity", None, unit="days", monotone="decreasing"
        ),
    ]


def _stages(history: History) -> list[Feature]:
    if not history.stages:
        return []

    def feature(name: str, type_: str, unit: str | None = None) -> Feature:
        return Feature(
            name=name,
            key=name,
            type=type_,
            criterion="other",
            known="stage",
            needs=frozenset({STAGES}),
            unit=unit,
            part_of=None if name == "stage" else "stage",
        )

    return [
        feature("stage", "category"),
        feature("days_in_stage", "number", "days"),
        feature("stage_steps_back", "number"),
    ]


def _touches(history: History, fields: Sequence[Column]) -> list[Feature]:
    features = []
    for touch in history.touches:
        criterion = _TOUCH_CRITERIA[touch]
        main = next((field.name for field in fields if field.criterion == criterion), None)
        first = f"first_touch_{touch}"
        for name in (first, f"last_touch_{touch}"):
            features.append(
                Feature(
                    name=name,
                    key=name,
                    type="category",
                    criterion=criterion,
                    known="activity",
                    needs=frozenset({ACTIVITIES}),
                    part_of=main or (None if name == first else first),
                )
            )
    return features


def _response(history: History) -> list[Feature]:
    if not history.after_hand_over or history.hand_over not in (None, *history.stages):
        return []  # without its stage nothing tells when sales took over
    needs = {ACTIVITIES} if history.hand_over is None else {ACTIVITIES, STAGES}
    main = "hours_to_first_response"

    def feature(name: str, key: str, **more: object) -> Feature:
        return Feature(
            name=name,
            key=key,
            type="number",
            criterion="other",
            known="hand_over",
            needs=frozenset(needs | ({CREATED_AT} if name == main else set())),
            part_of=None if name == main else main,
            after_hand_over=True,
            **more,  # type: ignore[arg-type]
        )

    return [
        feature(main, main, unit="hours"),
        *(
            feature(count_name("sales_activities", days), "sales_activities", days=days)
            for days in windows(history)
        ),
    ]


def _contact(fields: Sequence[Column]) -> list[Feature]:
    return [
        Feature(
            name=email_kind_name(field.name),
            key="email_kind",
            type="category",
            # The family's own criterion, so that its points stand in one place.
            criterion=field.criterion,
            known="contact",
            needs=frozenset({FIELDS}),
            part_of=field.name,
            field=field,
        )
        for field in fields
        if field.type == "email"
    ]


def _creation() -> list[Feature]:
    return [
        Feature(
            name=name,
            key=name,
            type=type_,
            criterion="other",
            known="creation",
            needs=frozenset({CREATED_AT}),
            unit=unit,
        )
        for name, type_, unit in (
            ("created_hour", "number", None),
            ("created_weekday", "category", None),
            ("age_days", "number", "days"),
        )
    ]


def _completeness(fields: Sequence[Column]) -> list[Feature]:
    if not any(field.askable for field in fields):
        return []
    return [
        Feature(
            name="completeness",
            key="completeness",
            type="number",
            criterion="other",
            known="fields",
            needs=frozenset({FIELDS}),
        )
    ]
