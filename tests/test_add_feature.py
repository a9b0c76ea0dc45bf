"""A new activity feature is a declaration, a function and three texts, and then goes everywhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from scoring_ml.data.values.moments import DAY
from scoring_ml.features import activity_features, catalogue
from scoring_ml.features.feature import ACTIVITIES, Feature
from scoring_ml.texts import catalogue as texts
from tests.derived_facts import HOUR, NOW, activities_of, one, schema_of
from tests.small_crm import crm_schema, make_crm, request

NAME = "busiest_day_30d"
LABELS = {
    "en": "Most activities on one day",
    "fa": "بیشترین فعالیت در یک روز",
    "ru": "Больше всего действий за день",
}


def busiest_day(done, feature):
    most = np.zeros(len(done.as_of))
    days, counts = np.unique(
        np.column_stack([done.lead, done.occurred_at // DAY]), axis=0, return_counts=True
    )
    np.maximum.at(most, days[:, 0], counts)
    return most


@pytest.fixture
def added(monkeypatch, tmp_path):
    """Do what docs/architecture.md tells under "How to add an activity feature"."""
    declared = catalogue.by_the_lead

    def by_the_lead(history):
        return [
            *declared(history),
            Feature(
                name=NAME,
                key="busiest_day",
                type="number",
                criterion="engagement",
                known="activity",
                needs=frozenset({ACTIVITIES}),
                monotone="increasing",
                part_of="engagement",
                days=30,
            ),
        ]

    monkeypatch.setattr(catalogue, "by_the_lead", by_the_lead)
    monkeypatch.setitem(activity_features.IN_WINDOW, "busiest_day", busiest_day)
    folder = tmp_path / "texts"
    shutil.copytree(Path(texts.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py"))
    for lang, label in LABELS.items():
        path = folder / lang / "features.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        content["features"]["busiest_day"] = {"label": label, "what": label}
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    monkeypatch.setattr(texts, "_FOLDER", folder)


def test_it_is_computed_as_declared(added):
    acts = activities_of(
        {"kind": "web_visit", "at": NOW - 2 * DAY},
        {"kind": "download", "at": NOW - 2 * DAY + HOUR},
        {"kind": "web_visit", "at": NOW - 5 * DAY},
        # Outside the window, and not yet known.
        *({"kind": "web_visit", "at": NOW - 31 * DAY} for _ in range(3)),
        *({"kind": "web_visit", "at": NOW - 5 * DAY, "known": NOW} for _ in range(3)),
    )
    assert one(acts, schema=schema_of())[NAME] == 2.0
    assert one(activities_of(), schema=schema_of())[NAME] == 0.0
    assert np.isnan(one(None, schema=schema_of())[NAME])


def test_models_see_it_and_one_lead_equals_its_row_of_a_batch(added):
    crm = make_crm(crm_schema(), leads=200, kinds=("scorecard",))
    scorer = crm.scorers["scorecard"]
    assert NAME in {column.column for column in scorer.encoder.columns}
    rows = np.arange(0, 200, 20)
    frame = crm.frame.iloc[rows].reset_index(drop=True)
    batch = scorer.score_frame(frame, crm.as_of[rows].astype("datetime64[us]"), explain=True)
    for place, row in enumerate(rows):
        answer = scorer.explain(request(crm, row), as_of=crm.moment(row))
        assert answer["probability"] == batch["probability"].iloc[place]
        points = {item["field"]: item["points"] for item in answer["contributions"]}
        assert points["engagement"] == batch["points/engagement"].iloc[place]


@pytest.mark.parametrize("lang", LABELS)
def test_it_has_a_name_in_every_language(added, lang):
    features = catalogue.schema_features(crm_schema())
    assert features[NAME].label(texts.Catalogue.load(lang)) == LABELS[lang]
