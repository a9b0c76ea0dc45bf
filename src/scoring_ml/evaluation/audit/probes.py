"""Numbers behind the leak audit, of every kind; a probe never looks at a column's name."""

from __future__ import annotations

from scoring_ml.evaluation.audit.probes_auc import (
    Auc,
    Bools,
    Floats,
    Ints,
    as_numbers,
    auc_error,
    comparable,
    presence_auc,
    single_field_auc,
    time_blocks,
    value_codes,
    within_auc,
)
from scoring_ml.evaluation.audit.probes_gain import gains, sample_rows
from scoring_ml.evaluation.audit.probes_time import Correlation, runs_with_time, within_correlation
from scoring_ml.evaluation.audit.probes_values import (
    OneSided,
    Ripening,
    fill_agreement,
    fill_swing,
    one_sided_values,
    ripening,
)

__all__ = [
    "Auc",
    "Bools",
    "Correlation",
    "Floats",
    "Ints",
    "OneSided",
    "Ripening",
    "as_numbers",
    "auc_error",
    "comparable",
    "fill_agreement",
    "fill_swing",
    "gains",
    "one_sided_values",
    "presence_auc",
    "ripening",
    "runs_with_time",
    "sample_rows",
    "single_field_auc",
    "time_blocks",
    "value_codes",
    "within_auc",
    "within_correlation",
]
