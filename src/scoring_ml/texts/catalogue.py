"""Message catalogues: a key and its parameters in, a sentence in the reader's language out.

A language is a folder of YAML files named by its code. All files of a folder are merged; a
nested key is written with dots, ``tiers.hot``. A file beside the folders holds each of its
messages in every language, by its code. English is complete, any other language falls
back to it message by message. A message is one of

* a text, whose parameters stand in braces, perhaps with a form: ``{share:percent}``;
* a mapping of plural categories, with ``other`` and at least one more, of which the parameter
  ``n`` chooses by the language's own rule (CLDR, through babel).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, lru_cache, partial
from pathlib import Path
from string import Formatter
from typing import Any, Final

import yaml
from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from rapidfuzz.process import extractOne

from scoring_ml.errors import InputError, SchemaError

ENGLISH: Final = "en"
"""The language that is complete, and that the others fall back to."""

_FOLDER: Final = Path(__file__).parent
_PLURALS: Final = frozenset({"zero", "one", "two", "few", "many", "other"})
_ZEROS: Final = {"arabext": 0x06F0, "arab": 0x0660, "deva": 0x0966}
_TYPOGRAPHIC_MINUS: Final = "\u2212"
_LEFT_TO_RIGHT_MARK: Final = "\u200e"
_ISOLATE: Final = "\u2068"
_END_OF_ISOLATE: Final = "\u2069"

Part = tuple[str, str | None, str]
"""A literal text, then a parameter's name (or ``None``) and its form."""


@dataclass(frozen=True)
class _Message:
    """A message ready to be filled in: its parts by plural category, and its own language."""

    parts: Mapping[str, tuple[Part, ...]]
    locale: Locale


@dataclass(frozen=True)
class Catalogue:
    """The messages of one language, and its way of writing numbers and dates.

    Made by :meth:`load`.

    Parameters
    ----------
    lang : str
        Code of the language, such as ``en``.
    """

    lang: str
    locale: Locale
    _messages: Mapping[str, _Message] = field(repr=False)
    _fallen_back: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def load(cls, lang: str = ENGLISH, *, folder: Path | None = None) -> Catalogue:
        """Return the catalogue of a language, read once and kept.

        Parameters
        ----------
        lang : str
            A code that :func:`languages` lists.
        folder : Path or None
            Folder of language folders; the package's own if not given.

        Raises
        ------
        InputError
            If there is no catalogue of that language.
        SchemaError
            If one of its files is not a mapping of messages.
        """
        return _load(lang, folder or _FOLDER)

    @cached_property
    def direction(self) -> str:
        """Return ``rtl`` for a language written from right to left, else ``ltr``."""
        return str(self.locale.text_direction)

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, sorted."""
        return tuple(sorted(self._messages))

    def __contains__(self, key: object) -> bool:
        return key in self._messages

    def lacks(self, parts: Iterable[str]) -> tuple[str, ...]:
        """Return the keys that the language itself does not have, so that they are English.

        Parameters
        ----------
        parts : iterable of str
            What the keys begin with, such as ``reports``.
        """
        wanted = frozenset(parts)
        return tuple(key for key in self._fallen_back if key.split(".", 1)[0] in wanted)

    def text(self, key: str, /, **params: Any) -> str:
        """Return a message with its parameters filled in.

        Parameters
        ----------
        key : str
            Key with dots, such as ``reasons.number``.
        **params
            Values of the message's parameters. Numbers and dates are written as the language
            writes them, ``None`` as nothing, texts as they are; in a language from right to
            left, one that holds letters from left to right stands between invisible marks
            (U+2068, U+2069) that keep the words around it in their order. More than the message
            names is no error, since another language may need it. ``n`` chooses the plural form.

        Raises
        ------
        KeyError
            If there is no such message, with the nearest key; or if a parameter is missing.

        >>> Catalogue.load("en").text("reasons.number", label="Age", value=41.0, unit=" years")
        'Age is 41 years'
        """
        message = self._messages.get(key)
        if message is None:
            like = extractOne(key, self.keys, score_cutoff=60)
            hint = f"; the nearest is {like[0]!r}" if like else ""
            raise KeyError(f"no message {key!r}{hint}")
        parts, n = message.parts["other"], params.get("n")
        if len(message.parts) > 1:
            if "n" not in params:
                raise KeyError(f"message {key!r} needs the parameter 'n'")
            parts = parts if n is None else message.parts.get(message.locale.plural_form(n), parts)
        out = []
        for literal, name, form in parts:
            out.append(literal)
            if name is not None:
                if name not in params:
                    raise KeyError(f"message {key!r} needs the parameter {name!r}")
                out.append(self._write(params[name], form))
        return "".join(out)

    def number(self, value: float | None, *, digits: int | None = None) -> str:
        """Return a number as the language writes it.

        Parameters
        ----------
        value : float or None
            ``None`` and NaN give the language's "n/a".
        digits : int or None
            Digits after the decimal sign; as many as are needed, at most three (six below 1),
            if not given.
        """
        if value is None or not math.isfinite(value):
            return self.text("words.na")
        if abs(value) >= _TOO_LONG:
            return self._digits(f"{value:.6g}")
        if digits is None:
            pattern = "#,##0.######" if abs(value) < 1 else "#,##0.###"
        else:
            pattern = f"#,##0.{'0' * digits}" if digits else "#,##0"
        return self._digits(_decimal(float(value), pattern, self.lang, self._numbering))

    def signed(self, value: float | None, *, digits: int = 1) -> str:
        """Return a number with its sign; a number that rounds to zero has none.

        >>> en = Catalogue.load("en")
        >>> en.signed(12.5), en.signed(-3), en.signed(-0.04)
        ('+12.5', '−3.0', '0.0')
        """
        if value is None or not math.isfinite(value):
            return self.text("words.na")
        rounded = round(value, digits)
        if rounded == 0:
            return self.number(0.0, digits=digits)
        sign = "+" if rounded > 0 else _TYPOGRAPHIC_MINUS
        if self.direction == "rtl":
            # Without the mark a sign would be drawn behind its number.
            sign = _LEFT_TO_RIGHT_MARK + sign
        return sign + self.number(abs(rounded), digits=digits)

    def percent(self, share: float | None, *, digits: int = 0) -> str:
        """Return a share (0-1) in percent; ``None`` and NaN give "n/a"."""
        if share is None or not math.isfinite(share):
            return self.text("words.na")
        pattern = self.locale.percent_formats[None].pattern
        if digits:
            pattern = re.sub(r"0(?=[^0]*$)", f"0.{'0' * digits}", pattern, count=1)
        system = self._numbering
        text = format_percent(share, format=pattern, locale=self.locale, numbering_system=system)
        # babel leaves the pattern's own sign.
        sign = self.locale.number_symbols.get(system, {}).get("percentSign", "%")
        return self._digits(text.replace("%", sign))

    def date(self, when: date | None) -> str:
        """Return a date (or the date of a moment) as the language writes it."""
        if when is None:
            return self.text("words.na")
        if isinstance(when, datetime):
            when = when.date()
        return self._digits(format_date(when, locale=self.locale))

    @property
    def _numbering(self) -> str:
        """Return babel's name of the digits: the language's own if we can write them."""
        own = self.locale.default_numbering_system
        return own if own in _ZEROS else "latn"

    def _digits(self, text: str) -> str:
        """Write digits in the language's own script; babel changes only the signs."""
        if self.direction == "rtl" and text.startswith("-"):
            text = _LEFT_TO_RIGHT_MARK + _TYPOGRAPHIC_MINUS + text[1:]
        zero = _ZEROS.get(self._numbering)
        if zero is None:
            return text
        return text.translate({ord("0") + digit: chr(zero + digit) for digit in range(10)})

    def _write(self, value: Any, form: str) -> str:
        if form:
            return FORMS[form](self, value)
        if value is None:
            return ""
        if isinstance(value, bool):
            return self.text("words.yes" if value else "words.no")
        if isinstance(value, (int, float)):
            return self.number(value)
        if isinstance(value, date):
            return self.date(value)
        return self._isolated(str(value))

    def _isolated(self, text: str) -> str:
        """Keep a foreign word from turning around what stands beside it (Unicode UAX #9)."""
        if self.direction == "ltr" or all(unicodedata.bidirectional(sign) != "L" for sign in text):
            return text
        return f"{_ISOLATE}{text}{_END_OF_ISOLATE}"


FORMS: Final[Mapping[str, Callable[[Catalogue, Any], str]]] = {
    "number": Catalogue.number,
    "decimal1": partial(Catalogue.number, digits=1),
    "signed": Catalogue.signed,
    "percent": Catalogue.percent,
    "percent1": partial(Catalogue.percent, digits=1),
    "date": Catalogue.date,
}
"""What may stand behind the colon of a parameter."""


def languages(*, parts: Iterable[str] = (), folder: Path | None = None) -> tuple[str, ...]:
    """Return the codes of the languages that have a catalogue, English first.

    Parameters
    ----------
    parts : iterable of str
        As in :meth:`Catalogue.lacks`: only languages that say all of these themselves.
    folder : Path or None
        As in :meth:`Catalogue.load`.
    """
    folder, parts = folder or _FOLDER, tuple(parts)
    known = _languages(folder)
    if not parts:
        return known
    return tuple(lang for lang in known if not _load(lang, folder).lacks(parts))


@lru_cache(maxsize=32)
def _languages(folder: Path) -> tuple[str, ...]:
    found = {path.parent.name for path in folder.glob("*/*.yaml")}
    return tuple(sorted(found, key=lambda lang: (lang != ENGLISH, lang)))


_TOO_LONG: Final = 1e15
"""Numbers from here on are written with an exponent: nobody reads so many digits."""


@lru_cache(maxsize=8192)
def _decimal(value: float, pattern: str, lang: str, system: str) -> str:
    """Kept, since a page writes the same few numbers over and over."""
    locale = Locale.parse(lang, sep="-")
    return format_decimal(value, format=pattern, locale=locale, numbering_system=system)


@lru_cache(maxsize=32)
def _load(lang: str, folder: Path) -> Catalogue:
    known = _languages(folder)
    if lang not in known:
        raise InputError(
            f"The language must be one of {', '.join(known)}",
            found=f"{lang[:20]!r}",
            do="Choose one of them",
        )
    messages: dict[str, _Message] = {}
    own: dict[str, _Message] = {}
    # English first, so that the language's own messages take the place of English ones.
    for code in dict.fromkeys((ENGLISH, lang)):
        try:
            locale = Locale.parse(code, sep="-")
        except (UnknownLocaleError, ValueError):
            raise SchemaError(
                "A folder of texts must bear a language's code",
                found=f"the folder {code}",
                do="Rename it, to fa for instance",
            ) from None
        if code in known:
            own = _read(folder / code, locale)
            messages |= own
    return Catalogue(lang, locale, messages, tuple(sorted(messages.keys() - own.keys())))


def _read(folder: Path, locale: Locale) -> dict[str, _Message]:
    messages: dict[str, _Message] = {}
    for path in (*sorted(folder.glob("*.yaml")), *sorted(folder.parent.glob("*.yaml"))):
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (yaml.YAMLError, UnicodeDecodeError):
            raise _error(path, "the file must be YAML in UTF-8", "something else") from None
        if not isinstance(content, Mapping):
            raise _error(path, "the file must be a mapping", type(content).__name__)
        for key, parts in _flatten(content, "", path):
            if path.parent != folder:
                key, _, lang = key.rpartition(".")
                if lang != folder.name:
                    continue
            if key in messages:
                raise _error(path, "a message must stand in one file only", f"{key} again")
            messages[key] = _Message(parts, locale)
    return messages


def _flatten(
    content: Mapping[Any, Any], prefix: str, path: Path
) -> Iterable[tuple[str, dict[str, tuple[Part, ...]]]]:
    for name, value in content.items():
        if not isinstance(name, str):
            raise _error(path, "a key must be a text in quotes", f"{name!r} under {prefix or '/'}")
        key = f"{prefix}{name}"
        if isinstance(value, str):
            yield key, {"other": _parts(value, key, path)}
        elif isinstance(value, Mapping):
            if "other" in value and len(value) > 1 and _PLURALS.issuperset(value):
                yield key, {form: _parts(str(text), key, path) for form, text in value.items()}
            else:
                yield from _flatten(value, f"{key}.", path)
        else:
            raise _error(path, "a message must be a text or a mapping", f"{key}")


def _parts(template: str, key: str, path: Path) -> tuple[Part, ...]:
    try:
        pieces = list(Formatter().parse(template))
    except ValueError:
        raise _error(path, "braces must be closed", key) from None
    parts: list[Part] = []
    for literal, name, form, conversion in pieces:
        if name is not None and (
            not name.isidentifier() or conversion or (form and form not in FORMS)
        ):
            forms = ", ".join(FORMS)
            raise _error(path, f"braces must hold a name, perhaps with one of {forms}", key)
        parts.append((literal, name, form or ""))
    return tuple(parts)


def _error(path: Path, must: str, found: str) -> SchemaError:
    return SchemaError(
        f"In a file of texts {must}",
        found=f"{found} in {path.parent.name}/{path.name}",
        do="Correct the file",
    )
