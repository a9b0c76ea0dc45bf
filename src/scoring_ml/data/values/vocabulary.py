"""Vocabulary of a CRM: its words and their meanings, for columns and for lists in a request."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Final

ANY_WORD: Final = "*"
"""Among a source's words: every word that is neither named nor ours already."""


MISSING_WORDS: Final = frozenset(
    {"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "?", "nil", "<na>", "nat"}
)
"""Words that mean "not known" almost everywhere; a schema lists those that its file uses."""


def visible(text: str) -> str:
    r"""Drop the signs of a text that nobody sees, fold its spaces, and trim it.

    Marks of direction, zero-width spaces, soft hyphens and their kind go; hard and narrow spaces
    become plain ones. The joiners stay where they shape a word, as in Persian. The guard by which
    spreadsheets keep a text a text, ="007", goes as well.

    >>> visible("\u200elead\u00a0source\u200b"), "\u200c" in visible("می\u200cخواهد\u200c")
    ('lead source', True)
    """
    if not text.isascii():
        text = _JOINERS.sub(r"\1", _INVISIBLE.sub("", text))
    text = " ".join(text.split())
    guarded = len(text) > 2 and text.startswith('="') and text.endswith('"')
    return text[2:-1].strip() if guarded else text


# Unicode's default ignorable code points, but for the joiners U+200C and U+200D.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_SHAPED: Final = r"(?:[^\W\0-\u058f]|[\u064b-\u065f])"
_JOINERS: Final = re.compile(
    rf"(?<={_SHAPED})([\u200c\u200d])[\u200c\u200d]*(?={_SHAPED})|[\u200c\u200d]+"
)


def tidy(text: str) -> str:
    """Fold white space and compatible signs, so that the same word reads the same.

    Arabic and Persian letters and digits that mean the same are one, and &amp; is &.

    >>> tidy("  Olark   Chat "), tidy("مشتري ٢") == tidy("مشتری ۲") == "مشتری 2"
    ('Olark Chat', True)
    """
    if "&" in text and ";" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_ONE_LETTER)
    return visible(text)


_ONE_LETTER: Final = str.maketrans("يىكڪ٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "ییکک01234567890123456789", "\u0640")
"""Arabic letters and digits that Persian keyboards write in two ways; the tatweel is ornament."""


def folded(word: str) -> str:
    """Return a word as words are compared: without regard to case and space.

    >>> folded("  Closed  WON ")
    'closed won'
    """
    return tidy(word).casefold()


def pattern(text: str) -> str:
    """Describe a text without its words: 9 for digits, a for letters, at most 40 signs.

    >>> pattern("1403/10/13 10h")
    '9999/99/99 99a'
    """
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", text))[:40]


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
