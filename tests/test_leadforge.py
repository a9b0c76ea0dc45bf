"""A CRM that nobody here wrote comes in through the same door: the package leadforge."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from pipelines.check import check_data
from pipelines.init import init_schema
from pipelines.init_folder import init_folder
from pipelines.inputs import Files, open_data
from pipelines.progress import ProgressBar
from pipelines.train import refuse
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.values.moments import DAY
from scoring_ml.errors import TrainingRefused
from scoring_ml.evaluation.comparison import compare
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.outcomes import default_horizon
from scoring_ml.features.snapshot import Snapshot

leadforge = pytest.importorskip("leadforge.api", reason="leadforge is a dependency of the tests")

EXAMPLE = Path(__file__).parents[1] / "models" / "examples" / "leadforge" / "crm.yaml"
TRAPS = ("current_stage", "is_sql", "converted_within_90_days", "conversion_timestamp")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The relational bundle with its traps, as the package writes it."""
    folder = tmp_path_factory.mktemp("leadforge")
    generator = leadforge.Generator.from_recipe(
        "b2b_saas_procurement_v1", seed=7, exposure_mode="research_instructor"
    )
    generator.generate(n_leads=3_000, n_accounts=900, n_contacts=2_500).save(str(folder))
    return folder


@pytest.fixture(scope="module")
def tables(bundle):
    """Its tables beside the example mapping."""
    shutil.copy(EXAMPLE, bundle / "tables" / "crm.yaml")
    return bundle / "tables"


@pytest.fixture(scope="module")
def opened(tables):
    return open_data(tables, Files(), ProgressBar("test"))


def test_every_row_of_every_table_has_a_fate(tables, opened):
    report = opened.report
    assert report.exit_code == 0
    counted = {item.name: item for item in report.tables}
    mapping = CrmMapping.load(tables / "crm.yaml")
    for name, sources in mapping.tables.items():
        written = sum(len(pd.read_parquet(tables / source.file)) for source in sources)
        assert counted[name].read == written, name
    assert counted["leads"].used == 3_000


def test_the_labels_are_the_bundles_own_wins(tables, opened):
    """Won within 90 days of creation, by the package's own column, as seen 30 days after it."""
    leads = pd.read_parquet(tables / "leads.parquet").set_index("lead_id")
    head: Snapshot = opened.headline
    final = ~np.isnan(head.label)
    own = leads.loc[head.ids[final], "converted_within_90_days"].astype(float).to_numpy()
    assert final.sum() > 2_000
    # A day without a time is known at its end, so a win of the last hours may fall outside.
    assert np.mean(own == head.label[final]) > 0.99
    assert np.all(own[head.label[final] == 1.0] == 1.0)


def test_the_draft_of_the_folder_gives_the_labels_of_the_example(tables, opened, tmp_path):
    result = init_folder(tables, out=tmp_path / "crm.yaml")
    assert result.draft.system == "leadforge"
    drafted = open_data(tables, Files(mapping=tmp_path / "crm.yaml"), ProgressBar("test"))
    assert np.array_equal(drafted.snapshot.ids, opened.snapshot.ids)
    assert np.array_equal(drafted.snapshot.label, opened.snapshot.label, equal_nan=True)


def test_the_matrix_of_the_example_fits_it(opened):
    matrix = Matrix.load(EXAMPLE.with_name("matrix.yaml"), opened.schema)
    assert len(matrix.mapped) == 5


def test_the_audit_finds_the_planted_traps_and_nothing_honest(opened):
    bad = {item.column for item in opened.findings if item.grade in ("refuse", "ask")}
    assert bad == set(TRAPS)


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_that_somebody_believes_stops_the_training(tables, tmp_path, trap):
    """Declared as set at creation by mistake, the audit still sees what it is."""
    folder = tmp_path / "tables"
    shutil.copytree(tables, folder)
    content = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    content["fields"][trap]["known"] = "set_at_creation"
    (folder / "crm.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    found = open_data(folder, Files(), ProgressBar("test"))
    with pytest.raises(TrainingRefused, match=trap):
        refuse(found.findings, found.schema, folder)
    if trap == "is_sql":  # the least of them
        assert check_data(folder).exit_code == 2


def test_the_flat_door_finds_two_of_the_three_traps_that_the_bundle_flags(bundle, tmp_path):
    """Of ``current_stage``, ``is_sql`` and ``total_touches_all``, ``init`` flags the first two.

    ``total_touches_all`` counts touches of all 90 days where the file's other counts end after 30.
    A flat file has one value a lead and no moment of it, so that only a value that tells the
    outcome too well can give a trap away. This one reaches an AUC of 0.55, less than many an honest
    field, and no value of it is all won or all lost.
    """
    told = pd.read_csv(bundle / "feature_dictionary.csv")
    risky = set(told.loc[told["leakage_risk"].astype(str) == "True", "name"])
    assert risky == {"current_stage", "is_sql", "total_touches_all"}
    tasks = bundle / "tasks" / "converted_within_90_days"
    parts = [pd.read_parquet(tasks / f"{name}.parquet") for name in ("train", "valid", "test")]
    table = pd.concat(parts).sort_values("lead_created_at")
    table.to_csv(tmp_path / "leads.csv", index=False)
    result = init_schema(
        tmp_path / "leads.csv",
        target="converted_within_90_days",
        out=tmp_path / "schema.yaml",
    )
    # Honest, and asked about: the size of an opportunity is filled for more of the won leads, and
    # a count of work may count on until the end.
    honest = {"opportunity_estimated_acv", "activity_count"}
    assert set(result.overview.flagged()) == {"current_stage", "is_sql"} | honest
    won = table["converted_within_90_days"].astype(int)
    touches = table["total_touches_all"].astype(float).fillna(0.0)
    assert 0.5 < roc_auc_score(won, touches) < 0.6


def test_the_horizon_that_is_found_is_the_bundles_own(opened, tables):
    leads = pd.read_parquet(tables / "leads.parquet")
    created = pd.to_datetime(leads["lead_created_at"]).to_numpy().astype("M8[us]").astype(np.int64)
    won = pd.to_datetime(leads["conversion_timestamp"])
    won_at = np.where(won.isna(), np.iinfo(np.int64).max, won.fillna(pd.Timestamp(0)).to_numpy()
                      .astype("M8[us]").astype(np.int64))  # fmt: skip
    end = int(created.max()) + 90 * DAY
    assert default_horizon(created, won_at, end) == 90.0


def test_training_is_ordered_by_time_and_says_that_the_export_is_short(opened):
    trained = compare(opened.snapshot, opened.schema, opened.matrix, replicates=20)
    windows, as_of = trained.windows, opened.snapshot.as_of
    for origin in windows.origins:
        assert as_of[origin.fit].max() < as_of[origin.predicted].min()
    assert any("less than it takes until an outcome is known" in text for text in trained.warnings)
    best = max(item.metrics["roc_auc"].value for item in trained.candidates)
    assert 0.55 < best < 0.85, "neither nothing nor a leak"
