"""The laws of every row of a CRM snapshot, checked for all rows before anything is trained.

Only moments, labels and wins are looked at. Facts are gathered as for the rows; what they mean is
decided here once more, and no other code is shared with what made the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring_ml.data.crm.facts import LOST, OPEN, WON, Export
from scoring_ml.data.values.moments import NEVER
from scoring_ml.errors import ScoringError
from scoring_ml.features.lead_states import lead_states
from scoring_ml.features.snapshot import Snapshot

_SECOND: Final = 1_000_000
_DAY: Final = 24 * 60 * 60 * _SECOND

_MOMENT: Final = "A row must be seen at its age, after its creation and within the export"
_OPEN: Final = "A lead must be seen only while it is open, as known then"
_LABEL: Final = "A label must follow from the wins in the horizon, once they are final"

_NO_DEAL: Final = -1
_FACTS: Final = ("lead", "deal", "state", "at", "known_at")

_Ints = NDArray[np.int64]


def check_rows(
    export: Export,
    snapshot: Snapshot,
    *,
    horizon_days: float,
    lag_days: float,
    won_stages: Collection[str] = (),
    lost_stages: Collection[str] = (),
) -> None:
    """Prove of every row: its lead, its moment, that it was not won then, and its label.

    Parameters
    ----------
    snapshot : Snapshot
        With ``lead``, ``age_days`` and ``as_of``.
    horizon_days, lag_days : float
    won_stages, lost_stages : collection of str
        Stages that mean a win, and a loss.

    Raises
    ------
    ScoringError
        If anything differs. That is a defect of this program, not of the data.
    """
    lead, age, as_of = snapshot.lead, snapshot.age_days, snapshot.as_of
    if lead is None or age is None or as_of is None:
        raise _defect(
            "A snapshot of a CRM export has leads, ages and moments", "none", snapshot, ()
        )
    at = as_of.astype("datetime64[us]").astype(np.int64)

    def hold(must: str, found: str, wrong: NDArray[Any]) -> None:
        rows = np.flatnonzero(wrong)
        if len(rows):
            raise _defect(must, f"{found}, {len(rows)} rows", snapshot, rows[:3].tolist())

    inside = (lead >= 0) & (lead < len(export.leads))
    hold("A row must be of a lead of the export", "another lead", ~inside)
    other_id = export.leads.ids[lead] != snapshot.ids
    hold("A row must be of a lead of the export", "the id of another lead", other_id)
    repeated = pd.DataFrame({"lead": lead, "at": at}).duplicated().to_numpy()
    hold("A lead must be seen only once at one moment", "seen again", repeated)

    created = export.leads.created_at[lead]
    now = np.isnan(age)
    waited = np.rint(np.nan_to_num(age) * _DAY).astype(np.int64)
    due = np.where(now, export.extracted_at, created + np.where(waited == 0, _SECOND, waited))
    # At the moment of the export there is only the row "now".
    late = (at != due) | (~now & (at >= export.extracted_at)) | (created >= at)
    hold(_MOMENT, "a row at another moment", late)

    states = lead_states(export, [*won_stages], [*lost_stages])
    facts = pd.DataFrame({name: getattr(states, name) for name in _FACTS})
    won, known = _first_wins(facts, len(export.leads))
    for table in (export.deals, export.stages):
        unsure = np.zeros(0, dtype=np.int64) if table is None else table.unsure
        unknown = np.isin(lead, unsure) & (won[lead] == NEVER)
        hold(_OPEN, "a lead of which nobody knows how it ended", unknown)
    known_won, won_then = known[lead] < at, won[lead] < at
    # No win lies before the row, so the first one decides.
    end = at + round(horizon_days * _DAY)
    wins = won[lead] < end
    # Where something happened after a win, every fact of the lead is walked through.
    for row, walk in _walks(facts, lead, won):
        known_won[row] = walk.won(int(at[row]), known=True)
        won_then[row] = walk.won(int(at[row]), known=False)
        wins[row] = walk.won_within(int(at[row]), int(end[row]))
    hold(_OPEN, "a lead that was known to be won", known_won)
    hold(_OPEN, "a lead that was won already, recorded later", won_then)

    final = ~now & (export.extracted_at - at >= round((horizon_days + lag_days) * _DAY))
    labelled = ~np.isnan(snapshot.label)
    hold(_LABEL, "a label that is not final", labelled & ~final)
    hold(_LABEL, "no label, though it is final", final & ~labelled)
    hold(_LABEL, "another label", final & (snapshot.label != wins))


class _Walk:
    """The facts of one lead that decide whether it is won, walked through one by one."""

    def __init__(self, facts: pd.DataFrame) -> None:
        ordered = facts.sort_values(["at", "known_at", "state"])
        self._facts = ordered[["deal", "state", "at", "known_at"]].to_numpy().tolist()

    def won(self, moment: int, *, known: bool) -> bool:
        """Tell whether the lead was won before a moment, or was known to be."""
        newest: dict[int, tuple[int, int]] = {}
        was_won = False
        for place, (deal, says, at, known_at) in enumerate(self._facts):
            if (known_at if known else at) < moment:
                newest[deal] = place, says
                was_won |= deal == _NO_DEAL and says == WON
        own, own_says = newest.pop(_NO_DEAL, (-1, OPEN))
        undone = len(newest) == 1 and was_won and own_says != WON
        if any(says == WON and not (undone and own > at) for at, says in newest.values()):
            return True
        return own_says == WON and own > max(
            (at for at, says in newest.values() if says == LOST), default=-1
        )

    def won_within(self, start: int, end: int) -> bool:
        """Tell whether a win lies in ``[start, end)`` and still stands at its end."""
        moments = sorted({at for _, _, at, _ in self._facts if start <= at < end})
        return self.won(end, known=False) and any(
            self.won(at + 1, known=False) and not self.won(at, known=False) for at in moments
        )


def _first_wins(facts: pd.DataFrame, leads: int) -> tuple[_Ints, _Ints]:
    """Return when each lead was first won and when a win was first known, NEVER for none."""
    wins = facts[facts["state"] == WON].groupby("lead")[["at", "known_at"]].min()
    first = wins.reindex(np.arange(leads), fill_value=NEVER)
    return first["at"].to_numpy(np.int64), first["known_at"].to_numpy(np.int64)


def _walks(facts: pd.DataFrame, lead: _Ints, won: _Ints) -> Iterator[tuple[int, _Walk]]:
    """Yield the rows of leads of which anything but a win is told since they were won."""
    later = (facts["state"] != WON) & (facts["at"] >= won[facts["lead"]])
    contested = facts[facts["lead"].isin(facts.loc[later, "lead"])]
    walks = {group["lead"].iloc[0]: _Walk(group) for _, group in contested.groupby("lead")}
    for row in np.flatnonzero(np.isin(lead, [*walks])):
        yield int(row), walks[lead[row]]


def _defect(must: str, found: str, snapshot: Snapshot, rows: Sequence[int]) -> ScoringError:
    """Return the error of a row that is wrong; its lead is named by its id alone."""
    ids = ", ".join(str(snapshot.ids[row]) for row in rows)
    where = f" (lead {ids})" if ids else ""
    return ScoringError(f"{must}. Found: {found}{where}. Please report this as a defect.")
