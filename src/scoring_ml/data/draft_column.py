"""A draft of one column of a flat file: its type, how its values are read, and why.

The values are looked at first, the column's name second.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeVar

import numpy as np

from scoring_ml.data.files.arrow_cells import cell_text
from scoring_ml.data.schema import Column
from scoring_ml.data.values.contacts import like_emails, like_phones
from scoring_ml.data.values.moments import parse_date
from scoring_ml.data.values.numbers import parse_boolean, parse_number, plain_digits
from scoring_ml.data.values.vocabulary import tidy

ASSUMED: Final = "assumed known at creation: nothing in the file speaks against it; confirm"
"""Reason of every drafted column."""

NOT_KNOWN: Final = re.compile(
    "(un|not )known|(not |un)specified|not (set|provided|available|given)|no (answer|data)|"
    "prefer not to say|не ?известно|не (указан[ао]?|выбрано|задано)|нет данных|"
    "نامشخص|نامعلوم|(انتخاب|وارد|ثبت) نشده"
)

# In this order: the first that a word of the name begins with.
_CRITERIA: Final[Mapping[str, str]] = {
    "timeline": "time ?(line|frame)|deadline|when|purchase date|срок|когда|زمان (تصمیم|خرید)|مهلت",
    "budget": "budget|afford|funds|income|salary|бюджет|доход|зарплат|بودجه|درآمد",
    "need_urgency": "need|urgen|pain|problem|priority|потребн|срочн|проблем|نیاز|فوریت",
    "authority": "job|title|role|position|occupation|profession|decision|seniority|authority|"
    "должност|роль|професси|лпр|سمت|شغل|تصمیم",
    "campaign": "campaign|utm|кампани|کمپین",
    "source": "source|channel|medium|referr|origin|hear|источник|канал|منبع|کانال",
    "engagement": r"visit|page|view|time (spent|on)|download|opens?\b|opened|click|session|webinar|"
    "meeting|repl|activit|engage|визит|посещ|просмотр|вовлеч|встреч|بازدید|دانلود|تعامل|کلیک",
    "reachability": "phone|mobile|cell|e ?mail|contact|call|телефон|почт|контакт|تلفن|موبایل|"
    "ایمیل|تماس",
    "industry_fit": "industr|sector|segment|vertical|employees|company|firm|market|отрасл|сфера|"
    "сегмент|компани|صنعت|حوزه|شرکت|بازار",
}
_ASKABLE: Final = ("industry_fit", "budget", "need_urgency", "authority", "timeline")
_QUESTION: Final = r"(what|how|which|when|why|where|who|(do|are|have|would) you)\b|.*[?؟]$"
ID_NAME: Final = r"(id|uuid|guid|key|number|no|nr|code|номер|код|ид|شناسه|شماره|کد)\b|[#№]"
_PHONE_NAME: Final = r"phone|mobile|cell|tel\b|whatsapp|телефон|мобильн|تلفن|موبایل|همراه"
_CONTACT_INSIDE: Final = re.compile(r"\S@\S+\.\w|\+\d[\d ()-]{7,}\d|\b\d{10,}\b")
"""An address or a telephone number somewhere in a text."""

_PERSON_NAME: Final = (
    "((full|first|last|middle|given|family|contact|customer|client|lead|person|owner|sales|agent|"
    "manager|rep) ?)?(name|person)|contact|owner|surname|"
    "(street )?address|фио|имя|фамилия|отчество|адрес|"
    "نام( و نام)?( خانوادگی)?|آدرس|نشانی"
)
_CODE: Final = re.compile(r"[+-]?0\d+")
_STAND_IN: Final = re.compile(r"-?9+|-1")

# So many different words may stand among numbers or dates and count as missing.
_MOST_JUNK: Final = 3


@dataclass(frozen=True)
class ColumnLook:
    """The cells of one column, as text in the file's order and counted by text."""

    name: str
    cells: Sequence[str]
    counts: Mapping[str, int]

    @property
    def filled(self) -> int:
        """Rows that have a value."""
        return sum(self.counts.values())

    @property
    def title(self) -> str:
        """The name in lower case, parted into words."""
        parted = re.sub(r"(?<=[a-zа-я])(?=[A-ZА-Я])", " ", self.name)
        return " ".join(re.sub(r"[_\-./:\u200c]+", " ", parted).casefold().split())

    @property
    def words(self) -> Sequence[str]:
        """Values that could be words for "not known": those that recur, where there are many."""
        few = len(self.counts) <= 1000
        texts = (text for text, number in self.counts.items() if few or number > 1)
        return [text for text in texts if not text[0].isdigit()]

    def named(self, pattern: str) -> bool:
        """Whether a word of the name begins with the pattern."""
        return re.search(rf"(?<!\w)(?:{pattern})", self.title) is not None

    def without(self, words: Iterable[str]) -> ColumnLook:
        """Return the column with those words counted as empty."""
        folded = {word.casefold() for word in words} - {""}
        if not folded:
            return self
        return replace(
            self,
            counts={text: n for text, n in self.counts.items() if text.casefold() not in folded},
        )


def look_at(name: str, cells: Iterable[Any]) -> ColumnLook:
    """Count the cells of a column."""
    texts = [cell_text(cell) for cell in cells]
    counts: Counter[str] = Counter()
    for text, number in Counter(texts).items():
        counts[tidy(text)] += number
    counts.pop("", None)
    return ColumnLook(name, texts, counts)


def folded_word(word: str) -> str:
    """Fold a word of an outcome or a placeholder, so that its usual spellings are one."""
    plain = plain_digits(tidy(word)).casefold().replace("ё", "е")
    plain = plain.replace("ي", "ی").replace("ك", "ک")
    plain = " ".join(re.sub(r"[\W_]+", " ", plain.replace("\u200c", " ")).split())
    return plain or word


@dataclass(frozen=True)
class DraftedColumn:
    """A drafted column, with the dates or whole numbers that could order the rows."""

    column: Column
    look: ColumnLook
    moments: Mapping[str, datetime] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def unique(self) -> bool:
        """Whether every row has a value, and no two have the same."""
        return len(self.look.counts) == len(self.look.cells) == self.look.filled > 1

    @property
    def share(self) -> float:
        """Share of rows that have a value, 0-1."""
        return self.look.filled / len(self.look.cells)

    def direction(self) -> int | None:
        """Tell how unique whole numbers go along the file.

        1 rising or -1 falling in 95 % of the steps, 0 in no order but as dense as numbers given
        one after the other, ``None`` for anything else, also for few rows without a telling name.
        """
        named = self.look.named(ID_NAME)
        if not self.numbers or not self.unique or (len(self.numbers) < 10 and not named):
            return None
        numbers = np.array([self.numbers[tidy(text)] for text in self.look.cells])
        up = float(np.mean(np.diff(numbers) > 0))
        if not 0.05 < up < 0.95:
            return 1 if up > 0.5 else -1
        return 0 if np.ptp(numbers) < 2 * len(numbers) and named else None


def draft_column(look: ColumnLook) -> DraftedColumn:
    """Propose what a column means."""
    certain = [text for text in look.words if NOT_KNOWN.fullmatch(folded_word(text))]
    look = look.without(certain)
    if not look.counts:
        reason = f"no row has a value; {ASSUMED}"
        return DraftedColumn(Column(look.name, "category", use=False, reason=reason), look)
    draft = _boolean(look) or _date(look) or _contact(look) or _number(look) or _words(look)
    column = draft.column
    reasons = [column.reason] if column.reason else []
    if certain:
        reasons.append(f"{', '.join(map(repr, certain))} read as not known")
    if len(look.counts) == 1 and column.use and look.filled == len(look.cells):
        reasons.append("every row has the same value")
        column = replace(column, use=False)
    criterion = _criterion(look, column.type)
    asks = criterion in _ASKABLE or re.match(_QUESTION, look.title) is not None
    column = replace(
        column,
        missing=tuple(dict.fromkeys((*certain, *column.missing))),
        criterion=criterion,
        askable=column.use and (asks or column.type in ("email", "phone")),
        reason="; ".join([*reasons, ASSUMED]),
    )
    return replace(draft, column=column)


def _criterion(look: ColumnLook, kind: str) -> str:
    if kind in ("email", "phone"):
        return "reachability"
    for criterion, pattern in _CRITERIA.items():
        # A number of campaigns or sources is not the name of one.
        if look.named(pattern) and (kind == "category" or criterion not in ("source", "campaign")):
            return criterion
    return "other"


def _boolean(look: ColumnLook) -> DraftedColumn | None:
    if _read(look, parse_boolean)[1] or look.counts.keys() in ({"0"}, {"1"}):
        return None
    return DraftedColumn(Column(look.name, "boolean"), look)


def _date(look: ColumnLook) -> DraftedColumn | None:
    values, junk = _read(look, parse_date)
    if not _few(look, junk):
        return None
    years = [moment.year for moment in values.values()]
    compact = any(plain_digits(text).isdigit() for text in values)
    if compact and (min(years) < 1950 or max(years) > 2100):
        return None
    day_first, reason = _day_first(values)
    values = {text: parse_date(text, day_first=day_first) for text in values}
    column = Column(
        look.name,
        "date",
        day_first=day_first,
        missing=tuple(junk),
        reason="; ".join(filter(None, [reason, *_junk_reason(junk)])),
    )
    return DraftedColumn(column, look.without(junk), moments=values)


def _day_first(texts: Iterable[str]) -> tuple[bool, str]:
    """Decide whether 3/4/2026 is 3 April, from the values that can be read only one way."""
    first = second = either = 0
    for text in texts:
        match = re.match(r"(\d{1,2})[-/. ](\d{1,2})[-/. ]\d{2}", plain_digits(text))
        if match:
            a, b = int(match[1]), int(match[2])
            first, second, either = first + (a > 12), second + (b > 12), either + (a != b)
    if first and second:
        return True, "day first and month first are mixed; confirm"
    if second:
        return False, "month first, as values such as 1/31 show"
    if either and not first:
        return True, "ambiguous: no date shows whether the day is first; taken as day first"
    return True, ""


def _few(look: ColumnLook, junk: Sequence[str]) -> bool:
    odd = sum(look.counts[text] for text in junk)
    return len(junk) <= _MOST_JUNK and odd * 10 <= look.filled and len(junk) < len(look.counts)


def _junk_reason(junk: Sequence[str]) -> list[str]:
    return [f"{len(junk)} odd word(s) read as not known; see missing"] if junk else []


def _contact(look: ColumnLook) -> DraftedColumn | None:
    if like_emails(look.counts):
        return DraftedColumn(Column(look.name, "email"), look)
    if not like_phones(look.counts, named=look.named(_PHONE_NAME)):
        return None
    reason = "numbers without a country code can only be judged once region is given"
    return DraftedColumn(Column(look.name, "phone", reason=reason), look)


def _number(look: ColumnLook) -> DraftedColumn | None:
    decimal, (values, junk) = ".", _read(look, parse_number)
    if junk:
        with_comma = _read(look, lambda text: parse_number(text, decimal=","))
        if len(with_comma[1]) < len(junk):
            decimal, (values, junk) = ",", with_comma
    # A leading zero belongs to a code, such as a postal code, not to a number.
    if not _few(look, junk) or any(_CODE.fullmatch(plain_digits(text)) for text in values):
        return None
    look = look.without(junk)
    whole = all(value.is_integer() for value in values.values())
    reasons = [*_junk_reason(junk), *_grouping(values, decimal)]
    stand_ins = _stand_ins(look, values)
    if stand_ins:
        rest = [value for text, value in values.items() if text not in stand_ins]
        rows = sum(look.counts[text] for text in stand_ins)
        reasons.append(
            f"{', '.join(stand_ins)} ({rows} rows) stands far outside the other values "
            f"({min(rest):g} to {max(rest):g}) and is read as not known; confirm"
        )
    missing, reason = (*junk, *stand_ins), "; ".join(reasons)
    column = Column(look.name, "number", decimal=decimal, missing=missing, reason=reason)
    draft = DraftedColumn(column, look, numbers=values if whole else {})
    if draft.unique and (look.named(ID_NAME) or draft.direction() is not None):
        column = Column(look.name, "id", use=False, reason="every row has another number")
        return replace(draft, column=column)
    return draft


_T = TypeVar("_T")


def _read(look: ColumnLook, parse: Callable[[str], _T]) -> tuple[dict[str, _T], list[str]]:
    """Read each different text; stop where too many cannot be read."""
    values: dict[str, _T] = {}
    junk: list[str] = []
    for text in look.counts:
        try:
            values[text] = parse(text)
        except ValueError:
            junk.append(text)
            if len(junk) > _MOST_JUNK:
                break
    return values, junk


def _grouping(texts: Iterable[str], decimal: str) -> list[str]:
    if decimal == ",":
        return ["decimal comma"]
    parted = [text for text in texts if re.search(r"[.,]", text)]
    if parted and all(re.fullmatch(r"\D*\d{1,3},\d{3}\D*", text) for text in parted):
        return ["ambiguous: 1,234 is read as 1234; write decimal: ',' if it means 1.234"]
    return []


def _stand_ins(look: ColumnLook, values: Mapping[str, float]) -> list[str]:
    """Find numbers such as 999 or -1 that are written where nothing is known.

    Evidence asked for: nines only, or -1; at least 5 rows and 1 % of them; and either further
    from the others than these are from each other, or the only whole number below zero.
    """
    numbers = []
    for text, value in values.items():
        rows = look.counts[text]
        if rows < 5 or rows * 100 < look.filled or not _STAND_IN.fullmatch(f"{value:.12g}"):
            continue
        rest = [other for other in values.values() if other != value]
        if len(rest) < 5:
            continue
        low, high = min(rest), max(rest)
        alone = value < 0 <= low and len(rest) >= 10 and all(r.is_integer() for r in rest)
        if alone or max(low - value, value - high) > max(high - low, 1.0):
            numbers.append(text)
    return numbers


def _words(look: ColumnLook) -> DraftedColumn:
    different = len(look.counts)
    share = different / look.filled
    spaced = sum(number for text, number in look.counts.items() if " " in text) / look.filled
    length = sum(len(text) * number for text, number in look.counts.items()) / look.filled
    if different >= 20 and share >= 0.98 and spaced < 0.2 and length <= 64:
        kind, reason = "id", "nearly every row has another value"
    elif re.fullmatch(_PERSON_NAME, look.title):
        kind, reason = "text", "names or addresses of people"
    elif any(_CONTACT_INSIDE.search(plain_digits(text)) for text in look.counts):
        kind, reason = "text", "holds e-mail addresses or telephone numbers"
    elif different >= 20 and length > 40 and share > 0.2:
        kind, reason = "text", "long free text"
    elif different > 40 and share > 0.5:
        kind, reason = "text", "mostly different values"
    else:
        kind, reason = "category", ""
    return DraftedColumn(Column(look.name, kind, use=kind == "category", reason=reason), look)
