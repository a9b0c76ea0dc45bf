"""A new estimator is a module, a line in the ladder and a name, and then goes everywhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from sklearn.linear_model import LogisticRegression

from scoring_ml.errors import IntegrityError
from scoring_ml.estimators import ladder
from scoring_ml.estimators.matrix import MatrixEstimator
from scoring_ml.estimators.protocol import FIELD_ROLES, Estimator
from scoring_ml.evaluation.comparison import compare
from scoring_ml.scoring.saving import load_scorer, save_scorer
from scoring_ml.settings import Home
from scoring_ml.texts import catalogue as texts
from scoring_ml.tracking import DatasetFacts, Store, log_training, logged_candidates
from tests.estimator_checks import CHECKS


class Plain(Estimator):
    """Plain logistic regression on standardised fields: the module that is added."""

    kind = "plain"
    colour = "#009e73"
    roles = FIELD_ROLES
    min_outcomes = 100

    def __init__(self, columns):
        super().__init__(columns)
        self.weights_ = None

    def params(self, matrix):
        return {"strength": 0.5}

    def dump(self):
        return {"weights": self.weights_.tolist(), "mean": self.mean_.tolist(), "base": self.base_}

    @classmethod
    def restore(cls, content, columns):
        made = cls(columns)
        made.weights_, made.mean_ = np.array(content["weights"]), np.array(content["mean"])
        made.base_ = content["base"]
        return made

    def _learn(self, rows):
        X = rows.X[:, self.seen]
        # The mean of what is known stands for what is not; an empty column for nothing.
        counts = np.maximum((~np.isnan(X)).sum(axis=0), 1)
        self.mean_ = np.nansum(X, axis=0) / counts
        X = np.where(np.isnan(X), 0.0, X - self.mean_)
        spread = np.maximum(X.std(axis=0), 1e-9)
        model = LogisticRegression(C=0.5, tol=1e-8, max_iter=1_000)
        model.fit(X / spread, rows.y, sample_weight=rows.weight)
        self.weights_, self.base_ = model.coef_[0] / spread, float(model.intercept_[0])

    def _contributions(self, X):
        values = np.zeros((len(X), len(self.columns)))
        seen = X[:, self.seen]
        values[:, self.seen] = np.where(np.isnan(seen), 0.0, seen - self.mean_) * self.weights_
        return values, self.base_

    @property
    def _fitted(self):
        return self.weights_ is not None


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """Do what docs/architecture.md tells under "How to add an estimator"."""
    folder = tmp_path_factory.mktemp("added") / "texts"
    shutil.copytree(Path(texts.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py"))
    names = yaml.safe_load((folder / "kinds.yaml").read_text(encoding="utf-8"))
    names["verdict"]["kinds"]["plain"] = {
        "en": "the plain regression",
        "fa": "رگرسیون ساده",
        "ru": "простая регрессия",
    }
    (folder / "kinds.yaml").write_text(yaml.safe_dump(names, allow_unicode=True), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ladder, "LADDER", (MatrixEstimator, Plain))
        patch.setattr(texts, "_FOLDER", folder)
        yield


@pytest.fixture(scope="module")
def trained(added, world):
    return compare(world.snapshot, world.schema, world.matrix, replicates=5)


@pytest.fixture(scope="module")
def logged(trained, tmp_path_factory):
    store = Store(Home(tmp_path_factory.mktemp("home")).ensure())
    dataset = DatasetFacts("small world", "0123456789abcdef" * 4, 1_500)
    return store, log_training(store, trained, dataset=dataset)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_passes_the_battery(check):
    check(Plain, *[Plain] * (check.__code__.co_argcount - 1))


def test_it_is_compared_and_named(trained):
    assert [rung.kind for rung in trained.rungs] == ["matrix", "plain"]
    assert trained.chosen == "plain"
    assert "the plain regression" in trained.verdict.text
    persian = texts.Catalogue.load("fa")
    assert persian.text("verdict.kinds.plain") == "رگرسیون ساده"


def test_it_is_logged_with_its_parameters_and_plots(logged):
    store, result = logged
    run = store.client.get_run(result.child_runs["plain"])
    assert run.data.params["strength"] == "0.5"
    files = {item.path for item in store.client.list_artifacts(run.info.run_id, "plots")}
    assert {"plots/ranking.png", "plots/fields.png"} <= files
    assert [row["kind"] for row in logged_candidates(store)] == ["matrix", "plain"]


def test_it_is_saved_loaded_and_scores(logged, world, tmp_path):
    scorer = logged[1].scorer
    save_scorer(scorer, tmp_path / "1")
    again = load_scorer(tmp_path / "1")
    for row in world.trained.windows.open[:5]:
        lead, as_of = world.lead(row), world.as_of(row)
        assert again.explain(lead, as_of=as_of) == scorer.explain(lead, as_of=as_of)
    assert again.kind == "plain"


def test_a_version_without_it_refuses_the_saved_model(logged, tmp_path, monkeypatch):
    save_scorer(logged[1].scorer, tmp_path / "1")
    monkeypatch.setattr(ladder, "LADDER", (MatrixEstimator,))
    with pytest.raises(IntegrityError, match=r"must be of a kind .* 'plain'; known are matrix"):
        load_scorer(tmp_path / "1")
