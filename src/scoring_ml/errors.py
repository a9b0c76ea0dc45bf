"""The errors of the product, as a tree.

::

    ScoringError                 the command failed (exit 1)
    ├── InputError               the input or the call is wrong (exit 2)
    │   ├── FileFormatError      a data file that cannot be read as a table
    │   ├── SchemaError          schema.yaml, matrix.yaml or another settings file
    │   ├── TrainingRefused      data on which no honest model can be trained
    │   └── LeadError            one lead, field by field
    ├── IntegrityError           a saved model that is not what its manifest says
    └── NothingServed            a champion is needed and there is none

Every message has the same form: what must hold, what was found, what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class ScoringError(Exception):
    """Root of all errors that this package raises on purpose."""

    exit_code = 1


class InputError(ScoringError):
    """The input or the call is wrong.

    Parameters
    ----------
    must : str
        What must hold, as a sentence without its full stop.
    found : str
        What was found instead: file, column, count, first ids. Never a personal value.
    do : str
        What to do about it.
    """

    exit_code = 2

    def __init__(self, must: str, *, found: str, do: str) -> None:
        self.must = must
        self.found = found
        self.do = do
        super().__init__(f"{must}. Found: {found}. {do}.")


class FileFormatError(InputError):
    """A data file cannot be read as a table."""


class SchemaError(InputError):
    """A settings file (schema, matrix, policy) says something that cannot be."""


class TrainingRefused(InputError):
    """No honest model can be trained on this input."""


class LeadError(InputError):
    """One lead is wrong, field by field.

    Parameters
    ----------
    fields : sequence of (str, str)
        Pairs of field name and message. Messages never quote the refused value.
    """

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self.fields = tuple(fields)
        names = ", ".join(name[:200] for name, _ in self.fields[:3])
        super().__init__(
            "Every field of a lead must be known and hold a value of its type",
            found=f"{len(self.fields)} wrong field(s): {names}",
            do="Correct the fields named in the answer",
        )


class IntegrityError(ScoringError):
    """A saved model is not what its manifest says it is."""

    def __init__(self, what: str, *, found: str, do: str) -> None:
        super().__init__(f"{what}. Found: {found}. {do}.")


class NothingServed(ScoringError):
    """A champion is needed and none has been promoted."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"A champion must be promoted before leads can be scored. Found: none in {where}. "
            "Run scoring-ml train, then scoring-ml promote."
        )
