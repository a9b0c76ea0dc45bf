"""What a CRM export tells of the time after a lead was seen: for the leak audit alone.

No model ever sees any of it. A flat file knows nothing of this kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Afterwards:
    """What happened after each row of a snapshot was seen.

    Parameters
    ----------
    changed : mapping of field name to array of bool, shape (n,)
        Whether the value in the snapshot is another one than the field's recorded history proves
        for that moment, or the history records a change after that moment of a field that is
        declared to be set at creation. Fields without recorded history are not named.
    activity_after : array of float, shape (n,), or None
        Activities from ``as_of`` until the lead was closed or the export was made; NaN where not
        known.
    activity_before : array of float, shape (n,), or None
        Activities known before ``as_of``; NaN where not known.
    seen_days : array of float, shape (n,), or None
        Days from the lead's creation to ``as_of``.
    """

    changed: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    activity_after: NDArray[np.float64] | None = None
    activity_before: NDArray[np.float64] | None = None
    seen_days: NDArray[np.float64] | None = None

    def check(self, rows: int, names: Iterable[str]) -> None:
        """Refuse what is not about these rows and these fields.

        Raises
        ------
        ValueError
            If an array has another length, a field is not known, or only one of
            ``activity_after`` and ``activity_before`` is given.
        """
        unknown = sorted(set(self.changed) - set(names))
        if unknown:
            raise ValueError(f"changed must name fields of the schema. Got {unknown[0]!r}.")
        arrays = {
            **{f"changed[{name!r}]": values for name, values in self.changed.items()},
            "activity_after": self.activity_after,
            "activity_before": self.activity_before,
            "seen_days": self.seen_days,
        }
        for name, values in arrays.items():
            if values is not None and len(values) != rows:
                raise ValueError(
                    f"{name} must have {rows} entries, one per row. Got {len(values)}."
                )
        if (self.activity_after is None) != (self.activity_before is None):
            raise ValueError(
                "activity_after and activity_before must be given together. Got one of them."
            )
