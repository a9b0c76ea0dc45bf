"""Gain of a field: the drop in AUC of a model on all fields when it is removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from scoring_ml.evaluation.audit.probes_auc import within_auc
from scoring_ml.statistics.samples import Floats, Ints

_FOLDS: Final = 5
_RIDGE: Final = 5.0
_MOST_VALUES: Final = 12


def sample_rows(y: Floats, *, most: int, seed: int = 0) -> Ints:
    """Return at most ``most`` rows, in order; the rarer class keeps up to half of them.

    Each class is drawn evenly over its rows, one from each of as many stretches, so that every
    time keeps its share. AUC does not depend on the share of wins: this costs precision, not truth.
    """
    rows = np.arange(len(y))
    if len(y) <= most:
        return rows
    rng = np.random.default_rng(seed)
    minority, majority = sorted((rows[y == 1], rows[y == 0]), key=len)
    few = min(len(minority), most // 2)
    drawn = []
    for of, number in ((minority, few), (majority, most - few)):
        ends = np.arange(number + 1) * len(of) // max(number, 1)
        drawn.append(of[ends[:-1] + (rng.random(number) * np.diff(ends)).astype(np.intp)])
    return np.sort(np.concatenate(drawn))


def gains(
    codes: Mapping[str, Ints],
    y: Floats,
    blocks: Ints,
    *,
    others: Sequence[str],
    families: Mapping[str, str] | None = None,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Measure what each field adds to a model on the others, and what the model then reaches.

    Columns of one family - the visits of the last 7 and of the last 30 days - are put in and
    taken out together: one of them alone would hide what the other gives away.

    The model is a ridge regression of the outcome on one indicator per value (the most frequent
    ones, "other" and "missing") and per block of time; it is learned on all folds but one and
    scored on that one. A field is taken out of a fitted model in closed form: with ``P`` the
    inverse of the penalised cross-products and ``c`` its indicators, the coefficients without it
    are ``w - P[:, c] P[c, c]^-1 w[c]``.

    Parameters
    ----------
    codes : mapping of column name to array of int, shape (n,)
        Values, or bins of them; -1 missing.
    y : array of float, shape (n,)
    blocks : array of int, shape (n,)
    others : sequence of str
        Families above suspicion: each family's gain is measured over these (without itself).
    families : mapping of column name to family, or None
        A column that is not named is a family of its own.

    Returns
    -------
    dict of str to (float, float)
        For each family: AUC within blocks with it minus without it, and with it.
    """
    members: dict[str, list[Floats]] = {}
    for name, column in codes.items():
        family = name if families is None else families.get(name, name)
        members.setdefault(family, []).append(_indicators(column))
    parts = {family: np.hstack(columns) for family, columns in members.items()}
    parts[""] = np.eye(int(blocks.max()) + 1)[blocks]
    design = np.hstack(list(parts.values()))
    ends = np.cumsum([part.shape[1] for part in parts.values()])
    place = {
        name: np.arange(end - part.shape[1], end)
        for (name, part), end in zip(parts.items(), ends, strict=True)
    }
    fold = np.random.default_rng(seed).integers(0, _FOLDS, len(y))
    crosses = [design[fold == k].T @ design[fold == k] for k in range(_FOLDS)]
    moments = [design[fold == k].T @ y[fold == k] for k in range(_FOLDS)]
    cross, moment = sum(crosses), sum(moments)

    def fit(names: Sequence[str], leave_out: Sequence[str]) -> dict[str | None, Floats]:
        """Scores of the model on these columns, and of it without each of ``leave_out``."""
        at = np.concatenate([place[name] for name in (*names, "")])
        where = {name: np.flatnonzero(np.isin(at, place[name])) for name in leave_out}
        scores: dict[str | None, Floats] = {name: np.empty(len(y)) for name in (None, *leave_out)}
        for k in range(_FOLDS):
            inverse = np.linalg.inv((cross - crosses[k])[np.ix_(at, at)] + _RIDGE * np.eye(len(at)))
            weights = inverse @ (moment - moments[k])[at]
            rows = np.flatnonzero(fold == k)
            held = design[np.ix_(rows, at)]
            without = [
                weights - inverse[:, c] @ np.linalg.solve(inverse[np.ix_(c, c)], weights[c])
                for c in where.values()
            ]
            for name, score in zip(scores, (held @ np.array([weights, *without]).T).T, strict=True):
                scores[name][rows] = score
        return scores

    def auc(score: Floats) -> float:
        # Leads with the same values must tie, whatever the last bits of the arithmetic.
        return within_auc(np.round(score, 9), y, blocks).value

    honest = [name for name in members if name in set(others)]
    scores = fit(honest, honest)
    whole = auc(scores[None])
    result = {name: (whole - auc(scores[name]), whole) for name in honest}
    for name in members:
        if name not in result:
            reached = auc(fit([*honest, name], [])[None])
            result[name] = (reached - whole, reached)
    return {name: result[name] for name in members}


def _indicators(codes: Ints) -> Floats:
    values, index, counts = np.unique(codes, return_inverse=True, return_counts=True)
    rank = np.empty(len(values), dtype=np.int64)
    frequent_first = np.lexsort((values, -counts))
    rank[frequent_first] = np.arange(len(values))
    kept = np.where((rank < _MOST_VALUES) | (values == -1), rank, _MOST_VALUES)
    _, dense = np.unique(kept, return_inverse=True)
    return np.asarray(np.eye(int(dense.max()) + 1)[dense[index]], dtype=np.float64)
