"""The model card in Markdown, from its facts alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from scoring_ml.tracking.markdown import figure, percent, plain, table

Facts = Mapping[str, Any]

FIELDS_OF_DRIFT: Final = 8
"""Most moved fields that the card lists even if none has moved."""

_METRICS: Final = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "log_loss": "log loss",
    "brier": "Brier",
    "ece": "ECE",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
    "lift_5": "lift, top 5 %",
    "lift_10": "lift, top 10 %",
    "lift_20": "lift, top 20 %",
    "lift_30": "lift, top 30 %",
    "captured_5": "share of wins, top 5 %",
    "captured_10": "share of wins, top 10 %",
    "captured_20": "share of wins, top 20 %",
    "captured_30": "share of wins, top 30 %",
    "wins_per_100": "wins per 100 leads at the matrix's volume",
}
_KNOWN: Final = {
    "at_creation": "at creation",
    "before_scoring": "before scoring",
    "unknown": "nobody has decided",
    "after_outcome": "after the outcome",
}


def card_text(facts: Facts) -> str:
    """Return the card.

    Parameters
    ----------
    facts : mapping
        From :func:`scoring_ml.tracking.card.card_facts`.
    """
    model = facts["model"]
    blocks = [f"# {model['name']} {model['version']} ({model['kind']})"]
    for title, section in _SECTIONS.items():
        lines = list(section(facts))
        if lines:
            blocks += [f"## {title}", "\n".join(lines)]
    return "\n\n".join(blocks) + "\n"


def summary_text(row: Mapping[str, Any]) -> str:
    """Return a candidate in one line."""
    metrics = row["metrics"]
    return (
        f"Newest window: ROC AUC {figure(metrics['roc_auc'])}, "
        f"Brier {figure(metrics['brier'])}, "
        f"calibration slope {figure(metrics['calibration_slope'])}, "
        f"lift among the top 10 % {figure(metrics['lift_10'])}."
    )


def _what(facts: Facts) -> Iterable[str]:
    model, data = facts["model"], facts["dataset"]
    yield "A score for leads, made of points that add up: 70 and more is hot, 50 to 69 is warm."
    yield ""
    yield from table(
        ("", ""),
        [
            ("model", f"{model['name']}, version {model['version']}"),
            ("kind", model["kind"]),
            ("scores", f"0 to {model['score_max']}"),
            ("trained", model["created_at"] or "n/a"),
            ("data set", data["name"]),
            ("SHA-256 of the file", f"`{data['sha256']}`"),
            ("rows of the file", f"{data['rows']:,}"),
        ],
    )


def _verdict(facts: Facts) -> Iterable[str]:
    yield plain(facts["verdict"])


def _allowed(facts: Facts) -> Iterable[str]:
    """Tell of every field that the audit refuses and somebody allowed."""
    allowed = [item for item in facts["fields"] if item["allow"]]
    if not allowed:
        return
    yield (
        "**The leak audit refuses these fields, and the schema allows them all the same. If a "
        "written reason is wrong, every figure on this card is too good.**"
    )
    yield ""
    for item in allowed:
        yield f"- **{plain(item['label'])}** - allowed because: {plain(item['allow'])}"
        yield from (f"  - {plain(audit['text'])}" for audit in item["audit"])


def _warnings(facts: Facts) -> Iterable[str]:
    yield from (f"- {plain(text)}" for text in facts["warnings"])


def _windows(facts: Facts) -> Iterable[str]:
    order = facts["order"]
    if order["random"]:
        yield "Nothing puts the leads in order of time: the windows were drawn at random."
    else:
        what = {"time": "date", "number": "number", "row": "row of the file"}[order["by"]]
        name = f" `{order['column']}`" if order["column"] else ""
        gap = f"; {order['gap_days']:g} days left out between windows" if order["gap_days"] else ""
        yield f"In order of {what}{name}{gap}. {plain(order['reason'])}".rstrip()
    yield from _cohort(facts)
    yield ""
    rows = [
        (
            name,
            f"{item['rows']:,}",
            f"{item['wins']:,}",
            f"{percent(item['base_rate'])} ({percent(item['low'])} to {percent(item['high'])})",
            item["first"] or "n/a",
            item["last"] or "n/a",
        )
        for name, item in facts["windows"].items()
    ]
    yield from table(("window", "leads", "won", "share won", "from", "to"), rows)
    yield ""
    yield f"Open leads, scored and never trained on: {facts['open']['rows']:,}."
    if order["final_labels"]:
        yield "Outcomes are taken as final as they stand in the file."
    if facts["unused"]:
        yield ""
        yield from table(
            ("rows not used", "why"),
            [(f"{item['rows']:,}", item["reason"]) for item in facts["unused"]],
        )


def _cohort(facts: Facts) -> Iterable[str]:
    """Tell who is seen when, where leads are seen at several ages."""
    cohort = facts["cohort"]
    if cohort is None:
        return
    ages = ", ".join(f"{age:g}" for age in cohort["ages_days"])
    yield ""
    yield (
        f"{cohort['leads']:,} leads, each seen at those of the ages {ages} (days) at which it was "
        "open. The windows below hold each lead once, at the age of "
        f"{cohort['headline_age_days']:g}; learned from are {cohort['fit_rows']:,} rows: the train "
        "leads at every age whose outcome was known before the calibration window began, the rows "
        "of a lead weighing 1 in all."
    )
    if cohort["horizon_days"] is not None:
        yield (
            f"Won means won within {cohort['horizon_days']:g} days from the moment at which the "
            "lead is seen."
        )
    if cohort["final_after_days"] is not None:
        yield f"An outcome is final {cohort['final_after_days']:g} days after that moment."
    elif cohort["lag_days"] is not None:
        yield f"A win may take {cohort['lag_days']:g} days to be recorded."


def _slices(facts: Facts) -> Iterable[str]:
    if not facts["slices"]:
        return
    yield (
        "The same fitted candidates on parts of the newest leads. Ages hold different leads, since "
        "a lead that is closed is seen no more: their figures are not paired."
    )
    yield ""
    rows = [
        (
            item["slice"] + (" (headline)" if item["headline"] else ""),
            item["kind"],
            f"{item['leads']:,}",
            f"{item['wins']:,}",
            figure(item["roc_auc"]),
            percent(item["predicted"]),
            percent(item["observed"]),
        )
        for item in facts["slices"]
    ]
    heads = ("slice", "candidate", "leads", "won", "ROC AUC", "mean predicted", "share won")
    yield from table(heads, rows)


def _ladder(facts: Facts) -> Iterable[str]:
    rows = [
        (item["kind"], "yes" if item["allowed"] else "no", item["reason"])
        for item in facts["ladder"]
    ]
    yield from table(("candidate", "allowed", "why not, or what restricts it"), rows)


def _candidates(facts: Facts) -> Iterable[str]:
    rows = facts["candidates"]
    yield (
        "On the test window, the newest leads, with 95 % intervals. The choice was made by the "
        "AUC on the calibration window; the test window only reports."
    )
    yield ""
    names = [f"**{row['kind']}**" if row["chosen"] else row["kind"] for row in rows]
    lines = [
        ("ROC AUC, calibration window", *(figure({"value": row["auc_calibrate"]}) for row in rows))
    ]
    lines += [
        (title, *(figure(row["metrics"][name]) for row in rows)) for name, title in _METRICS.items()
    ]
    tiers = [_tiers(row["tiers"]) for row in rows]
    lines.append(("hot / warm / cold", *tiers))
    lines.append(("may be chosen", *("yes" if row["eligible"] else "no" for row in rows)))
    yield from table(("", *names), lines)
    reasons = [row for row in rows if row["reason"]]
    if reasons:
        yield ""
        yield from (f"- {row['kind']}: {plain(row['reason'])}" for row in reasons)


def _calibration(facts: Facts) -> Iterable[str]:
    found = facts["calibration"]
    counts = f"{found['wins']:,} wins and {found['losses']:,} losses"
    if found["method"] == "none":
        yield f"No probability: only {counts} in the calibration window."
    elif found["method"] == "intercept_only":
        yield (
            f"Intercept {found['intercept']:.3f} alone, slope 1: only {counts} in the calibration "
            "window, too few for a slope."
        )
    else:
        ends = (found["slope_low"], found["slope_high"])
        reach = "n/a" if None in ends else f"{ends[0]:.3f} to {ends[1]:.3f}"
        yield (
            f"Log-odds times {found['slope']:.3f} (95 % interval {reach}) plus "
            f"{found['intercept']:.3f}, fitted on {counts}."
        )
    if found["problem"] == "slope_reaches_zero":
        yield "The slope may be zero: no probability is shown."


def _policy(facts: Facts) -> Iterable[str]:
    policy = facts["policy"]
    if policy is None:
        most = facts["matrix"]["most_points"]
        yield f"None: the score is the hand-built matrix's plain total, 0 to {most}."
        return
    state = f"version {policy['version']}" if policy["version"] else "proposed, not yet in force"
    yield (
        f"By {policy['method']}, {state}: warm from a probability of {percent(policy['p_warm'])}, "
        f"hot from {percent(policy['p_hot'])}."
    )
    yield ""
    rows = [
        (name, f"{policy['wanted'].get(name, 0):,}", f"{policy['resulting'].get(name, 0):,}")
        for name in ("hot", "warm")
    ]
    yield from table(("tier", "wanted", f"resulting, of {policy['leads']:,} leads"), rows)
    yield ""
    yield f"In the newest window: {_tiers(facts['tiers_in_test'])} (hot / warm / cold)."
    yield from (f"- {plain(note)}" for note in policy["notes"])


def _matrix(facts: Facts) -> Iterable[str]:
    matrix = facts["matrix"]
    yield f"Criteria with rules: {', '.join(matrix['mapped']) or 'none'}."
    if matrix["unmapped"]:
        yield f"Without rules, always unknown: {', '.join(matrix['unmapped'])}."


def _fields(facts: Facts) -> Iterable[str]:
    rows = [
        (
            item["label"],
            item["type"],
            item["criterion"],
            _KNOWN[item["known"]],
            item["reason"],
            "; ".join(f"{audit['grade']}: {audit['text']}" for audit in item["audit"]),
        )
        for item in facts["fields"]
    ]
    heads = ("field", "type", "criterion", "known", "reason", "audit")
    yield from table(heads, rows)


def _left_out(facts: Facts) -> Iterable[str]:
    rows = [
        (
            item["label"],
            item["type"],
            _KNOWN[item["known"]],
            "; ".join(f"{audit['grade']}: {audit['text']}" for audit in item["audit"])
            or item["reason"],
        )
        for item in facts["left_out"]
    ]
    if rows:
        yield from table(("field", "type", "known", "audit, or reason"), rows)


def _whole_file(facts: Facts) -> Iterable[str]:
    yield from (
        f"- {item['grade']}: {plain(item['text'])}"
        for item in facts["findings"]
        if not item["column"]
    )


def _drift(facts: Facts) -> Iterable[str]:
    drift = facts["drift"]
    moved = "has moved" if drift["base_rate_moved"] else "has not clearly moved"
    yield f"The share of won leads {moved} between the windows."
    yield ""
    rows = [
        (
            item["label"],
            "n/a" if item["psi"] is None else f"{item['psi']:.3f}",
            f"{percent(item['missing_before'])} / {percent(item['missing_after'])}",
            "yes" if item["moved"] else "no",
        )
        for index, item in enumerate(drift["fields"])
        if item["moved"] or index < FIELDS_OF_DRIFT
    ]
    heads = ("field", "stability index, train to test", "missing before / after", "moved")
    yield from table(heads, rows)


def _use(facts: Facts) -> Iterable[str]:
    yield "- Meant for: putting the leads of this data set's source in order of work, and for"
    yield "  asking what is missing. Sales and marketing see every point behind a score."
    yield "- Not meant for: decisions about persons that need a lawful ground of their own, such as"
    yield "  credit or employment, or leads of another business or market."
    yield "- It has seen only leads like those of its windows. After a change of prices, forms or"
    yield "  campaigns, train again and look at the newest window before trusting it."
    yield "- A reason says what the score is made of, not what made a lead buy."
    yield "- Figures rest on the outcomes in the file; what sales did because of earlier scores is"
    yield "  part of them."


def _libraries(facts: Facts) -> Iterable[str]:
    yield ", ".join(f"{name} {version}" for name, version in facts["libraries"].items()) + "."


_SECTIONS: Final[Mapping[str, Callable[[Facts], Iterable[str]]]] = {
    "What it is": _what,
    "Verdict": _verdict,
    "Refused by the audit, allowed by a person": _allowed,
    "Warnings": _warnings,
    "Candidates": _candidates,
    "Other ages, new accounts": _slices,
    "Which candidates the data allow": _ladder,
    "Windows": _windows,
    "Calibration": _calibration,
    "Policy": _policy,
    "Hand-built matrix": _matrix,
    "Drift": _drift,
    "Fields used": _fields,
    "Fields left out": _left_out,
    "The file as a whole": _whole_file,
    "Use and limits": _use,
    "Libraries": _libraries,
}


def _tiers(tiers: Mapping[str, int] | None) -> str:
    if tiers is None:
        return "n/a"
    return " / ".join(f"{tiers[name]:,}" for name in ("hot", "warm", "cold"))
