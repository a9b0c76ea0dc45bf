"""Each metric of one sample by its name, as the tests ask for it: one row of weights."""

from __future__ import annotations

import numpy as np

from scoring_ml.statistics.probability import Promised, calibration_lines, probability_metrics
from scoring_ml.statistics.ranking import Ranked, ranking_metrics


def _row(weights, won):
    return np.ones((1, np.size(won))) if weights is None else np.asarray(weights, float)[None, :]


def _ranking(score, won, weights, name):
    return float(ranking_metrics(Ranked(score, won), _row(weights, won))[name][0])


def _probability(p, won, weights, name):
    return float(probability_metrics(Promised(p, won), _row(weights, won))[name][0])


def roc_auc(score, won, weights=None):
    return _ranking(score, won, weights, "roc_auc")


def pr_auc(score, won, weights=None):
    return _ranking(score, won, weights, "pr_auc")


def lift(score, won, percent, weights=None):
    return _ranking(score, won, weights, f"lift_{percent}")


def captured(score, won, percent, weights=None):
    return _ranking(score, won, weights, f"captured_{percent}")


def wins_per_100(score, won, n):
    share = n / np.size(score) if np.size(score) else np.nan
    row = np.ones((1, np.size(score)))
    return float(ranking_metrics(Ranked(score, won), row, {"at": share})["at"][0])


def log_loss(p, won, weights=None):
    return _probability(p, won, weights, "log_loss")


def brier(p, won, weights=None):
    return _probability(p, won, weights, "brier")


def ece(p, won, weights=None):
    return _probability(p, won, weights, "ece")


def calibration_line(logodds, won, weights=None):
    intercept, slope = calibration_lines(logodds, won, _row(weights, won))
    return float(intercept[0]), float(slope[0])
