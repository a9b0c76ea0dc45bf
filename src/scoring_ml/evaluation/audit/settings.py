"""Thresholds of the leak audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class AuditSettings:
    """Thresholds of the audit: an AUC is taken within blocks of time, a share is 0-1.

    Parameters
    ----------
    refuse_auc, ask_auc : float
        Single-field AUC over all leads; ``ask_auc`` also over those that have the column filled.
        With few wins a column is refused only if the lower end of the AUC's 90 % interval lies
        above the middle of the two.
    ask_age_auc : float
        The same of the age of a date that every lead has, which is what models see of it.
    one_sided_rows, spike : int, float
        Fewest rows of a value (or of a filled column) that is judged by its outcomes; share of
        leads from which one exact number or date is. The rest of a number is judged by its AUC.
    one_sided_share, one_sided_odds, one_sided_coverage : float
        Share of one class from which rows are one-sided; how many times the usual odds that must
        be (with 0.5 % won, 99 % lost says nothing); share of all leads of that class below which
        they are asked about, not refused: one very good or very bad source is no leak.
    ask_presence_auc, ask_fill_swing : float
        AUC of "filled or not"; largest minus smallest share of filled rows among blocks of time.
    ask_ripening, ripening_share, ripening_auc : float
        A value's share among the newest leads, by its smallest share before, at or below which a
        column that tells the outcome is asked about; least share before; least AUC of the column.
    ask_after_as_of : float
        Share of dates after the moment at which the lead is seen.
    refuse_changed, changed_rows : float, int
        Share (of the leads that have it) and number of leads for which a field's recorded history
        proves another value than the one used.
    refuse_counts_on, ask_counts_on : float
        Rank correlation of a number with what leads did after the moment at which they are seen,
        among leads of one period, one outcome and as many activities before.
    refuse_seen, ask_seen : float
        AUC of the age at which a lead is seen.
    ask_gain, gain_reaches : float
        AUC that a field adds to a model on the others; AUC that the model must then reach.
    ask_filled_with : float
        Correlation of being filled with being filled of a suspicious column.
    ask_tells_time, runs_with_time : float
        AUC with which one field tells the older from the newer half of the leads; rank
        correlation with time that it must have within either half.
    note_adversarial, adversarial_rows : float, int
        Lower end of the interval of the AUC with which a model on all fields tells the older from
        the newer half; most rows of that model.
    note_drift, note_base_rate, sorted_auc : float
        AUC over the whole file minus AUC within blocks; how many times its smallest value the
        share of wins in a block may reach; AUC of the row's place of a file sorted by outcome.
    significance : float
        Probability of a chance finding in a file without any leak, per probe (Bonferroni).
    ask_named_auc, named_z : float
        AUC of the values, or of being filled, from which a field is asked about whose name hints
        at the end of a lead or counts work on it; standard deviations above chance that it takes.
    ask_total : float
        Rank correlation with how long leads were worked on, of one period and outcome.
    ask_open, open_cell : float, int
        AUC with which a field tells open from decided leads of the same time, so many at a time.
    absent_on_open, open_expected : float
        Share of what is expected among open leads at or below which a value counts as written
        afterwards; how many must be expected at least.
    ask_order, order_runs : float
        AUC with which fields tell old from new leads, and share of neighbouring rows that agree
        in a category beyond chance, from which rows or numbers are no order of time.
    blocks : int
        Most blocks of time.
    most_rows, gain_rows : int
        Most decided leads that are ranked, evenly over time, and most rows of the model behind
        ``gain``; both with up to half of the rarer class. Values are counted over all leads.
    seed : int
        By which these are drawn.
    """

    refuse_auc: float = 0.90
    ask_auc: float = 0.80
    ask_age_auc: float = 0.70
    one_sided_rows: int = 30
    spike: float = 0.01
    one_sided_share: float = 0.99
    one_sided_odds: float = 20.0
    one_sided_coverage: float = 0.10
    ask_presence_auc: float = 0.60
    ask_fill_swing: float = 0.50
    ask_ripening: float = 0.40
    ripening_share: float = 0.05
    ripening_auc: float = 0.60
    ask_after_as_of: float = 0.01
    refuse_changed: float = 0.01
    changed_rows: int = 5
    refuse_counts_on: float = 0.70
    ask_counts_on: float = 0.50
    refuse_seen: float = 0.60
    ask_seen: float = 0.55
    ask_gain: float = 0.10
    gain_reaches: float = 0.80
    ask_filled_with: float = 0.95
    ask_tells_time: float = 0.95
    runs_with_time: float = 0.80
    note_adversarial: float = 0.55
    adversarial_rows: int = 4_000
    note_drift: float = 0.05
    note_base_rate: float = 2.0
    sorted_auc: float = 0.98
    significance: float = 0.01
    ask_named_auc: float = 0.53
    named_z: float = 4.0
    ask_total: float = 0.50
    ask_open: float = 0.75
    open_cell: int = 100
    absent_on_open: float = 0.25
    open_expected: float = 10.0
    ask_order: float = 0.95
    order_runs: float = 0.90
    blocks: int = 10
    most_rows: int = 100_000
    gain_rows: int = 20_000
    seed: int = 0


DEFAULTS: Final = AuditSettings()
"""The thresholds unless others are given."""
