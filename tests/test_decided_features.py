"""What crm.yaml decides about computed features: left out, or used for a written reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.train import refuse
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.facts import Export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.schema import Schema
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.errors import SchemaError, TrainingRefused
from scoring_ml.evaluation.audit.leak_audit import Finding
from scoring_ml.features.crm_snapshot import build_crm_snapshot, crm_schema
from scoring_ml.features.outcomes import find_outcomes
from tests.small_export import CRM_YAML, write_small_export

REASON = "the hour of creation was checked by hand: forms are handled around the clock"
VISITS = "web_visit_30d"


def decided(**features: Any) -> CrmMapping:
    content = yaml.safe_load(CRM_YAML)
    return CrmMapping.read(content | {"features": features})


@pytest.fixture(autouse=True)
def few_leads_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring_ml.features.crm_snapshot.FEW_LEADS", 1)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    folder = write_small_export(tmp_path_factory.mktemp("small"))
    found, _ = read_export(folder, CrmMapping.load(folder / "crm.yaml"))
    return found


def test_nothing_is_decided_unless_it_is_said() -> None:
    mapping = decided()
    assert (mapping.features.without, mapping.features.allow) == ((), {})
    assert "without" not in mapping.yaml()
    assert "allow" not in mapping.yaml()


def test_writing_undoes_reading() -> None:
    mapping = decided(without=["created_hour", VISITS], allow={"stage": REASON})
    assert mapping.features.without == ("created_hour", VISITS)
    assert mapping.features.allow == {"stage": REASON}
    assert CrmMapping.read(yaml.safe_load(mapping.yaml())) == mapping


@pytest.mark.parametrize(
    ("allow", "message"),
    [
        (["stage"], "features.allow must be a mapping of names to values. Found: list"),
        ({"stage": None}, "features.allow.stage must hold a written reason"),
        ({"stage": True}, "features.allow.stage must hold a written reason"),
        ({"stage": " "}, "features.allow.stage must hold a written reason"),
    ],
)
def test_a_reason_has_to_be_written(allow: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        decided(allow=allow)


@pytest.mark.parametrize(
    ("features", "found"),
    [
        ({"without": ["web_visits_30d"]}, "Found: web_visits_30d. Write web_visit_30d"),
        ({"allow": {"create_hour": REASON}}, "Found: create_hour. Write created_hour"),
        # A field is decided where it is described.
        ({"without": ["industry"]}, "must name computed features. Found: industry"),
        ({"without": ["zzzzzz"]}, r"Found: zzzzzz. See docs/features.md"),
    ],
)
def test_only_computed_features_are_decided(
    export: Export, features: dict[str, Any], found: str
) -> None:
    mapping = decided(**features)
    with pytest.raises(SchemaError, match=found):
        crm_schema(export, mapping, find_outcomes(export, mapping))


def test_a_feature_left_out_is_seen_by_no_model(export: Export) -> None:
    _, everything, _ = build_crm_snapshot(export, decided())
    mapping = decided(without=[VISITS, "stage"])
    snapshot, schema, _ = build_crm_snapshot(export, mapping)
    used, all_used = ({c.name for c in s.used} for s in (schema, everything))
    assert all_used - used == {VISITS, "stage"}
    # It is still computed, so that the audit and the checks can look at it.
    assert {VISITS, "stage"} <= set(snapshot.frame)
    assert Schema.read(schema.dump()) == schema


def told(grade: str, *names: str) -> tuple[Finding, ...]:
    return tuple(
        Finding(name, Suspicion(grade, "gain", 0.4, f"tells much: {grade}")) for name in names
    )


def test_what_the_audit_refuses_stops_training_unless_it_is_decided(export: Export) -> None:
    findings = told("refuse", VISITS, "stage")
    folder = Path("crm")
    plain = decided()
    outcomes = find_outcomes(export, plain)
    with pytest.raises(TrainingRefused, match=f"{VISITS}: tells much.*stage: tells much"):
        refuse(findings, crm_schema(export, plain, outcomes), folder)
    for half in (decided(without=[VISITS]), decided(allow={VISITS: REASON})):
        with pytest.raises(TrainingRefused, match=r"1 column\(s\) of grade refuse: stage"):
            refuse(findings, crm_schema(export, half, outcomes), folder)
    both = decided(without=[VISITS], allow={"stage": REASON})
    schema = crm_schema(export, both, outcomes)
    refuse(findings, schema, folder)
    assert schema["stage"].allow == REASON
    assert schema["stage"].use
    assert replace(schema["stage"], allow=None) == crm_schema(export, plain, outcomes)["stage"]
