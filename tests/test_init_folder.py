"""From a folder to a first crm.yaml: what is drafted gives what the examples give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.init_folder import init_folder
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.mapping import load_mapping
from scoring_ml.features.crm_snapshot import build_crm_snapshot
from tests.crm_worlds import EXPORTS, world, write_export

EXAMPLES = Path(__file__).parents[1] / "models" / "examples"
each = pytest.mark.parametrize("name", EXPORTS)


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Every CRM's export of the same leads; not to be changed."""
    root = tmp_path_factory.mktemp("exports")
    return {name: write_export(name, root / name) for name in EXPORTS}


def labels(folder: Path, mapping: Path) -> dict[str, float]:
    """Label of each lead at each age."""
    meaning = load_mapping(mapping)
    export, report = read_export(folder, meaning)
    assert report.broken == ()
    snapshot, _, _ = build_crm_snapshot(export, meaning)
    keys = zip(snapshot.ids, np.nan_to_num(snapshot.age_days, nan=-1.0), strict=True)
    return dict(zip(keys, np.nan_to_num(snapshot.label, nan=-1.0).tolist(), strict=True))


@each
def test_the_example_labels_the_leads_right(exports, name):
    found = labels(exports[name], EXAMPLES / name / "crm.yaml")
    truth = {lead.number: lead for lead in world()}
    decided = {key: label for key, label in found.items() if label >= 0 and key[1] == 1.0}
    assert len(decided) > 250
    for (lead_id, _), label in decided.items():
        lead = truth[int("".join(filter(str.isdigit, lead_id))[-4:])]
        assert (label == 1.0) == (lead.outcome == "won"), lead_id


@each
def test_the_draft_gives_the_labels_of_the_example(exports, name, tmp_path):
    out = tmp_path / "crm.yaml"
    result = init_folder(exports[name], out=out)
    assert result.broken == ""
    assert labels(exports[name], out) == labels(exports[name], EXAMPLES / name / "crm.yaml")
