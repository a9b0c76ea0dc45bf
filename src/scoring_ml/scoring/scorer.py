"""The Scorer: what is registered, served, run in batch and opened in notebooks.

One object from a lead to its score: encoder, estimator, calibration, scale, policy, reference.
There is no second feature code: one lead and a million go through the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from scoring_ml.data.schema import Column, History
from scoring_ml.estimators.calibration import Calibration
from scoring_ml.estimators.matrix import POINTS_PER_LOGODDS, MatrixEstimator
from scoring_ml.estimators.protocol import Estimator
from scoring_ml.features.catalogue import schema_features
from scoring_ml.features.criteria import is_missing
from scoring_ml.features.encoder import LEVEL_CODES, Encoder, field_of
from scoring_ml.scoring.ask import Answers
from scoring_ml.scoring.completeness import Bools, Sources
from scoring_ml.scoring.example import moved_to
from scoring_ml.scoring.explanation import Tenths, explain_points
from scoring_ml.scoring.lead import Lead, LeadField, LeadReader, alias, lead_fields
from scoring_ml.scoring.lead_features import Computed
from scoring_ml.scoring.policy import Policy, action_of
from scoring_ml.scoring.policy_settings import policy_settings
from scoring_ml.scoring.reference import LEAST_LEADS, Reference, field_slice, slot_of
from scoring_ml.scoring.scale import SCORE_MAX, tier, tiers
from scoring_ml.scoring.wording import display_value, sentence, title
from scoring_ml.texts import Catalogue

MOST_REASONS: Final = 5
EXPLAIN_AT_ONCE: Final = 2_000
"""Leads explained together; more would need much memory for the answers that are tried."""

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Parts:
    """What a Scorer is made of.

    Parameters
    ----------
    encoder : Encoder
    estimator : Estimator
        Fitted.
    calibration : Calibration
    policy : Policy or None
        ``None`` for a matrix that answers its plain total.
    reference : Reference
    card : dict
        Name, version, kind, newest training date and so on; JSON-ready.
    """

    encoder: Encoder
    estimator: Estimator
    calibration: Calibration
    policy: Policy | None
    reference: Reference
    card: dict[str, Any]


class Scorer:
    """From a lead to its score, tier, action and reasons.

    Parameters
    ----------
    parts : Parts
    also_accepted : iterable of str
        Field names of other registered versions.

    Attributes
    ----------
    explained_fields : tuple of (str, str)
        Name and criterion of every field that points are given for: of a family of columns the
        main one. A criterion of the matrix that several fields answer stands as
        ``matrix:<criterion>``.
    """

    def __init__(self, parts: Parts, *, also_accepted: Iterable[str] = ()) -> None:
        self.parts = parts
        self.encoder = parts.encoder
        self._schema = parts.encoder.schema
        self._computed = Computed(self._schema)
        self._features = schema_features(self._schema)
        self._reader = LeadReader(self._schema, also_accepted, told=self._computed.told)
        self._answers = Answers(parts.encoder, parts.reference)
        self._sources = Sources(parts.encoder, parts.reference, self._computed.by_source)
        self._is_matrix = parts.estimator.kind == "matrix"
        self._matrix = MatrixEstimator(parts.encoder.columns)
        self._settings = policy_settings()
        self._columns = {column.name: column for column in self._schema.used}
        self._slices = {name: field_slice(parts.encoder, name) for name in self._columns}
        fields: dict[str, str] = {}
        for column in parts.encoder.columns:
            fields.setdefault(column.field, column.criterion)
        self.explained_fields = tuple(fields.items())
        # Encoded columns in the order of their fields, and where each field begins, for a sum
        # per field whose bits do not depend on how many leads are summed at once.
        names = list(fields)
        owner = np.array([names.index(column.field) for column in parts.encoder.columns])
        self._by_field = np.argsort(owner, kind="stable")
        self._starts = np.searchsorted(owner[self._by_field], np.arange(len(names)))
        # Fields that every training lead had: without them a typical answer is assumed. What is
        # computed from a history is told by the part of the history that was not sent.
        of_history = {c.name for columns in self._computed.by_source.values() for c in columns}
        self._always_known = tuple(
            column
            for column in self._schema.used
            if parts.reference.fields[column.name].observed[-1].leads == 0
            and column.name not in of_history
            and field_of(column, self._schema) == column.name
        )
        self._askable = tuple(column.name for column in self._answers.columns)

    # -- what it is ---------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """Kind of the estimator."""
        return self.parts.estimator.kind

    @property
    def version(self) -> str:
        """Version in the registry; ``"0"`` before registration."""
        return str(self.parts.card.get("version", "0"))

    @property
    def score_max(self) -> int:
        """Largest score: 100, or the matrix's maximum for a matrix."""
        return self.encoder.matrix.max_total if self._is_matrix else SCORE_MAX

    @property
    def card(self) -> dict[str, Any]:
        """What is serving, in JSON-ready values."""
        policy = self.parts.policy
        card = self.parts.card | {
            "kind": self.kind,
            "version": self.version,
            "score_max": self.score_max,
            "policy": None if policy is None else policy.dump(),
        }
        if self.history is not None:
            card["example"] = self.example
            card["history"] = self.history.dump() | {"lists": list(self.lists)}
        return card

    @property
    def example(self) -> dict[str, Any]:
        """A made-up lead that can be posted as it is; its history has just happened."""
        return moved_to(self.parts.card.get("example", {}), self._schema, _utc(None))

    @property
    def history(self) -> History | None:
        """How features are computed from a lead's history; ``None`` without any."""
        return self._schema.history

    @property
    def lists(self) -> tuple[str, ...]:
        """Of ``activities`` and ``stages``, the lists that features in use are computed from."""
        return self._computed.lists

    @property
    def fields(self) -> tuple[LeadField, ...]:
        """Fields that a lead may carry."""
        return lead_fields(self._schema, self.encoder.levels, self.example)

    @property
    def accepted_names(self) -> tuple[str, ...]:
        """Every name that may stand in a request."""
        return self._reader.names

    @property
    def model(self) -> dict[str, Any]:
        """Name, version, kind and policy, as every answer carries them."""
        policy = self.parts.policy
        return {
            "name": self.parts.card.get("name", "lead-scorer"),
            "version": self.version,
            "kind": self.kind,
            "policy": None if policy is None else str(policy.version),
        }

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        """Read a saved Scorer after verifying every file against its SHA-256.

        Raises
        ------
        IntegrityError
            If a file is missing, changed or of an unknown format.
        """
        from scoring_ml.scoring.saving import load_scorer

        return load_scorer(folder)

    def save(self, folder: Path) -> None:
        """Write the Scorer as text, JSON and a manifest; no pickle."""
        from scoring_ml.scoring.saving import save_scorer

        save_scorer(self, folder)

    # -- many leads ---------------------------------------------------------------------------

    def logodds(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated log-odds of encoded leads, shape (n,)."""
        return self.parts.calibration.logodds(self.parts.estimator.logodds(X))

    def unrounded(
        self, X: NDArray[np.float64], logodds: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return scores of encoded leads before rounding and clipping, shape (n,).

        ``logodds`` are their calibrated log-odds, where they are known already.
        """
        if self._is_matrix or self.parts.policy is None:
            return self._matrix.total(X)
        found = self.logodds(X) if logodds is None else logodds
        return self.parts.policy.scale.unrounded(found)

    def probability(self, logodds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return probabilities of calibrated log-odds; NaN where none may be shown."""
        if not self.parts.calibration.gives_probability:
            return np.full(len(logodds), np.nan)
        return np.asarray(expit(logodds))

    def field_points(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return unrounded points per explained field, shape (n, fields)."""
        values, _ = self.parts.estimator.contributions(X)
        if self._is_matrix or self.parts.policy is None:
            factor = POINTS_PER_LOGODDS
        else:
            factor = self.parts.calibration.slope * self.parts.policy.scale.points_per_logodds
        ordered = np.ascontiguousarray(values[:, self._by_field])
        points = np.add.reduceat(ordered, self._starts, axis=1)
        # A contribution of a rounding error's size is a zero that lost its way.
        points[np.abs(points * factor) < 1e-9] = 0.0
        return np.asarray(points * factor)

    def tenths(self, X: NDArray[np.float64], unrounded: NDArray[np.float64]) -> Tenths:
        """Return points of encoded leads in whole tenths that add up to the scores."""
        return explain_points(unrounded, self.field_points(X), score_max=self.score_max)

    def ask_next(
        self, X: NDArray[np.float64], unrounded: NDArray[np.float64]
    ) -> list[list[dict[str, Any]]]:
        """Return, per lead, the missing askable fields and what an answer could add, best first.

        ``could_add`` is the largest gain in points over the likely answers, before rounding to
        whole points and within the scale's ends, in tenths; fields that could add none are left
        out.
        """
        found: list[list[dict[str, Any]]] = [[] for _ in range(len(X))]
        missing = self._answers.missing(X)
        asked = [(name, np.flatnonzero(missing[name])) for name in self._askable]
        asked = [(name, rows) for name, rows in asked if len(rows) and self._answers.count(name)]
        if not asked:
            return found
        tried = np.vstack([self._answers.tried(X[rows], name) for name, rows in asked])
        now = np.clip(unrounded, 0, self.score_max)
        after = np.clip(self.unrounded(tried), 0, self.score_max)
        start = 0
        for name, rows in asked:
            count = self._answers.count(name)
            best = after[start : start + count * len(rows)].reshape(len(rows), count).max(axis=1)
            start += count * len(rows)
            for row, value in zip(rows, best - now[rows], strict=True):
                gain = round(float(value), 1)
                if gain > 0:
                    found[row].append({"field": alias(name), "could_add": gain})
        for asks in found:
            asks.sort(key=lambda item: -float(item["could_add"]))
        return found

    def score_frame(
        self,
        frame: pd.DataFrame,
        as_of: NDArray[np.datetime64] | None,
        *,
        explain: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> pd.DataFrame:
        """Score many leads.

        Parameters
        ----------
        frame : DataFrame, shape (n, columns)
            Typed values.
        as_of : array of datetime64[us], shape (n,), or None
        explain : bool
            Whether to add points per field and what to ask next, which costs far more time.
        progress : callable or None
            Told how many more leads are done.

        Returns
        -------
        DataFrame, shape (n, ...)
            ``score``, ``tier``, ``action``, ``probability``, ``matrix_total``, ``matrix_tier``,
            ``matrix/<criterion>``, ``matrix_known/<criterion>``, ``completeness``; with
            ``explain`` also ``base_points``, ``rounding_points``, ``limit_points``,
            ``points/<field>`` and ``ask_next``.
        """
        if explain and len(frame) > EXPLAIN_AT_ONCE:
            parts = [
                self.score_frame(
                    frame.iloc[start : start + EXPLAIN_AT_ONCE],
                    None if as_of is None else as_of[start : start + EXPLAIN_AT_ONCE],
                    explain=True,
                    progress=progress,
                )
                for start in range(0, len(frame), EXPLAIN_AT_ONCE)
            ]
            return pd.concat(parts)
        said = self.encoder.encode(frame, as_of)
        absent = self._sources.absent(said)
        X = self._sources.stand_in(said, absent)
        logodds = self.logodds(X)
        unrounded = self.unrounded(X, logodds)
        tenths = self.tenths(X, unrounded) if explain else None
        if tenths is None:
            none = np.zeros((len(X), 0))
            score = explain_points(unrounded, none, score_max=self.score_max).score
        else:
            score = tenths.score
        found: dict[str, Any] = {"score": score, "tier": tiers(score)}
        actions = {name: action_of(name, settings=self._settings) for name in set(found["tier"])}
        found["action"] = np.array([actions[name] for name in found["tier"]], dtype=object)
        found["probability"] = self.probability(logodds)
        total = self._matrix.total(X).astype(np.int64)
        found["matrix_total"] = total
        found["matrix_tier"] = tiers(total)
        for criterion in self.encoder.matrix.criteria:
            codes = self.encoder.criterion_codes_of(X, criterion.name)
            points = np.array([criterion.points_of(level) for level in LEVEL_CODES])
            found[f"matrix/{criterion.name}"] = points[codes]
            found[f"matrix_known/{criterion.name}"] = codes < len(LEVEL_CODES) - 1
        found["completeness"] = self._completeness(X, absent)
        if tenths is not None:
            found["base_points"] = tenths.base / 10
            found["rounding_points"] = tenths.rounding / 10
            found["limit_points"] = tenths.limit / 10
            for index, (name, _) in enumerate(self.explained_fields):
                found[f"points/{name}"] = tenths.fields[:, index] / 10
            found["ask_next"] = self.ask_next(X, unrounded)
        if progress is not None:
            progress(len(X))
        return pd.DataFrame(found, index=frame.index)

    # -- one lead -----------------------------------------------------------------------------

    def score(
        self, lead: Values, *, as_of: datetime | None = None, lang: str = "en"
    ) -> dict[str, Any]:
        """Score one lead as a request carries it.

        Parameters
        ----------
        lead : mapping of field name to value
            Where the model has a history also ``activities`` and ``stages``, lists of mappings,
            and the moment of creation.
        as_of : datetime or None
            The moment at which the lead is seen; now if None. Without a zone it is UTC.
        lang : str
            Language of the texts.

        Returns
        -------
        dict
            Score, tier, action, probability, points, reasons, the matrix's points, completeness
            and what to ask next; JSON-ready.

        Raises
        ------
        LeadError
            If a name is not known or a value is not of its type.
        """
        answer, _ = self._answer(lead, as_of, lang, every=False)
        return answer

    def explain(
        self, lead: Values, *, as_of: datetime | None = None, lang: str = "en"
    ) -> dict[str, Any]:
        """Score one lead and give every contribution.

        Returns
        -------
        dict
            As :meth:`score`, with ``contributions`` (all fields, largest first) and
            ``rounding_points``; ``base_points`` plus the points of all contributions plus
            ``rounding_points`` plus ``limit_points`` is the score.

        Raises
        ------
        LeadError
            As :meth:`score`.
        """
        answer, details = self._answer(lead, as_of, lang, every=True)
        return answer | details

    def _answer(
        self, lead: Values, as_of: datetime | None, lang: str, *, every: bool
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        moment = _utc(as_of)
        texts = Catalogue.load(lang)
        read, warnings = self._read(lead, moment, texts)
        x, levels = self.encoder.encode_one(read.typed, moment)
        absent = self._sources.absent(x[None, :])
        X = self._sources.stand_in(x[None, :], absent)
        logodds = self.logodds(X)
        unrounded = self.unrounded(X, logodds)
        tenths = self.tenths(X, unrounded)
        score = int(tenths.score[0])
        name_of_tier = tier(score)
        points = tenths.fields[0]
        order = sorted(range(len(points)), key=lambda i: (-abs(int(points[i])), i))
        unsaid = {
            column.name
            for source, columns in self._computed.by_source.items()
            if absent[source][0]
            for column in columns
        }
        contributions = [
            self._contribution(i, int(points[i]), x, read.typed, levels, texts, unsaid)
            for i in (order if every else order[:MOST_REASONS])
        ]
        reasons = [item for item in contributions[:MOST_REASONS] if item["points"] != 0.0]
        shown = sum(int(points[i]) for i in order[: len(reasons)])
        probability = float(self.probability(logodds)[0])
        warnings += [
            texts.text("warnings.unseen_category", field=self._label(column, texts))
            for column in self._columns.values()
            if self.encoder.is_unseen(column, read.typed.get(column.name))
        ]
        assumed = [c for c in self._always_known if is_missing(read.typed.get(c.name))]
        if assumed and not self._is_matrix:
            names = ", ".join(self._label(column, texts) for column in assumed)
            warnings.append(texts.text("warnings.always_known", n=len(assumed), fields=names))
        if not self.parts.calibration.gives_probability:
            warnings.append(texts.text("warnings.no_probability"))
        total = int(self._matrix.total(X)[0])
        answer = {
            "lead_id": read.lead_id,
            "score": score,
            "score_max": self.score_max,
            "tier": name_of_tier,
            "action": action_of(name_of_tier, settings=self._settings),
            "probability": None if np.isnan(probability) else probability,
            "base_points": int(tenths.base[0]) / 10,
            "reasons": reasons,
            "other_points": (int(points.sum()) - shown + int(tenths.rounding[0])) / 10,
            "limit_points": int(tenths.limit[0]) / 10,
            "matrix": {
                "total": total,
                "max": self.encoder.matrix.max_total,
                "tier": tier(total),
                "criteria": self._matrix_points(levels),
                "against_mean": self._matrix_against_mean(levels),
                "unknown": [name for name, level in levels.items() if level == "unknown"],
            },
            "completeness": self._completeness_of(X, absent),
            "ask_next": self.ask_next(X, unrounded)[0][:MOST_REASONS],
            "warnings": warnings,
            "ignored_fields": list(read.ignored),
            "model": self.model,
        }
        return answer, {
            "contributions": contributions,
            "rounding_points": int(tenths.rounding[0]) / 10,
        }

    def _read(self, lead: Values, moment: datetime, texts: Catalogue) -> tuple[Lead, list[str]]:
        """Return a lead with its computed columns, and what there is to warn of in its history."""
        if self.history is None:
            return self._reader.read(lead, texts=texts), []
        read = self._reader.read(
            lead, texts=texts, history=lambda told: self._computed.read(told, moment, texts)
        )
        warnings: list[str] = []
        if read.history is not None:
            read.typed.update(self._computed.values(read.typed, read.history, moment))
            warnings += read.history.warnings
        if not self._is_matrix:
            unsent = self._computed.unsent(lead)
            warnings += [texts.text(f"warnings.no_{source}") for source in unsent]
        return read, warnings

    def _label(self, column: Column, texts: Catalogue) -> str:
        return title(column, self._features.get(column.name), texts)

    def _contribution(
        self,
        index: int,
        tenth: int,
        x: NDArray[np.float64],
        values: Mapping[str, Any],
        levels: Mapping[str, str],
        texts: Catalogue,
        unsaid: Collection[str],
    ) -> dict[str, Any]:
        name, criterion = self.explained_fields[index]
        if name not in self._columns:
            label = texts.text(f"criteria.{criterion}")
            level = levels[criterion]
            shown: str | None = None if level == "unknown" else level
            text = texts.text(f"levels.{criterion}.{level}")
            observed = None
        else:
            column = self._columns[name]
            label, value = self._label(column, texts), values.get(name)
            shown = display_value(column, value)
            text = sentence(
                column,
                value,
                feature=self._features.get(name),
                unseen=self.encoder.is_unseen(column, value),
                texts=texts,
            )
            # "Was never in a stage" is an observation, "nobody said" is none.
            observed = None if name in unsaid else self._observed(column, x)
        item: dict[str, Any] = {
            "field": alias(name),
            "criterion": criterion,
            "label": label,
            "value": shown,
            "points": tenth / 10,
            "text": text,
        }
        if observed is not None:
            item["observed"] = observed
        return item

    def _observed(self, column: Column, x: NDArray[np.float64]) -> dict[str, Any] | None:
        reference = self.parts.reference.fields[column.name]
        item = reference.observed[slot_of(column, reference, x[self._slices[column.name]])]
        if item.leads < LEAST_LEADS:
            return None
        return {"leads": item.leads, "won_share": round(item.wins / item.leads, 4)}

    def _matrix_points(self, levels: Mapping[str, str]) -> dict[str, int]:
        return {
            criterion.name: criterion.points_of(levels[criterion.name])
            for criterion in self.encoder.matrix.criteria
        }

    def _matrix_against_mean(self, levels: Mapping[str, str]) -> dict[str, float]:
        mean = self.parts.reference.matrix_mean
        return {
            name: round(points - mean[name], 1)
            for name, points in self._matrix_points(levels).items()
        }

    def _completeness(
        self, X: NDArray[np.float64], absent: Mapping[str, Bools]
    ) -> NDArray[np.float64]:
        """Return the share of askable fields and lists that each lead came with; NaN of none."""
        parts = [~missing for missing in self._answers.missing(X).values()]
        parts += [~absent[name] for name in self.lists]
        if not parts:
            return np.full(len(X), np.nan)
        known = sum(part.astype(float) for part in parts)
        return np.round(np.asarray(known) / len(parts), 4)

    def _completeness_of(self, X: NDArray[np.float64], absent: Mapping[str, Bools]) -> float | None:
        value = float(self._completeness(X, absent)[0])
        return None if np.isnan(value) else value


def _utc(moment: datetime | None) -> datetime:
    if moment is None:
        return datetime.now(UTC).replace(tzinfo=None)
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(UTC).replace(tzinfo=None)
