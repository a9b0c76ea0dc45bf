"""The error of a value that cannot be read, told in the reader's language."""

from __future__ import annotations

from typing import Any, Final

from scoring_ml.texts import Catalogue

_EXAMPLES: Final = {
    "date": "2026-11-22",
    "moment": "2026-11-22T09:30:00Z",
    "kind": "web_visit",
    "inbound": "inbound",
    "outbound": "outbound",
}
"""What messages show as it is to be written, in every language."""


class InvalidValue(ValueError):
    """A value that a field cannot hold.

    Parameters
    ----------
    reason : str
        Key of its message, below ``lead.`` in the catalogue.
    **params
        Parameters of the message: words of ours, never the value. A tuple is a choice of words.

    >>> str(InvalidValue("too_long", most=1_000))
    'must hold at most 1,000 characters'
    """

    def __init__(self, reason: str, **params: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.params = params

    def __str__(self) -> str:
        return self.text(Catalogue.load())

    def text(self, texts: Catalogue) -> str:
        """Return the message in the language of a catalogue."""
        params = {
            name: texts.text("lead.or" if name == "instead" else "verdict.comma").join(value)
            if isinstance(value, tuple)
            else value
            for name, value in self.params.items()
        }
        return texts.text(f"lead.{self.reason}", **_EXAMPLES, **params)
