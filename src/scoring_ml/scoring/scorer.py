"""The Scorer: what is registered, served, run in batch and opened in notebooks.

One object from a lead to its score: encoder, estimator, calibration, scale, policy, reference.
There is no second feature code: one lead and a million go through the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.answer import AnswerWriter
from scoring_ml.scoring.example import moved_to
from scoring_ml.scoring.lead import LeadField, LeadReader, lead_fields
from scoring_ml.scoring.lead_features import LeadFeatures
from scoring_ml.scoring.row_scorer import Parts, RowScorer, Scores
from scoring_ml.scoring.row_warnings import warning_codes
from scoring_ml.scoring.score_table import score_table
from scoring_ml.texts import Catalogue

__all__ = ["Parts", "Scorer"]

SCORE_AT_ONCE: Final = 20_000
EXPLAIN_AT_ONCE: Final = 2_000
"""Leads explained together; more would need much memory for the answers that are tried."""

Values = Mapping[str, Any]


class Scorer:
    """From a lead to its score, tier, action and reasons.

    Parameters
    ----------
    also_accepted : iterable of str
        Field names of other registered versions.

    Attributes
    ----------
    version : str
        Version in the registry; ``"0"`` before registration.
    lists : tuple of str
        Of ``activities`` and ``stages``, the lists that features in use are computed from.
    accepted_names : tuple of str
        Every name that may stand in a request.
    model, explained_fields, score_max
        As :class:`AnswerWriter` and :class:`RowScorer` have them.
    rows : RowScorer
        The way from encoded leads to their scores, which every other method takes.
    """

    def __init__(self, parts: Parts, *, also_accepted: Iterable[str] = ()) -> None:
        self.parts = parts
        self.encoder = parts.encoder
        self._schema = parts.encoder.schema
        self.history = self._schema.history
        self._features = LeadFeatures(self._schema)
        self.lists = self._features.lists
        names = self._features.history_names
        self._reader = LeadReader(self._schema, also_accepted, of_history=names)
        self.accepted_names = self._reader.names
        self.rows = RowScorer(parts, self._features)
        self.explained_fields = self.rows.explained_fields
        self.score_max = self.rows.score_max
        self._answers = AnswerWriter(parts, self.rows, self._features)
        self.model = self._answers.model
        self.kind, self.version = parts.estimator.kind, str(self.model["version"])

    # -- what it is ---------------------------------------------------------------------------

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
    def fields(self) -> tuple[LeadField, ...]:
        """Fields that a lead may carry."""
        return lead_fields(self._schema, self.encoder.levels, self.example)

    # -- many leads ---------------------------------------------------------------------------

    def scores(self, frame: pd.DataFrame, as_of: NDArray[np.datetime64] | None) -> Scores:
        """Score typed rows; nothing is put into words.

        Parameters
        ----------
        frame : DataFrame, shape (n, columns)
            Typed values.
        as_of : array of datetime64[us], shape (n,), or None
        """
        return self.rows.scores(self.encoder.encode(frame, as_of))

    def score_frame(
        self,
        frame: pd.DataFrame,
        as_of: NDArray[np.datetime64] | None,
        *,
        explain: bool = False,
        progress: Callable[[int, int], None] | None = None,
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
            Told leads done and leads in all.

        Returns
        -------
        DataFrame, shape (n, ...)
            As :func:`score_table` gives it, with ``warnings`` as codes; the frame's index.
        """
        at_once, tables = EXPLAIN_AT_ONCE if explain else SCORE_AT_ONCE, []
        for start in range(0, max(1, len(frame)), at_once):
            rows = slice(start, start + at_once)
            moments = None if as_of is None else as_of[rows]
            X = self.encoder.encode(frame.iloc[rows], moments)
            scores = self.rows.scores(X)
            actions = self._answers.actions
            table = score_table(scores, self.rows, self.encoder, actions, explain=explain)
            found = self._answers.row_warnings.found(X, scores.absent, moments)
            table["warnings"] = warning_codes(found, len(X))
            tables.append(table)
            if progress is not None:
                progress(min(start + at_once, len(frame)), len(frame))
        return pd.concat(tables).set_index(frame.index)

    def score_snapshot(
        self,
        snapshot: Snapshot,
        *,
        explain: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> pd.DataFrame:
        """Score the rows of a snapshot, none lost.

        Returns
        -------
        DataFrame, shape (n, ...)
            As :meth:`score_frame`, with ``model_version``, and ``error``: why a row cannot be
            scored, or "". Columns keep one type, whether or not a row is left blank.
        """
        problem = snapshot.problem
        if problem is None:
            problem = np.full(len(snapshot), "", dtype=object)
        good = np.flatnonzero(problem == "")
        part = snapshot.take(good)
        table = self.score_frame(part.frame, part.as_of, explain=explain, progress=progress)
        table.index = pd.Index(good)
        blank = {"i": "Int64", "b": "boolean"}
        types = {name: blank.get(kind.kind) for name, kind in table.dtypes.items()}
        table = table.astype({name: kind for name, kind in types.items() if kind})
        table = table.reindex(range(len(snapshot)))
        table["warnings"] = table["warnings"].fillna("")
        table["model_version"] = self.version
        table["error"] = problem
        return table

    # -- one lead -----------------------------------------------------------------------------

    def score(
        self, lead: Values, *, as_of: datetime | None = None, lang: str = "en"
    ) -> dict[str, Any]:
        """Score one lead as a request carries it.

        Parameters
        ----------
        lead : mapping of field name to value
            Where the model has a history also ``activities`` and ``stages``, lists of mappings, and
            the moment of creation.
        as_of : datetime or None
            The moment at which the lead is seen; now if None. Without a zone it is UTC.
        lang : str
            Language of the texts.

        Returns
        -------
        dict
            As :class:`AnswerWriter` writes it; JSON-ready.

        Raises
        ------
        LeadError
            If a name is not known or a value is not of its type.
        """
        return self._answer(lead, as_of, lang, every=False)

    def explain(
        self, lead: Values, *, as_of: datetime | None = None, lang: str = "en"
    ) -> dict[str, Any]:
        """Score one lead as :meth:`score`, and add ``contributions`` (all fields, largest first).

        ``base_points`` plus the points of all contributions plus ``rounding_points`` plus
        ``limit_points`` is the score.

        Raises
        ------
        LeadError
            As :meth:`score`.
        """
        return self._answer(lead, as_of, lang, every=True)

    def _answer(
        self, lead: Values, as_of: datetime | None, lang: str, *, every: bool
    ) -> dict[str, Any]:
        moment = _utc(as_of)
        texts = Catalogue.load(lang)
        read = self._reader.read(lead, as_of=moment, texts=texts)
        if read.history is not None:
            read.typed.update(self._features.values(read.typed, read.history, moment))
        x, levels = self.encoder.encode_one(read.typed, moment)
        unsent = () if self.history is None else self._features.unsent(lead)
        return self._answers.write(
            read, x, self.rows.scores(x[None, :]), levels, unsent=unsent, texts=texts, every=every
        )


def _utc(moment: datetime | None) -> datetime:
    if moment is None:
        return datetime.now(UTC).replace(tzinfo=None)
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(UTC).replace(tzinfo=None)
