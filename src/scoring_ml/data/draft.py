"""Draft what a flat file means, from its values first and its column names second.

A draft is a proposal for a person to read. Every guess says in ``reason`` what it rests on; the
leak audit, which looks at the outcome, comes afterwards and elsewhere.
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
from scoring_ml.data.files.flat import Flat
from scoring_ml.data.names import nearest
from scoring_ml.data.schema import Column, Order, Schema, Target
from scoring_ml.data.values.contacts import like_emails, like_phones
from scoring_ml.data.values.moments import LATEST, parse_date
from scoring_ml.data.values.numbers import parse_boolean, parse_number, plain_digits
from scoring_ml.data.values.vocabulary import MISSING_WORDS, tidy
from scoring_ml.errors import InputError

ASSUMED: Final = "assumed known at creation: nothing in the file speaks against it; confirm"
"""Reason of every drafted column."""

_CERTAIN: Final = re.compile(
    "(un|not )known|(not |un)specified|not (set|provided|available|given)|no (answer|data)|"
    "prefer not to say|не ?известно|не (указан[ао]?|выбрано|задано)|нет данных|"
    "نامشخص|نامعلوم|(انتخاب|وارد|ثبت) نشده"
)
# These may be answers too.
_PLACEHOLDER: Final = re.compile(
    rf"{_CERTAIN.pattern}|(please )?(select|choose)( one| an option)?|undefined|"
    "выберите( вариант)?|(لطفا )?انتخاب کنید"
)

# A placeholder in so many columns, spelt alike, is missing in the whole file.
_PLACEHOLDER_COLUMNS: Final = 3

_WON: Final = re.compile(
    "(closed |deal )?won|win|converted|customer|client|success(ful)?|sold|sale|purchased|bought|"
    "subscribed|paid|выигран[ао]?|успе(х|ш[а-я]+)( сделка| реализовано)?|купил[аи]?|"
    "куплено|оплачен[ао]?|продан[ао]?|продажа|برنده|(بسته شده )?موفق|خرید(ار)?|فروش|"
    "فروخته شد|قرارداد بسته ?شده|مشتری"
)
_LOST: Final = re.compile(
    "(closed |deal )?lost|(not |un)converted|fail(ed|ure)?|unsuccessful|rejected|refused|"
    "declined|disqualified|unqualified|junk|not (interested|sold)|не ?успе(х|ш[а-я]+)|"
    "проигран[а-я]*( сделка)?|отказ|(закрыто и )?не реализовано|потерян[ао]?|"
    "بازنده|ناموفق|(قرارداد )?از ?دست ?رفته|(رد|لغو)( شده)?"
)
_OPEN: Final = re.compile(
    rf"{_PLACEHOLDER.pattern}|open|in (progress|process)|new|pending|working|active|contacted|"
    "qualified|negotiation|proposal|on hold|в (работе|процессе)|нов(ый|ая|ое)|"
    "открыт[ао]?|باز|جدید|در (حال پیگیری|جریان|انتظار)"
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
_ID_NAME: Final = r"(id|uuid|guid|key|number|no|nr|code|номер|код|ид|شناسه|شماره|کد)\b|[#№]"
_LEAD_NAME: Final = "lead|prospect|enquiry|inquiry|record|заявк|лид|لید"
_PHONE_NAME: Final = r"phone|mobile|cell|tel\b|whatsapp|телефон|мобильн|تلفن|موبایل|همراه"
_CONTACT_INSIDE: Final = re.compile(r"\S@\S+\.\w|\+\d[\d ()-]{7,}\d|\b\d{10,}\b")
"""An address or a telephone number somewhere in a text."""

_PERSON_NAME: Final = (
    "((full|first|last|middle|given|family|contact|customer|client|lead|person|owner|sales|agent|"
    "manager|rep) ?)?(name|person)|contact|owner|surname|"
    "(street )?address|фио|имя|фамилия|отчество|адрес|"
    "نام( و نام)?( خانوادگی)?|آدرس|نشانی"
)
_MADE: Final = (
    "creat|submit|regist|receiv|added|enter|[ei]nquir|sign ?up|date|time|"
    "созда|дата|время|поступ|регистр|تاریخ|ایجاد|ثبت"
)
_LATER: Final = (
    "clos|convert|won|lost|last|modif|updat|chang|next|due|end|expir|birth|dob|deadline|follow|"
    "paid|purchase|закры|измен|обнов|послед|рожд|оплат|след|بسته|آخرین|تولد|تغییر|پیگیری"
)
_CODE: Final = re.compile(r"[+-]?0\d+")
_STAND_IN: Final = re.compile(r"-?9+|-1")

# So many different words may stand among numbers or dates and count as missing.
_MOST_JUNK: Final = 3


def draft_schema(
    flat: Flat,
    *,
    target: str,
    dataset: str | None = None,
    won: Sequence[str] = (),
    lost: Sequence[str] = (),
) -> Schema:
    """Propose what each column of a flat file means.

    Parameters
    ----------
    flat : Flat
    target : str
        Column that holds the outcome.
    dataset : str or None
        Name of the data set; the file's name without its ending if not given.
    won, lost : sequence of str
        Words of the target, where they cannot be recognised.

    Returns
    -------
    Schema
        Every cell of its columns reads without error.

    Raises
    ------
    InputError
        If the target is missing, has one class only, or has words that cannot be recognised.
    """
    names = [str(name) for name in flat.frame.columns]
    if target not in names:
        like = nearest(target, names)
        raise InputError(
            "The target must be a column of the file",
            found=f"no column {target!r} in {flat.facts.name}",
            do=f"Write {like!r}" if like else f"Choose one of its {len(names)} columns",
        )
    looks = {name: _look(name, flat.frame[name]) for name in names}
    missing = _missing_words(looks.values())
    outcome = _target(looks.pop(target), won, lost)
    drafts = {name: _column(look.without(missing)) for name, look in looks.items()}
    key = _choose_id(drafts)
    order = _choose_order(drafts)
    columns = tuple(
        draft.column for name, draft in drafts.items() if name != key and name != order.column
    )
    stem = re.sub(r"(\.(csv|tsv|txt|parquet|pq|gz))+$", "", flat.facts.name, flags=re.IGNORECASE)
    return Schema(
        dataset=dataset or stem,
        id=key,
        target=outcome,
        order=order,
        missing=missing,
        columns=columns,
    )


@dataclass(frozen=True)
class _Look:
    """The cells of one column, as text in the file's order and counted by text."""

    name: str
    cells: Sequence[str]
    counts: Mapping[str, int]

    @property
    def filled(self) -> int:
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

    def without(self, words: Iterable[str]) -> _Look:
        """Return the column with those words counted as empty."""
        folded = {word.casefold() for word in words} - {""}
        if not folded:
            return self
        return replace(
            self,
            counts={text: n for text, n in self.counts.items() if text.casefold() not in folded},
        )


def _look(name: str, cells: Iterable[Any]) -> _Look:
    texts = [cell_text(cell) for cell in cells]
    counts: Counter[str] = Counter()
    for text, number in Counter(texts).items():
        counts[tidy(text)] += number
    counts.pop("", None)
    return _Look(name, texts, counts)


def _fold(word: str) -> str:
    """Fold a word of an outcome or a placeholder, so that its usual spellings are one."""
    plain = plain_digits(tidy(word)).casefold().replace("ё", "е")
    plain = plain.replace("ي", "ی").replace("ك", "ک")
    plain = " ".join(re.sub(r"[\W_]+", " ", plain.replace("\u200c", " ")).split())
    return plain or word


def _target(look: _Look, won: Sequence[str], lost: Sequence[str]) -> Target:
    given = {tidy(w).casefold(): "won" for w in won} | {tidy(w).casefold(): "lost" for w in lost}
    kinds: dict[str, list[str]] = {"won": [], "lost": [], "open": [], "other": []}
    for text in look.counts:
        kinds[given.get(text.casefold()) or _outcome(text)].append(text)
    if (kinds["other"] and not given) or not (kinds["won"] and kinds["lost"]):
        raise InputError(
            "The target must hold both won and lost leads, in words that can be recognised "
            "(1 and 0, yes and no, won and lost)",
            found=f"column {look.name!r} has {_describe(look)}",
            do="Name another column, or say which of its words mean won and lost: "
            "scoring-ml init ... --won WORD --lost WORD",
        )
    words = (tuple(sorted(kinds[kind])) for kind in ("won", "lost", "open"))
    return Target(look.name, *words)


def _outcome(text: str) -> str:
    if text.casefold() in MISSING_WORDS:
        return "open"
    for read in (parse_boolean, parse_number):
        try:
            return {1.0: "won", 0.0: "lost"}.get(read(text), "other")
        except ValueError:
            continue
    word = _fold(text)
    for kind, words in (("won", _WON), ("lost", _LOST), ("open", _OPEN)):
        if words.fullmatch(word):
            return kind
    return "other"


def _describe(look: _Look) -> str:
    """Say which values a target has, unless they may be personal."""
    if not look.counts:
        return "no value"
    if len(look.counts) > 10 or any(len(text) > 40 or "@" in text for text in look.counts):
        return f"{len(look.counts)} different values"
    rows = sorted(look.counts.items(), key=lambda item: (-item[1], item[0]))
    return "the value(s) " + ", ".join(f"{text!r} ({number} rows)" for text, number in rows)


def _missing_words(looks: Iterable[_Look]) -> tuple[str, ...]:
    usual: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    for look in looks:
        for text in look.words:
            if text.casefold() in MISSING_WORDS:
                usual[text] += look.counts[text]
            elif _PLACEHOLDER.fullmatch(_fold(text)):
                columns[text] += 1
    often = [text for text, number in columns.items() if number >= _PLACEHOLDER_COLUMNS]
    spelt: dict[str, str] = {}
    # Case does not count, so one spelling is enough: the most frequent.
    for text in [*(text for text, _ in usual.most_common()), *often]:
        spelt.setdefault(text.casefold(), text)
    return ("", *spelt.values())


@dataclass(frozen=True)
class _Draft:
    """A drafted column, with the dates or whole numbers that could order the rows."""

    column: Column
    look: _Look
    moments: Mapping[str, datetime] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def unique(self) -> bool:
        """Whether every row has a value, and no two have the same."""
        return len(self.look.counts) == len(self.look.cells) == self.look.filled > 1

    @property
    def share(self) -> float:
        return self.look.filled / len(self.look.cells)

    def direction(self) -> int | None:
        """Tell how unique whole numbers go along the file.

        1 rising or -1 falling in 95 % of the steps, 0 in no order but as dense as numbers given
        one after the other, ``None`` for anything else, also for few rows without a telling name.
        """
        named = self.look.named(_ID_NAME)
        if not self.numbers or not self.unique or (len(self.numbers) < 10 and not named):
            return None
        numbers = np.array([self.numbers[tidy(text)] for text in self.look.cells])
        up = float(np.mean(np.diff(numbers) > 0))
        if not 0.05 < up < 0.95:
            return 1 if up > 0.5 else -1
        return 0 if np.ptp(numbers) < 2 * len(numbers) and named else None


def _column(look: _Look) -> _Draft:
    certain = [text for text in look.words if _CERTAIN.fullmatch(_fold(text))]
    look = look.without(certain)
    if not look.counts:
        reason = f"no row has a value; {ASSUMED}"
        return _Draft(Column(look.name, "category", use=False, reason=reason), look)
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


def _criterion(look: _Look, kind: str) -> str:
    if kind in ("email", "phone"):
        return "reachability"
    for criterion, pattern in _CRITERIA.items():
        # A number of campaigns or sources is not the name of one.
        if look.named(pattern) and (kind == "category" or criterion not in ("source", "campaign")):
            return criterion
    return "other"


def _boolean(look: _Look) -> _Draft | None:
    if _read(look, parse_boolean)[1] or look.counts.keys() in ({"0"}, {"1"}):
        return None
    return _Draft(Column(look.name, "boolean"), look)


def _date(look: _Look) -> _Draft | None:
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
    return _Draft(column, look.without(junk), moments=values)


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


def _few(look: _Look, junk: Sequence[str]) -> bool:
    odd = sum(look.counts[text] for text in junk)
    return len(junk) <= _MOST_JUNK and odd * 10 <= look.filled and len(junk) < len(look.counts)


def _junk_reason(junk: Sequence[str]) -> list[str]:
    return [f"{len(junk)} odd word(s) read as not known; see missing"] if junk else []


def _contact(look: _Look) -> _Draft | None:
    if like_emails(look.counts):
        return _Draft(Column(look.name, "email"), look)
    if not like_phones(look.counts, named=look.named(_PHONE_NAME)):
        return None
    reason = "numbers without a country code can only be judged once region is given"
    return _Draft(Column(look.name, "phone", reason=reason), look)


def _number(look: _Look) -> _Draft | None:
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
    draft = _Draft(column, look, numbers=values if whole else {})
    if draft.unique and (look.named(_ID_NAME) or draft.direction() is not None):
        column = Column(look.name, "id", use=False, reason="every row has another number")
        return replace(draft, column=column)
    return draft


_T = TypeVar("_T")


def _read(look: _Look, parse: Callable[[str], _T]) -> tuple[dict[str, _T], list[str]]:
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


def _stand_ins(look: _Look, values: Mapping[str, float]) -> list[str]:
    """Find numbers such as 999 or -1 that are written where nothing is known.

    Evidence asked for: nines only, or -1; at least 5 rows and 1 % of them; and either further
    from the others than these are from each other, or the only whole number below zero.
    """
    found = []
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
            found.append(text)
    return found


def _words(look: _Look) -> _Draft:
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
    return _Draft(Column(look.name, kind, use=kind == "category", reason=reason), look)


def _choose_id(drafts: Mapping[str, _Draft]) -> str | None:
    """Choose the column that names a lead: unique, and best by its name."""

    def rank(draft: _Draft) -> tuple[bool, bool, bool]:
        exact = draft.look.named(r"(id|uuid|guid|ид|شناسه)\b")
        return draft.look.named(_LEAD_NAME) and exact, exact, draft.look.named(_ID_NAME)

    found = [name for name, d in drafts.items() if d.column.type == "id" and d.unique]
    return max(found, key=lambda name: rank(drafts[name]), default=None)


def _choose_order(drafts: Mapping[str, _Draft]) -> Order:
    """Choose what puts leads in order of time: a date, else a rising number, else the rows."""
    dates = {
        name: draft
        for name, draft in drafts.items()
        if len(set(draft.moments.values())) > 1
        and draft.share >= 0.8
        and not draft.look.named(_LATER)
    }
    if dates:

        def rank(name: str) -> tuple[bool, float, float]:
            draft = dates[name]
            ages = [(LATEST - at).days * draft.look.counts[t] for t, at in draft.moments.items()]
            earliest = sum(ages) / draft.look.filled
            return draft.look.named(_MADE), round(draft.share, 2), earliest

        name = max(dates, key=rank)
        draft = dates[name]
        reasons = [f"the likeliest of {len(dates)} date(s) to be the lead's creation; confirm"]
        if draft.share < 1:
            reasons.append(f"{len(draft.look.cells) - draft.look.filled} rows have none")
        reasons.append(draft.column.reason.removesuffix(ASSUMED).rstrip("; "))
        day_first, reason = draft.column.day_first, "; ".join(filter(None, reasons))
        return Order("time", name, day_first=day_first, reason=reason)
    ways = {name: draft.direction() for name, draft in drafts.items()}
    # A number that rises or falls comes before one that is only dense.
    for name in sorted(ways, key=lambda name: not ways[name]):
        if (way := ways[name]) is not None:
            along = {1: "rises", -1: "falls", 0: "is dense but not sorted"}[way]
            reason = f"inferred: the number is unique and {along} along the file, as numbers given "
            reason += "at creation do; larger is taken for newer; confirm"
            return Order("number", name, reason=reason)
    reason = "no column gives an order of time; rows are taken to be oldest first, which nobody "
    return Order("row", reason=reason + "has confirmed; write by: none if they are not")
