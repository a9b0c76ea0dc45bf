"""The feature catalogue: each feature once, with its family, texts and place in a schema."""

from dataclasses import replace
from pathlib import Path

import pytest

from scoring_ml.data.crm.activity_kinds import BY_LEAD, KINDS
from scoring_ml.data.history import History
from scoring_ml.data.schema import GROUPS, Column, Order, Schema, Target
from scoring_ml.errors import SchemaError
from scoring_ml.features.catalogue import (
    catalogue,
    feature_columns,
    schema_features,
)
from scoring_ml.features.catalogue_families import windows
from scoring_ml.features.creation_features import WEEKDAYS
from scoring_ml.features.feature import Feature
from scoring_ml.texts import Catalogue, languages
from tests.derived_facts import EMAIL_KINDS
from tests.pages.features import features_markdown

ROOT = Path(__file__).parents[1]
FULL = History(
    kinds=BY_LEAD,
    stages=("lead", "mql", "sql"),
    windows_days=(7, 90, 30),
    amounts=("web_visit", "trial"),
    touches=("campaign", "channel"),
    hand_over="sql",
    after_hand_over=True,
)
FIELDS = (
    Column("industry", "category", askable=True),
    Column("email", "email", criterion="reachability", label="E-mail"),
)


def names(history: History, fields: tuple[Column, ...] = FIELDS) -> list[str]:
    return [feature.name for feature in catalogue(history, fields)]


def named(history: History, fields: tuple[Column, ...] = FIELDS) -> dict[str, Feature]:
    return {feature.name: feature for feature in catalogue(history, fields)}


def schema(history: History, fields: tuple[Column, ...] = FIELDS) -> Schema:
    return Schema(
        dataset="small",
        target=Target("outcome", ("won",), ("lost",)),
        order=Order("time", "created_at"),
        columns=(*fields, *feature_columns(history, fields)),
        history=history,
    )


def test_a_small_history_gives_these_features() -> None:
    history = History(kinds=("web_visit",), stages=("lead",), amounts=("web_visit",))
    assert names(history) == [
        "web_visit_30d",
        "web_visit_7d",
        "days_since_web_visit",
        "web_visit_amount_30d",
        "engagement",
        "activities_30d",
        "activities_7d",
        "activity_kinds_30d",
        "active_days_30d",
        "days_since_activity",
        "stage",
        "days_in_stage",
        "stage_steps_back",
        "email_kind",
        "created_hour",
        "created_weekday",
        "age_days",
        "completeness",
    ]


def test_without_activities_stages_contacts_and_questions_only_the_creation_is_left() -> None:
    assert names(History(), ()) == ["created_hour", "created_weekday", "age_days"]


def test_no_name_twice_and_the_windows_in_order() -> None:
    every = names(FULL)
    assert len(every) == len(set(every))
    assert windows(replace(FULL, windows_days=(7, 90, 7))) == (90, 7)


def test_a_family_has_one_main_column_and_the_criterion_of_it() -> None:
    found = named(FULL)
    fields = {field.name: field for field in FIELDS}
    for feature in found.values():
        if feature.part_of is None:
            continue
        main = found.get(feature.part_of) or fields[feature.part_of]
        assert main.part_of is None
        assert main.criterion == feature.criterion
        assert main.name != feature.name


def test_the_main_column_of_a_kind_is_its_count_in_the_largest_window() -> None:
    found = named(FULL)
    assert found["web_visit_90d"].part_of is None
    members = {name for name, item in found.items() if item.part_of == "web_visit_90d"}
    assert members == {
        "web_visit_30d",
        "web_visit_7d",
        "days_since_web_visit",
        "web_visit_amount_90d",
    }


def test_more_is_better_except_for_opened_mails() -> None:
    found = named(FULL)
    for kind in BY_LEAD:
        signs = ("increasing", "decreasing") if kind != "email_open" else (None, None)
        assert (found[f"{kind}_7d"].monotone, found[f"days_since_{kind}"].monotone) == signs
    assert all(item.monotone is None for item in found.values() if item.type == "category")


def test_touches_belong_to_the_field_that_tells_the_campaign() -> None:
    fields = (Column("utm", "category", criterion="campaign"),)
    found = named(FULL, fields)
    assert {found[f"{end}_touch_campaign"].part_of for end in ("first", "last")} == {"utm"}
    assert found["first_touch_channel"].part_of is None
    assert found["last_touch_channel"].part_of == "first_touch_channel"
    assert (found["first_touch_campaign"].criterion, found["first_touch_channel"].criterion) == (
        "campaign",
        "source",
    )


@pytest.mark.parametrize(
    ("changes", "there"),
    [
        ({}, True),
        ({"after_hand_over": False}, False),
        ({"hand_over": None}, True),
        ({"hand_over": "proposal"}, False),
        ({"stages": ()}, False),
    ],
)
def test_the_response_of_sales_counts_only_after_a_hand_over_that_can_be_seen(
    changes: dict[str, object], there: bool
) -> None:
    found = named(replace(FULL, **changes))  # type: ignore[arg-type]
    late = {name for name, item in found.items() if item.after_hand_over}
    expected = {"hours_to_first_response"} | {f"sales_activities_{days}d" for days in (7, 30, 90)}
    assert late == (expected if there else set())


def test_what_features_need() -> None:
    found = named(FULL)
    needs = {
        "web_visit_7d": {"activities"},
        "stage": {"stages"},
        "hours_to_first_response": {"activities", "stages", "created_at"},
        "sales_activities_7d": {"activities", "stages"},
        "age_days": {"created_at"},
        "email_kind": {"fields"},
        "completeness": {"fields"},
    }
    assert {name: set(found[name].needs) for name in needs} == needs
    no_stage = named(replace(FULL, hand_over=None))
    assert no_stage["sales_activities_7d"].needs == {"activities"}


def test_fields_that_are_not_used_give_no_features() -> None:
    fields = tuple(replace(field, use=False) for field in FIELDS)
    assert not {"email_kind", "completeness"} & set(names(FULL, fields))


def test_columns_are_features_and_known_before_scoring() -> None:
    columns = {column.name: column for column in feature_columns(FULL, FIELDS)}
    assert list(columns) == names(FULL)
    assert all(c.is_feature and c.use and c.known == "before_scoring" for c in columns.values())
    assert all(c.criterion in GROUPS and c.reason and c.label for c in columns.values())
    assert columns["web_visit_30d"].label == "Website visits in the last 30 days"
    assert columns["days_since_web_visit"].unit == "days"
    assert columns["email_kind"].label == "E-mail: kind of address"
    assert columns["engagement"].reason.startswith("As soon as the activities are recorded")


@pytest.mark.parametrize("name", ["engagement", "stage", "web_visit_30d", "age_days"])
def test_a_field_must_not_bear_the_name_of_a_feature(name: str) -> None:
    with pytest.raises(SchemaError, match=f"name of a computed feature. Found: 1 that do: {name}"):
        feature_columns(FULL, (*FIELDS, Column(name, "number")))


def test_columns_come_through_a_schema_file_unchanged() -> None:
    small = schema(FULL)
    again = Schema.read(small.dump())
    assert again.columns == small.columns
    assert again.history == small.history
    assert list(schema_features(again)) == names(FULL)


def test_the_features_of_a_schema_give_no_new_features() -> None:
    small = schema(FULL)
    assert catalogue(FULL, small.columns) == catalogue(FULL, FIELDS)
    assert schema_features(replace(small, history=None)) == {}


def test_every_feature_has_its_texts_in_every_language() -> None:
    for lang in languages():
        texts = Catalogue.load(lang)
        for feature in catalogue(replace(FULL, kinds=KINDS), FIELDS):
            assert feature.label(texts)
            assert feature.what(texts)[-1] in ".。"
            assert feature.when(texts)
        values = {
            f"feature_values.{key}.{word}"
            for key, words in (("email_kind", EMAIL_KINDS), ("created_weekday", WEEKDAYS))
            for word in words
        }
        assert values <= set(texts.keys)


def test_labels_of_features_tell_them_apart() -> None:
    texts = Catalogue.load()
    labels = [feature.label(texts) for feature in catalogue(FULL, FIELDS)]
    assert len(labels) == len(set(labels))


def test_the_label_of_a_feature_in_the_readers_language(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "x.yaml").write_text(
        "features: {stage: {label: 'Etappe'}}", encoding="utf-8"
    )
    texts = Catalogue.load("en", folder=tmp_path)
    assert schema_features(schema(FULL))["stage"].label(texts) == "Etappe"


def test_the_page_of_the_documentation_is_the_catalogue() -> None:
    page = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    assert page == features_markdown(), (
        "Write tests.pages.features.features_markdown() to docs/features.md"
    )
