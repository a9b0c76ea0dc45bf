"""A draft of what a flat file means: its outcome, id, order and columns.

A draft is a proposal for a person to read. Every guess says in ``reason`` what it rests on; the
leak audit, which looks at the outcome, comes afterwards and elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from scoring_ml.data.draft_column import ASSUMED, draft_columns
from scoring_ml.data.drafting.keys import choose_account
from scoring_ml.data.drafting.look import ColumnLook, DraftedColumn, is_not_known, look_at
from scoring_ml.data.drafting.outcomes import OUTCOMES, outcome_meanings
from scoring_ml.data.files.data_file import DataFile
from scoring_ml.data.names import nearest
from scoring_ml.data.schema import Order, Schema, Target
from scoring_ml.data.suspicion import Suspicion
from scoring_ml.data.values.vocabulary import MISSING_WORDS, folded
from scoring_ml.errors import InputError
from scoring_ml.texts import Catalogue

# A placeholder in so many columns, spelt alike, is missing in the whole file.
_PLACEHOLDER_COLUMNS: Final = 3


def draft_schema(
    file: DataFile,
    *,
    target: str,
    dataset: str | None = None,
    won: Sequence[str] = (),
    lost: Sequence[str] = (),
    still_open: Sequence[str] = (),
) -> Schema:
    """Propose what each column of a flat file means.

    Parameters
    ----------
    dataset : str or None
        Name of the data set; the file's name without its ending if not given.

    Returns
    -------
    Schema
        Every cell of its columns reads without error.

    Raises
    ------
    InputError
        If the target is missing, has one class only, or has words that cannot be recognised.
    """
    names = file.table.column_names
    if target not in names:
        like = nearest(target, names)
        raise InputError(
            "The target must be a column of the file",
            found=f"no column {target!r} in {file.facts.name}",
            do=f"Write {like!r}" if like else f"Choose one of its {len(names)} columns",
        )
    looks = {name: look_at(name, file.table.column(name), file.facts.line_of) for name in names}
    missing = _missing_words(looks.values())
    outcome = _target(looks.pop(target), {"won": won, "lost": lost, "open": still_open})
    drafts = draft_columns({name: look.without(missing) for name, look in looks.items()})
    key = _choose_id(drafts)
    order = choose_order(drafts)
    account = choose_account({name: drafts[name] for name in drafts if name != key})
    roles = (key, order.column, account)
    columns = tuple(draft.column for name, draft in drafts.items() if name not in roles)
    stem = re.sub(r"(\.(csv|tsv|txt|parquet|pq|gz))+$", "", file.facts.name, flags=re.IGNORECASE)
    return Schema(
        dataset=dataset or stem,
        id=key,
        account=account,
        target=outcome,
        order=order,
        missing=missing,
        columns=columns,
    )


def _target(look: ColumnLook, words: Mapping[str, Sequence[str]]) -> Target:
    given = {folded(word): kind for kind, each in words.items() for word in each}
    kinds: dict[str, list[str]] = {kind: [] for kind in (*OUTCOMES, "other")}
    for text, kind in outcome_meanings(look.counts).items():
        if kind == "other" and is_not_known(text, or_answer=True):
            kind = "open"
        kinds[given.get(folded(text), kind)].append(text)
    if (kinds["other"] and not given) or not (kinds["won"] and kinds["lost"]):
        raise InputError(
            "The target must hold both won and lost leads, in words that can be recognised "
            "(1 and 0, yes and no, won and lost)",
            found=f"column {look.name!r} has {_describe(look)}",
            do="Name another column, or say which of its words mean won and lost: "
            "scoring-ml init ... --won WORD --lost WORD (and --open WORD)",
        )
    return Target(look.name, *(tuple(sorted(kinds[kind])) for kind in OUTCOMES))


def _describe(look: ColumnLook) -> str:
    """Say which values a target has, unless they may be personal."""
    if not look.counts:
        return "no value"
    if len(look.counts) > 10 or any(len(text) > 40 or "@" in text for text in look.counts):
        return f"{len(look.counts)} different values"
    rows = sorted(look.counts.items(), key=lambda item: (-item[1], item[0]))
    return "the value(s) " + ", ".join(f"{text!r} ({number} rows)" for text, number in rows)


def _missing_words(looks: Iterable[ColumnLook]) -> tuple[str, ...]:
    usual: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    for look in looks:
        for text in look.words:
            if text.casefold() in MISSING_WORDS:
                usual[text] += look.counts[text]
            elif is_not_known(text, or_answer=True):
                columns[text] += 1
    often = [text for text, number in columns.items() if number >= _PLACEHOLDER_COLUMNS]
    spelt: dict[str, str] = {}
    # Case does not count, so one spelling is enough: the most frequent.
    for text in [*(text for text, _ in usual.most_common()), *often]:
        spelt.setdefault(text.casefold(), text)
    return ("", *spelt.values())


def _choose_id(drafts: Mapping[str, DraftedColumn]) -> str | None:
    """Choose the column that names a lead: unique, and best by its name.

    One that is named so is it also if a few leads stand twice, as with two deals.
    """

    def rank(draft: DraftedColumn) -> tuple[bool, bool, bool]:
        exact = draft.look.names("exact_id")
        return draft.look.names("lead") and exact, exact, draft.look.names("id")

    def names_leads(draft: DraftedColumn) -> bool:
        look = draft.look
        few = 2 * len(look.counts) >= look.rows == look.filled > 1
        return draft.unique or (few and (rank(draft)[0] or look.title == "id"))

    ids = [name for name, d in drafts.items() if d.column.type == "id" and names_leads(d)]
    return max(ids, key=lambda name: rank(drafts[name]), default=None)


def choose_order(drafts: Mapping[str, DraftedColumn]) -> Order:
    """Choose what puts leads in order of time: a date, else a rising number, else the rows.

    What is not sure of it is asked: dates that leave their form open, an order of rows, and a
    column that is named like the creation and cannot be read.
    """
    dates = {
        name: draft
        for name, draft in drafts.items()
        if len(set(draft.moments.values())) > 1
        and draft.dated >= 0.8
        and not draft.look.names("later")
    }
    if dates:

        def rank(name: str) -> tuple[bool, float, float]:
            draft = dates[name]
            times = [at * draft.look.counts[text] for text, at in draft.moments.items()]
            return draft.look.names("made"), round(draft.dated, 2), -sum(times) / draft.look.filled

        name = max(dates, key=rank)
        draft = dates[name]
        reasons = [_text("likeliest", n=len(dates))]
        if draft.dated < 1:
            reasons.append(f"{round((1 - draft.dated) * draft.look.rows)} rows have none")
        reasons.append(draft.column.reason.removesuffix(ASSUMED).rstrip("; "))
        return Order(
            "time",
            name,
            reason="; ".join(filter(None, reasons)),
            missing=draft.column.missing,
            audit=tuple(
                replace(item, probe="order", text=f"order by {name}: {item.text}")
                for item in draft.findings
            ),
            **draft.column.date_keys,
        )
    unread = [name for name, draft in drafts.items() if _looks_like_creation(draft)]
    ways = {name: draft.direction() for name, draft in drafts.items()}
    # A number that rises or falls comes before one that is only dense.
    for name in sorted(ways, key=lambda name: not ways[name]):
        if (way := ways[name]) is not None:
            along = {1: "rises", -1: "falls", 0: "is dense but not sorted"}[way]
            return Order("number", name, reason=_text("number", along=along), audit=_unread(unread))
    reason = _text("rows")
    asked = _unread(unread) or (Suspicion("ask", "order", 1.0, f"order: {reason}"),)
    return Order("row", reason=reason, audit=asked)


def _looks_like_creation(draft: DraftedColumn) -> bool:
    """Tell whether a column is named like the creation of a lead, and cannot order the rows."""
    look = draft.look
    other = draft.column.type in ("number", "boolean", "email", "phone") or look.names("later")
    return look.names("creation") and not other and not look.names("not_when") and bool(look.counts)


def _unread(names: Sequence[str]) -> tuple[Suspicion, ...]:
    if not names:
        return ()
    return (Suspicion("ask", "order", 1.0, _text("unread", names=", ".join(names))),)


def _text(key: str, **params: Any) -> str:
    return Catalogue.load().text(f"draft.order.{key}", **params)
