"""The answer about one lead: its scores put into points, reasons, warnings and texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.schema import Column
from scoring_ml.features.catalogue import schema_features
from scoring_ml.scoring.lead import Lead, alias
from scoring_ml.scoring.lead_features import LeadFeatures
from scoring_ml.scoring.policy_settings import policy_settings
from scoring_ml.scoring.reference import settled_rate
from scoring_ml.scoring.row_scorer import Parts, RowScorer, Scores
from scoring_ml.scoring.row_warnings import RowWarnings
from scoring_ml.scoring.scale import tiers
from scoring_ml.scoring.wording import display_value, sentence, title
from scoring_ml.texts import Catalogue

MOST_REASONS: Final = 5


class AnswerWriter:
    """Writes answers: JSON-ready, in the language of a catalogue.

    Attributes
    ----------
    model : dict
        Name, version, kind and policy, as every answer carries them.
    actions : dict of tier to str
        What is to be done with a lead.
    """

    def __init__(self, parts: Parts, rows: RowScorer, features: LeadFeatures) -> None:
        self._parts = parts
        self._rows = rows
        self._encoder = encoder = parts.encoder
        self._features = schema_features(encoder.schema)
        card, policy = parts.card, parts.policy
        self.model = {
            "name": card.get("name", "lead-scorer"),
            "version": str(card.get("version", "0")),
            "kind": parts.estimator.kind,
            "policy": None if policy is None else str(policy.version),
        }
        self.actions = {tier: item.action for tier, item in vars(policy_settings().actions).items()}
        self._columns = {column.name: column for column in encoder.schema.used}
        of_history = (c for columns in features.by_source.values() for c in columns)
        self.row_warnings = RowWarnings(parts, of_history)

    def write(
        self,
        lead: Lead,
        x: NDArray[np.float64],
        scores: Scores,
        levels: Mapping[str, str],
        *,
        unsent: tuple[str, ...],
        texts: Catalogue,
        every: bool,
    ) -> dict[str, Any]:
        """Return the answer about one lead.

        Parameters
        ----------
        lead : Lead
            With its features.
        x : array of float, shape (width,)
            Encoded, before anything stands in for what is missing; ``scores`` are of it alone.
        unsent : tuple of str
            Parts of the history that features are computed from and that were not sent.
        every : bool
            Whether to add all ``contributions`` and the ``rounding_points``.
        """
        tenths = self._rows.tenths(scores)
        score = int(tenths.score[0])
        points = tenths.fields[0].tolist()
        order = sorted(range(len(points)), key=lambda i: (-abs(points[i]), i))
        contributions = [
            self._contribution(i, points[i], scores, lead, levels, texts)
            for i in (order if every else order[:MOST_REASONS])
        ]
        reasons = [item for item in contributions[:MOST_REASONS] if item["points"] != 0.0]
        shown = sum(points[i] for i in order[: len(reasons)])
        completeness = float(self._rows.completeness(scores)[0])
        probability = float(self._rows.probability(scores)[0])
        tier = str(tiers(tenths.score)[0])
        answer = {
            "lead_id": lead.lead_id,
            "score": score,
            "score_max": self._rows.score_max,
            "tier": tier,
            "action": self.actions[tier],
            "probability": None if np.isnan(probability) else probability,
            "base_points": int(tenths.base[0]) / 10,
            "reasons": reasons,
            "other_points": (sum(points) - shown + int(tenths.rounding[0])) / 10,
            "limit_points": int(tenths.limit[0]) / 10,
            "matrix": self._matrix(scores, levels),
            "completeness": None if np.isnan(completeness) else completeness,
            "ask_next": self._rows.ask_next(scores)[0][:MOST_REASONS],
            "warnings": self._warnings(lead, x, unsent, texts),
            "ignored_fields": list(lead.ignored),
            "model": dict(self.model),
        }
        if every:
            answer["contributions"] = contributions
            answer["rounding_points"] = int(tenths.rounding[0]) / 10
        return answer

    def _contribution(
        self,
        index: int,
        tenth: int,
        scores: Scores,
        lead: Lead,
        levels: Mapping[str, str],
        texts: Catalogue,
    ) -> dict[str, Any]:
        name, criterion = self._rows.explained_fields[index]
        item: dict[str, Any] = {"field": alias(name), "criterion": criterion}
        if name not in self._columns:
            level = levels[criterion]
            return item | {
                "label": texts.text(f"criteria.{criterion}"),
                "value": None if level == "unknown" else level,
                "points": tenth / 10,
                "text": texts.text(f"levels.{criterion}.{level}"),
            }
        column, value = self._columns[name], lead.typed.get(name)
        feature = self._features.get(name)
        unseen = self._encoder.is_unseen(column, value)
        item |= {
            "label": title(column, feature, texts),
            "value": display_value(column, value),
            "points": tenth / 10,
            "text": sentence(column, value, feature=feature, unseen=unseen, texts=texts),
        }
        observed = self._observed(column, scores)
        return item if observed is None else item | {"observed": observed}

    def _observed(self, column: Column, scores: Scores) -> dict[str, Any] | None:
        slot = int(self._rows.slot(column, scores)[0])
        item = settled_rate(self._parts.reference.fields[column.name].observed, slot)
        return (
            None if item is None else {"leads": item.leads, "won_share": round(item.won_share, 4)}
        )

    def _matrix(self, scores: Scores, levels: Mapping[str, str]) -> dict[str, Any]:
        """Return what the hand-built matrix gives the lead, and how that stands to its mean."""
        matrix, mean = self._encoder.matrix, self._parts.reference.matrix_mean
        points = {item.name: item.points_of(levels[item.name]) for item in matrix.criteria}
        total = self._rows.matrix_total(scores.X).astype(np.int64)
        return {
            "total": int(total[0]),
            "max": matrix.max_total,
            "tier": str(tiers(total)[0]),
            "criteria": points,
            "against_mean": {name: round(given - mean[name], 1) for name, given in points.items()},
            "unknown": [name for name, level in levels.items() if level == "unknown"],
        }

    def _warnings(
        self, lead: Lead, x: NDArray[np.float64], unsent: tuple[str, ...], texts: Catalogue
    ) -> list[str]:
        """Return what there is to warn of: the history, unseen answers, assumed answers."""
        warnings = [] if lead.history is None else list(lead.history.warnings)
        fields: dict[str, list[str]] = {}
        absent = dict.fromkeys(unsent, np.ones(1, dtype=bool))
        for code, name, holds in self.row_warnings.found(x[None, :], absent, None):
            if holds[0]:
                label = [self._label(self._columns[name], texts)] if name else []
                fields.setdefault(code, []).extend(label)
        for code, labels in fields.items():
            if code == "unseen_category":
                warnings += [texts.text(f"warnings.{code}", field=label) for label in labels]
            else:
                names = texts.text("verdict.comma").join(labels)
                warnings.append(texts.text(f"warnings.{code}", n=len(labels), fields=names))
        return warnings

    def _label(self, column: Column, texts: Catalogue) -> str:
        return title(column, self._features.get(column.name), texts)
