"""The estimator: what each kind of candidate tells of itself, and what all of them can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from scoring_ml.estimators.rows import TrainingRows, checked_weight
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import EncodedColumn
from scoring_ml.statistics.samples import Floats

FIELD_ROLES: Final = frozenset({"value", "level", "other", "missing"})
"""Roles of the encoded columns that hold fields; the others hold the six criteria."""


@dataclass(frozen=True)
class TrainingCounts:
    """What decides which kinds of candidates a training may fit.

    Parameters
    ----------
    wins, losses, mapped_criteria, used_fields : int
        Leads of the train window, criteria of the matrix with a rule, columns that the schema uses.
    columns : sequence of EncodedColumn
        What the columns of the encoded matrix mean.
    """

    wins: int
    losses: int
    mapped_criteria: int
    used_fields: int
    columns: Sequence[EncodedColumn] = ()

    @property
    def fewer(self) -> int:
        """The smaller one of wins and losses."""
        return min(self.wins, self.losses)

    @property
    def scarce(self) -> str:
        """Which of the two are fewer, in words."""
        return "wins" if self.wins <= self.losses else "losses"


@dataclass(frozen=True)
class LogoddsTables:
    """Tables that are the whole of a model, to be shown as a table of points.

    Parameters
    ----------
    base : float
        Log-odds of the average lead.
    edges : mapping of column index to array
        Inner edges of a number's bins; bin i holds [edge i-1, edge i).
    weights : mapping of column index to array
        Per bin, with the weight of a missing value last; for 0/1 columns (absent, present).
    """

    base: float
    edges: Mapping[int, Floats]
    weights: Mapping[int, Floats]


class Estimator(ABC):
    """From encoded leads to log-odds that are a sum of contributions.

    The law that all of them obey: for every row,
    ``contributions(X)[0].sum(axis=1) + contributions(X)[1] == logodds(X)`` up to rounding.

    Parameters
    ----------
    columns : sequence of EncodedColumn
        What the columns of the encoded matrix mean.

    Attributes
    ----------
    kind : str
        Its name in runs, files and answers; its name for people stands in ``texts/kinds.yaml``.
    colour : str
        In plots, told apart also by the colour-blind (Okabe and Ito).
    roles : frozenset of str
        Roles of the encoded columns that it sees.
    kept : tuple of str
        Fitted attributes that a saved model holds: numbers, and arrays by index of a column.
    min_outcomes : int
        Least number of wins, and of losses, in the train window.
    learns : bool
        Whether fitting changes it. One that does not may be calibrated on the train window too.
    never_chosen : str
        Why it is compared but never chosen; empty where it may be.
    answers_total : bool
        Whether its score is the matrix's plain total, which needs no policy and no probability.
    shap_values : bool
        Whether its contributions are SHAP values, to be drawn lead by lead.
    keeps_direction : bool
        Whether it keeps the direction that a column declares as ``monotone``.
    needs : tuple of str
        Packages that it needs beside those of every installation.
    combines : tuple of str
        Kinds whose fitted estimators it is made of, by ``of``; empty where it learns by itself.
    seen : array of int
        Indices of the encoded columns that it sees.
    numbers : list of int
        Those of them that hold numbers.
    blocks : list of list of int
        The others, 0/1 columns: those of one category or criterion, of which a lead has at most
        one, together.
    """

    kind: ClassVar[str]
    colour: ClassVar[str]
    roles: ClassVar[frozenset[str]]
    min_outcomes: ClassVar[int]
    kept: ClassVar[tuple[str, ...]] = ()
    learns: ClassVar[bool] = True
    never_chosen: ClassVar[str] = ""
    answers_total: ClassVar[bool] = False
    shap_values: ClassVar[bool] = False
    keeps_direction: ClassVar[bool] = False
    needs: tuple[str, ...] = ()
    combines: ClassVar[tuple[str, ...]] = ()

    def __init__(self, columns: Sequence[EncodedColumn]) -> None:
        self.columns = tuple(columns)
        self.seen = np.array(self.sees(columns), dtype=np.intp)
        self.numbers: list[int] = []
        blocks: dict[tuple[bool, str], list[int]] = {}
        for i in map(int, self.seen):
            column = columns[i]
            if column.role == "value":
                self.numbers.append(i)
                continue
            of_field = column.role in FIELD_ROLES
            name = column.column if of_field else column.criterion
            blocks.setdefault((of_field, name), []).append(i)
        self.blocks = list(blocks.values())

    @classmethod
    def sees(cls, columns: Sequence[EncodedColumn]) -> list[int]:
        """Return the indices of the encoded columns that it sees, in order."""
        return [i for i, column in enumerate(columns) if column.role in cls.roles]

    @classmethod
    def make(cls, columns: Sequence[EncodedColumn], *, restricted: bool = False) -> Self:
        """Return an unfitted estimator; if ``restricted``, as :meth:`restriction` says."""
        return cls(columns)

    @classmethod
    def of(cls, members: Sequence[Estimator]) -> Self:
        """Return the estimator that some fitted ones make together.

        Raises
        ------
        TypeError
            If it learns by itself.
        """
        raise TypeError(f"{cls.__name__} must combine others for that. Found: it learns alone.")

    @classmethod
    def refusal(cls, counts: TrainingCounts) -> str:
        """Return why it may not be fitted to so few; empty if it may."""
        if counts.fewer < cls.min_outcomes:
            return f"needs {cls.min_outcomes} {counts.scarce} in training, found {counts.fewer}"
        if cls.roles & FIELD_ROLES:
            return "" if counts.used_fields else "the schema uses no column"
        if cls.learns and cls.roles and not counts.mapped_criteria:
            return "no criterion of the matrix has a rule"
        return ""

    @classmethod
    def restriction(cls, counts: TrainingCounts) -> str:
        """Return what restricts it, and why; empty if nothing does."""
        return ""

    def fit(
        self,
        X: Floats,
        y: Floats,
        weight: Floats | None = None,
        lead: NDArray[np.int64] | None = None,
        average: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Learn from rows ordered oldest to newest.

        Parameters
        ----------
        X, y : array of float, shape (n, width), (n,)
            ``y`` is 1.0 won, 0.0 lost; both must occur.
        weight : array of float, shape (n,), or None
            What each row counts, positive; 1 if None.
        lead : array of int, shape (n,), or None
            Which lead a row is of, rows of a lead adjacent; each row is a lead of its own if None.
        average : array of bool, shape (n,), or None
            Rows from whose mean contributions are counted; all of them if None.

        Raises
        ------
        ValueError
            If ``weight`` is not one positive number per row.
        """
        self._learn(TrainingRows(X, y, checked_weight(weight, len(y)), lead, average))
        return self

    def logodds(self, X: Floats) -> Floats:
        """Return uncalibrated log-odds, shape (n,); a row's bits do not depend on the others."""
        values, base = self.contributions(X)
        # Summed strictly from left to right.
        parts = np.hstack([np.full((len(values), 1), base), values[:, self.seen]])
        return np.asarray(np.cumsum(parts, axis=1)[:, -1])

    def contributions(self, X: Floats) -> tuple[Floats, float]:
        """Return contributions, shape (n, width), and the base, all in log-odds.

        Raises
        ------
        RuntimeError
            If it learns and was neither fitted nor restored.
        """
        if not self._fitted:
            raise self._unfitted()
        return self._contributions(X)

    def params(self, matrix: Matrix) -> dict[str, Any]:
        """Return what it was made with, as its run logs it; ``matrix`` is the hand-built one."""
        return {}

    def tables(self) -> LogoddsTables | None:
        """Return the tables that are the whole model; ``None`` if it is not made of tables."""
        return None

    def dump(self) -> dict[str, Any]:
        """Return the estimator as JSON-ready values; texts of their own go under ``text``."""
        found = {name.removesuffix("_"): getattr(self, name) for name in self.kept}
        return {
            name: {str(i): list(map(float, table)) for i, table in value.items()}
            if isinstance(value, dict)
            else value
            for name, value in found.items()
        }

    @classmethod
    def restore(cls, content: Mapping[str, Any], columns: Sequence[EncodedColumn]) -> Self:
        """Undo :meth:`dump`."""
        made = cls(columns)
        for name in cls.kept:
            value = content[name.removesuffix("_")]
            tables = isinstance(value, Mapping)
            restored = {int(i): np.array(value[i]) for i in value} if tables else float(value)
            setattr(made, name, restored)
        return made

    @abstractmethod
    def _learn(self, rows: TrainingRows) -> None:
        """Learn from checked rows."""

    @abstractmethod
    def _contributions(self, X: Floats) -> tuple[Floats, float]:
        """Return contributions and the base of a fitted estimator."""

    @property
    @abstractmethod
    def _fitted(self) -> bool:
        """Whether it was fitted or restored."""

    def _unfitted(self) -> RuntimeError:
        name = type(self).__name__
        return RuntimeError(f"{name} must be fitted before use. Found: unfitted. Call fit.")
