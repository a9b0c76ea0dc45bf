"""A draft of a column of numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from scoring_ml.data.drafting.look import (
    ColumnLook,
    DraftedColumn,
    almost,
    few_odd,
    name_pattern,
    odd_reason,
    read_most,
    reading,
)
from scoring_ml.data.schema import Column
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.data.values.numbers import Amount, parse_amount, plain_digits
from scoring_ml.data.values.typed import amount_value

_CODE: Final = re.compile(r"[+-]?0\d+")
_THREE: Final = re.compile(r"\D*[1-9]\d{0,2}\.\d{3}\D*")
_BARE_M: Final = re.compile(r"\d[\d.,]* ?[mм]\.?", re.IGNORECASE)
_STAND_IN: Final = re.compile(r"-?9+|-1")


def draft_number(look: ColumnLook) -> DraftedColumn | None:
    """Propose how numbers are read; none where too many cells are no number."""
    found = _amounts(look)
    if found is None:
        return None
    decimal, amounts, odd = found
    # A leading zero belongs to a code, such as a postal code, not to a number.
    if any(_CODE.fullmatch(plain_digits(text)) for text in amounts):
        return None
    findings, reasons = [], []
    words = [text for text in odd if not any(sign.isdigit() for sign in text)]
    rows = sum(look.counts[text] for text in odd)
    # A few words are missing; what looks like a number must be told, and decided if not rare.
    if odd and few_odd(look, odd) and (words == odd or rows * 100 <= look.filled):
        reasons += odd_reason(odd)
        if words != odd:
            findings.append(replace(almost(look, "a number", odd), grade="note"))
        missing, look = tuple(odd), look.without(odd)
    else:
        missing = ()
        findings += [almost(look, "a number", odd)] if odd else []
    currency, found_money = _currency(look, amounts)
    hundredths, found_percent = _hundredths(look, amounts)
    findings += [*found_money, *found_percent, *_grouped_point(look, amounts, decimal)]
    findings += _months(look, amounts, odd)
    column = Column(look.name, "number", decimal=decimal, currency=currency, hundredths=hundredths)
    values = {
        text: amount_value(amount, column)
        for text, amount in amounts.items()
        if currency is None or amount.currency in (None, currency)
    }
    whole = not odd and all(value.is_integer() for value in values.values())
    reasons += _grouping(values, decimal)
    if currency and any(amount.currency is None for amount in amounts.values()):
        reasons.append(f"amounts without a currency are taken to be in {currency}; confirm")
    stand_ins = _stand_ins(look, values)
    if stand_ins:
        rest = [value for text, value in values.items() if text not in stand_ins]
        rows = sum(look.counts[text] for text in stand_ins)
        params = {"words": ", ".join(stand_ins), "n": str(rows), "low": f"{min(rest):g}"}
        reasons.append(reading("stand_ins", 1.0, **params, high=f"{max(rest):g}").text)
    column = replace(column, missing=(*missing, *stand_ins), reason="; ".join(reasons))
    draft = DraftedColumn(column, look, tuple(findings), numbers=values if whole else {})
    if draft.unique and (look.names("id") or draft.direction() is not None):
        column = Column(look.name, "id", use=False, reason="every row has another number")
        return replace(draft, column=column, findings=())
    return draft


def _amounts(look: ColumnLook) -> tuple[str, dict[str, Amount], list[str]] | None:
    """Return the decimal sign with which more rows read, the numbers, and what reads as none."""
    read = {".": read_most(look, parse_amount)}
    if read["."] is None or read["."][1]:
        read[","] = read_most(look, partial(parse_amount, decimal=","))

    def unread(decimal: str) -> int:
        found = read[decimal]
        odd = look.counts if found is None else found[1]
        return sum(look.counts[text] for text in odd)

    decimal = min(read, key=unread)  # the point, if both read alike
    found = read[decimal]
    return None if found is None else (decimal, *found)


def _currency(
    look: ColumnLook, amounts: Mapping[str, Amount]
) -> tuple[str | None, list[Suspicion]]:
    """Return the currency of most amounts, and a finding if there are several."""
    rows: Counter[str] = Counter()
    for text, amount in amounts.items():
        if amount.currency is not None:
            rows[amount.currency] += look.counts[text]
    if len(rows) < 2:
        return next(iter(rows), None), []
    return rows.most_common()[0][0], [rates_asked(look.name, rows)]


def rates_asked(name: str, rows: Counter[str]) -> Suspicion:
    """Return the question for the rates of an amount's currencies, given the rows of each."""
    (currency, most), *others = rows.most_common()
    shares = ", ".join(f"{code} ({number} rows)" for code, number in rows.most_common())
    rates = ", ".join(f"{code}: ..." for code, _ in others)
    params = {"name": name, "shares": shares, "currency": currency, "rates": rates}
    return reading("currencies", most / rows.total(), **params)


def _hundredths(look: ColumnLook, amounts: Mapping[str, Amount]) -> tuple[bool, list[Suspicion]]:
    """Tell whether percentages stand beside shares of one, and ask where that cannot be told."""
    percents = [amount.value for amount in amounts.values() if amount.percent]
    plain = [amount.value for amount in amounts.values() if not amount.percent]
    if not percents or not plain or not all(0 <= value <= 1 for value in plain):
        return False, []
    sure = max(percents) > 1
    rows = sum(look.counts[text] for text, amount in amounts.items() if amount.percent)
    key, grade = ("hundredths", "note") if sure else ("percents", "ask")
    params = {"n": rows, "filled": look.filled, "name": look.name}
    return sure, [reading(key, rows / look.filled, grade, **params)]


def _grouped_point(look: ColumnLook, texts: Iterable[str], decimal: str) -> list[Suspicion]:
    """Ask whether 1.234 is a thousand, where every point stands before three digits."""
    plain = [plain_digits(text) for text in texts]
    parted = [text for text in plain if "." in text]
    if decimal == "," or not parted or not all(_THREE.fullmatch(text) for text in parted):
        return []
    # A number of four digits shows that thousands are not parted.
    if any(re.search(r"\d{4}", text) for text in plain) or any("," in text for text in plain):
        return []
    return [reading("grouped_point", len(parted) / len(plain), name=look.name)]


def _months(look: ColumnLook, amounts: Mapping[str, Amount], odd: Sequence[str]) -> list[Suspicion]:
    """Ask whether 3m counts months, unless amounts of money or other words of size stand there."""
    bare = [text for text in amounts if _BARE_M.fullmatch(text)]
    money = look.names("money") or any(
        amount.currency is not None or (text not in bare and any(map(str.isalpha, text)))
        for text, amount in amounts.items()
    )
    spans = look.names("span") or any(
        re.search(name_pattern("lasting"), text.casefold()) for text in odd
    )
    if not bare or (money and not spans):
        return []
    rows = sum(look.counts[text] for text in bare)
    line = look.line(bare[0])
    return [reading("months", rows / look.filled, shown=repr(bare[0]), n=rows, line=line)]


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
    often = [text for text in values if look.counts[text] >= max(5, look.filled / 100)]
    for text in often:
        value = values[text]
        if not _STAND_IN.fullmatch(f"{value:.12g}"):
            continue
        rest = [other for other in values.values() if other != value]
        if len(rest) < 5:
            continue
        low, high = min(rest), max(rest)
        alone = value < 0 <= low and len(rest) >= 10 and all(r.is_integer() for r in rest)
        if alone or max(low - value, value - high) > max(high - low, 1.0):
            numbers.append(text)
    return numbers
