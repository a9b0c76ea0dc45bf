"""Vocabulary of a CRM: its words and their meanings, for columns and for lists in a request."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from typing import Final

ANY_WORD: Final = "*"
"""Among a source's words: every word that is neither named nor ours already."""


MISSING_WORDS: Final = frozenset(
    {"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "?", "nil", "<na>", "nat"}
)
"""Words that mean "not known" almost everywhere; a schema lists those that its file uses."""


def tidy(text: str) -> str:
    """Fold white space and compatible signs, so that the same word reads the same.

    >>> tidy("  Olark   Chat ")
    'Olark Chat'
    """
    if text.isascii():
        return " ".join(text.split())
    plain = unicodedata.normalize("NFKC", text).translate(_ONE_LETTER)
    return " ".join(plain.split())


_ONE_LETTER: Final = str.maketrans("يك", "یک")
"""Arabic letters that Persian keyboards write in two ways."""


def folded(word: str) -> str:
    """Return a word as words are compared: without regard to case and space.

    >>> folded("  Closed  WON ")
    'closed won'
    """
    return tidy(word).casefold()


class Vocabulary:
    """The words of a column.

    Parameters
    ----------
    meanings : mapping of the CRM's word to ours
        ``*`` stands for every other word; an empty word of ours means "not told".
    missing : collection of str
        Words for "not known", where ``meanings`` does not name them.
    known : collection of str
        Folded words that are ours already, so that ``*`` does not stand for them.

    >>> words = Vocabulary({"Call": "outbound_call", "Note": "", "*": "other"}, ["n/a"], ["form"])
    >>> [words.read(word) for word in ("call ", "note", "N/A", "Form", "fax")]
    ['outbound_call', None, None, 'Form', 'other']
    """

    def __init__(
        self,
        meanings: Mapping[str, str],
        missing: Collection[str] = ("",),
        known: Collection[str] = (),
    ) -> None:
        self._meanings = {folded(word): meaning for word, meaning in meanings.items()}
        self._missing = frozenset(folded(word) for word in missing)
        self._known = known

    def read(self, word: str) -> str | None:
        """Return the word in our language, tidied; ``None`` where nothing is told."""
        text = tidy(word)
        key = folded(text)
        if key in self._meanings:
            return self._meanings[key] or None
        if key in self._missing:
            return None
        return text if key in self._known else self._meanings.get(ANY_WORD, text) or None

    def ignores(self, word: str) -> bool:
        """Tell whether a word says something, and is translated to nothing.

        >>> words = Vocabulary({"Note": ""}, ["n/a"])
        >>> [words.ignores(word) for word in ("note", "n/a", "call")]
        [True, False, False]
        """
        key = folded(word)
        return self.read(word) is None and (key in self._meanings or key not in self._missing)
