"""Ridge logistic regression on a sparse design, its penalty chosen on the newest quarter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit, log_expit, logit

from scoring_ml.estimators.rows import TrainingRows
from scoring_ml.statistics.samples import Floats


def levelled_loss(z: Floats, y: Floats, weight: Floats | None = None) -> float:
    """Return the log loss that is left once the mean of the log-odds is right, in nats.

    A base rate that has moved between the older and the newest leads is no merit or fault of what
    is compared: calibration fits the intercept later.

    ``z`` are log-odds, ``y`` holds 1.0 won and 0.0 lost, shape (n,); both must occur.

    Examples
    --------
    >>> y = np.array([0.0, 1.0, 0.0, 1.0])
    >>> z = np.array([-1.0, 1.0, 1.0, 2.0])
    >>> round(levelled_loss(z, y), 6) == round(levelled_loss(z + 5.0, y), 6)
    True
    """
    rate = np.average(y, weights=weight)
    shift = logit(rate) - float(np.average(z, weights=weight))
    for _ in range(30):
        p = expit(z + shift)
        step = (np.average(p, weights=weight) - rate) / np.average(p * (1 - p), weights=weight)
        shift -= float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-9:
            break
    margin = np.where(y == 1.0, z + shift, -(z + shift))
    return float(np.average(-log_expit(margin), weights=weight))


def fit_ridge(
    rows: TrainingRows, design: sparse.csr_matrix, penalties: Sequence[float]
) -> tuple[Floats, float, float]:
    """Return weights, intercept and the penalty, which is chosen on the newest quarter.

    Penalties are inverse strengths, strongest first, which is taken where nothing can be chosen.
    """
    penalty = penalties[0]
    if rows.can_choose and len(penalties) > 1:
        (older, newer), outcomes, weighed = rows.split(design, rows.y, rows.weight)
        paths = _path(older, outcomes[0], weighed[0], penalties, 1e-4)
        losses = [levelled_loss(newer @ w + b, outcomes[1], weighed[1]) for w, b in paths]
        penalty = penalties[int(np.argmin(losses))]
    weights, base = _path(design, rows.y, rows.weight, [penalty], 1e-6)[0]
    return weights, base, penalty


def column_shares(design: sparse.csr_matrix, weight: Floats) -> Floats:
    """Return each column's weighted mean; a mean of the matrix would copy it."""
    return np.asarray(design.T @ (weight / weight.sum())).ravel()


def _path(
    design: sparse.csr_matrix, y: Floats, weight: Floats | None, given: Sequence[float], tol: float
) -> list[tuple[NDArray[np.float64], float]]:
    """Return weights and intercept for each penalty, each begun where the one before ended."""
    # Imported here so that a serving worker does not load scikit-learn for a table.
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1000, tol=tol, warm_start=True)
    found = []
    for penalty in given:
        model.set_params(C=penalty).fit(design, y, sample_weight=weight)
        found.append((np.array(model.coef_[0]), float(model.intercept_[0])))
    return found
