"""Every estimator of the ladder passes every check of the battery."""

from __future__ import annotations

import inspect
from functools import partial

import pytest

from scoring_ml.estimators.blend import Blend
from scoring_ml.estimators.boosted import Boosted, boosted_settings
from scoring_ml.estimators.catboost import CatBoost
from scoring_ml.estimators.ladder import LADDER
from scoring_ml.estimators.logistic import Logistic
from scoring_ml.estimators.sceptics import LightgbmDefault
from tests.estimator_checks import CHECKS, check_copies_that_share_a_weight

# Rows and columns are drawn by chance in the project's settings, which copies would change; and
# LightGBM estimates the rows of a leaf from its hessian, rounded, so a least number is not exact.
GIVEN = boosted_settings()
STILL = GIVEN | {
    "common": {
        k: v for k, v in GIVEN["common"].items() if not k.startswith(("feature", "bagging"))
    },
    "sets": {
        name: own | {"min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 4.0}
        for name, own in GIVEN["sets"].items()
    },
    "tuning": {},
}
WITHOUT_CHANCE = {
    Boosted: partial(Boosted, settings=STILL),
    Blend: lambda columns: Blend(columns, [Logistic(columns), Boosted(columns, settings=STILL)]),
}
# CatBoost's categories and LightGBM's own least leaf count rows, whatever they weigh.
COUNT_ROWS = (CatBoost, LightgbmDefault)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("estimator", LADDER, ids=lambda estimator: estimator.kind)
def test_estimator(estimator, check):
    if estimator is CatBoost and not CatBoost.installed():
        pytest.skip("the package catboost is not installed")
    if check is check_copies_that_share_a_weight and estimator in COUNT_ROWS:
        pytest.skip("counts rows, whatever they weigh")
    if "make" in inspect.signature(check).parameters:
        check(estimator, WITHOUT_CHANCE.get(estimator, estimator.make))
    else:
        check(estimator)
