"""Write the JSON Schemas of ``docs/schemas``: ``python -m tests.write_schemas``."""

from __future__ import annotations

from pathlib import Path

from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.schema import Schema
from scoring_ml.data.section import Section
from scoring_ml.estimators.model_settings import BoostedSettings, ScorecardSettings
from scoring_ml.features.criteria import Matrix
from scoring_ml.scoring.policy_settings import PolicySettings

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "schemas"
SECTIONS: dict[str, type[Section]] = {
    "schema": Schema,
    "crm": CrmMapping,
    "matrix": Matrix,
    "policy": PolicySettings,
    "boosted": BoostedSettings,
    "scorecard": ScorecardSettings,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, section in SECTIONS.items():
        (FOLDER / f"{name}.json").write_text(section.json_schema(), encoding="utf-8")
