"""The leak audit on leads of a CRM export: what happened after a lead was seen is evidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.check import CheckReport
from pipelines.overview import Overview
from pipelines.train import refuse
from scoring_ml.data.files.data_file import FileFacts
from scoring_ml.data.schema import Column, Order, Schema, Target
from scoring_ml.errors import TrainingRefused
from scoring_ml.evaluation.audit.leak_audit import WHOLE_FILE, audit, refusals
from scoring_ml.evaluation.later_facts import LaterFacts
from scoring_ml.features.snapshot import Snapshot

KINDS = ("web_visit", "download", "email_open", "demo_request")
HOUR = np.timedelta64(1, "h")


class Crm:
    """Leads a day old: fields, features, and what the leads did before and afterwards.

    Busy leads are busy before and after; won leads do more afterwards; nothing else connects the
    two.
    """

    def __init__(self, n: int = 2500, seed: int = 1) -> None:
        rng = self.rng = np.random.default_rng(seed)
        busy = rng.gamma(1.5, 1 / 1.5, n)
        budget, industry = rng.normal(size=n), rng.integers(0, 4, n)
        counts = {
            kind: rng.poisson(busy * rate)
            for kind, rate in zip(KINDS, (3.0, 0.8, 1.5, 0.2), strict=True)
        }
        z = 0.9 * budget + 0.5 * (industry - 1.5) - 2.0
        z += 0.15 * counts["web_visit"] + 0.3 * counts["download"] + 1.0 * counts["demo_request"]
        self.y = y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
        self.before = sum(counts.values()).astype(float)
        self.after = rng.poisson(busy * np.where(y == 1, 12.0, 4.0)).astype(float)
        self.columns: dict[str, np.ndarray] = {
            "budget": np.where(rng.random(n) < 0.3, np.nan, np.exp(budget)),
            "industry": np.array(list("abcd"), dtype=object)[industry],
            "employees": np.round(np.exp(rng.normal(4, 1, n))),
            "first_met": self.moments(n) - rng.integers(10, 2000, n) * 24 * HOUR,
        }
        self.described = [
            Column("budget", "number", known="before_scoring", criterion="budget"),
            Column("industry", "category"),
            Column("employees", "number"),
            Column("first_met", "date"),
        ]
        for kind, count in counts.items():
            month = f"{kind}_30d"
            done = {
                month: count.astype(float),
                f"{kind}_7d": rng.binomial(count, 0.9).astype(float),
                f"days_since_{kind}": np.where(count, rng.exponential(2, n), np.nan),
            }
            for name, values in done.items():
                self.feature(name, values, part_of=None if name == month else month)
        self.feature("age_days", np.ones(n))
        self.feature("stage", np.array(["lead"] * n, dtype=object))
        self.feature("created_hour", rng.integers(0, 24, n).astype(float))
        self.known = {name: np.zeros(n, dtype=bool) for name in ("industry", "employees")}
        self.seen = np.ones(n)

    @staticmethod
    def moments(n: int) -> np.ndarray:
        return np.datetime64("2025-01-01", "us") + np.arange(n) * 5 * HOUR

    def feature(self, name: str, values: np.ndarray, *, part_of: str | None = None) -> None:
        kind = "category" if values.dtype == object else "number"
        self.columns[name] = values
        self.described.append(
            Column(name, kind, known="before_scoring", is_feature=True, part_of=part_of)
        )

    def plant(self, name: str, values: np.ndarray, **described) -> None:
        self.columns[name] = values
        self.described.append(Column(name, "number", **described))

    @property
    def snapshot(self) -> Snapshot:
        n = len(self.y)
        return Snapshot(
            frame=pd.DataFrame(self.columns),
            ids=np.arange(n).astype(str),
            label=self.y,
            position=np.arange(n, dtype=float),
            as_of=self.moments(n),
            account=None,
            row=np.arange(1, n + 1),
            lead=np.arange(n),
            age_days=np.ones(n),
            headline_age_days=1.0,
        )

    def look(self, **later_facts):
        facts = {
            "changed": self.known,
            "activity_after": self.after,
            "activity_before": self.before,
            "seen_days": self.seen,
            **later_facts,
        }
        return audit(self.snapshot, self.schema, later_facts=LaterFacts(**facts))

    @property
    def schema(self) -> Schema:
        return Schema(
            dataset="crm",
            target=Target("outcome", ("won",), ("lost",)),
            order=Order("time", "created_at"),
            columns=tuple(self.described),
        )


def told(findings, column):
    return {(item.grade, item.suspicion.probe) for item in findings if item.column == column}


class TestCleanExports:
    @pytest.mark.parametrize("seed", range(4))
    def test_nothing_is_found(self, seed):
        assert Crm(seed=seed).look() == ()

    def test_few_leads_say_nothing(self):
        findings = [Crm(n=60, seed=seed).look() for seed in range(6)]
        assert "refuse" not in {item.grade for found in findings for item in found}
        # Of 108 columns, 48 of which do tell a little.
        assert sum(item.grade == "ask" for found in findings for item in found) <= 2

    def test_leads_of_one_outcome_break_nothing(self):
        crm = Crm(n=300)
        crm.y = np.full(300, np.nan)
        assert crm.look() == ()
        crm.y = np.ones(300)
        assert crm.look() == ()

    def test_tracking_that_begins_late_is_noted_and_not_accused(self):
        crm = Crm()
        early = np.arange(2500) < 1000
        for kind in KINDS:
            for name in (f"{kind}_30d", f"{kind}_7d"):
                crm.columns[name] = np.where(early, 0.0, crm.columns[name])
            name = f"days_since_{kind}"
            crm.columns[name] = np.where(early, np.nan, crm.columns[name])
        findings = crm.look()
        assert {item.grade for item in findings} == {"note"}
        assert ("note", "adversarial") in told(findings, WHOLE_FILE)
        text = next(f for f in findings if f.suspicion.probe == "adversarial").suspicion.text
        # A family is named once.
        assert text.count("web_visit") == 1

    def test_the_same_without_what_happened_afterwards(self):
        crm = Crm()
        assert crm.look(changed={}, activity_after=None, activity_before=None) == ()


class TestChanges:
    def test_a_field_that_was_changed_after_the_lead_was_seen(self):
        crm = Crm()
        crm.known["employees"] = np.arange(2500) % 40 == 0
        findings = crm.look()
        assert told(findings, "employees") == {("refuse", "changed")}
        assert refusals(findings, crm.schema) == findings
        assert "2.5% (63 leads)" in findings[0].suspicion.text

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            (4, set()),
            (24, {("note", "changed")}),
            (25, {("refuse", "changed")}),
        ],
    )
    def test_one_percent_and_five_leads_are_the_least(self, rows, expected):
        crm = Crm()
        crm.known["industry"] = np.arange(2500) < rows
        assert told(crm.look(), "industry") == expected

    def test_the_share_is_of_leads_that_have_it(self):
        crm = Crm()
        rare = np.arange(2500) % 10 == 0
        crm.plant("rare", np.where(rare, crm.rng.normal(size=2500), np.nan))
        crm.known["rare"] = np.arange(2500) % 400 == 0
        assert told(crm.look(), "rare") == {("refuse", "changed")}

    def test_a_change_needs_no_outcome(self):
        crm = Crm(n=300)
        crm.y = np.full(300, np.nan)
        crm.known["industry"] = np.arange(300) < 30
        assert told(crm.look(), "industry") == {("refuse", "changed")}

    def test_a_field_left_out_does_not_stop_training(self):
        crm = Crm()
        crm.described[2] = replace(crm.described[2], use=False)
        crm.known["employees"] = np.arange(2500) % 40 == 0
        findings = crm.look()
        assert told(findings, "employees") == {("refuse", "changed")}
        assert refusals(findings, crm.schema) == ()


class TestCountsOn:
    def test_a_count_of_all_activities_until_the_end(self):
        crm = Crm()
        crm.plant("touches_total", crm.before + crm.after)
        assert ("refuse", "counts_on") in told(crm.look(), "touches_total")

    def test_a_count_of_some_of_them(self):
        crm = Crm()
        later = crm.rng.binomial(crm.after.astype(int), 0.35)
        crm.plant("calls", crm.before + later)
        assert ("ask", "counts_on") in told(crm.look(), "calls")

    def test_a_feature_that_was_not_cut(self):
        crm = Crm()
        crm.columns["web_visit_30d"] = crm.columns["web_visit_30d"] + crm.after
        assert ("refuse", "counts_on") in told(crm.look(), "web_visit_30d")

    def test_what_grows_with_the_outcome_or_with_being_busy_is_no_count(self):
        crm = Crm()
        crm.plant("sure", 0.6 * crm.y + crm.rng.normal(size=2500))
        crm.plant("so far", crm.before + crm.rng.integers(0, 2, 2500))
        assert crm.look() == ()

    def test_leads_of_unknown_activity_do_not_count(self):
        crm = Crm()
        crm.plant("touches_total", crm.before + crm.after)
        nothing = np.full(2500, np.nan)
        assert "counts_on" not in {f.suspicion.probe for f in crm.look(activity_after=nothing)}


class TestSeenDays:
    def test_leads_seen_when_their_outcome_comes(self):
        crm = Crm()
        crm.seen = crm.rng.exponential(np.where(crm.y == 1, 30.0, 10.0))
        findings = crm.look()
        assert told(findings, WHOLE_FILE) == {("refuse", "seen_days")}
        assert refusals(findings, crm.schema) == findings

    def test_people_read_that_it_is_about_all_leads(self):
        crm = Crm(n=600)
        crm.seen = np.where(crm.y == 1, 30.0, 10.0)
        findings = crm.look()
        facts = FileFacts("crm", "folder", None, None, 600)
        overview = Overview(facts, len(crm.described), crm.schema, crm.snapshot, findings)
        text = CheckReport(Path("crm.yaml"), overview).render()
        assert "refuse  the file" in text
        with pytest.raises(TrainingRefused, match="seen at different ages"):
            refuse(findings, crm.schema, Path("crm"))

    def test_slightly_different_ages_are_asked_about(self):
        crm = Crm(n=5000)
        crm.seen = crm.rng.exponential(np.where(crm.y == 1, 13.0, 10.0))
        assert told(crm.look(), WHOLE_FILE) == {("ask", "seen_days")}

    def test_ages_of_one_spread_pass(self):
        crm = Crm()
        crm.seen = crm.rng.exponential(10.0, 2500)
        assert crm.look() == ()

    def test_ages_that_differ_in_their_spread_alone(self):
        crm = Crm()
        spread = np.where(crm.y == 1, 1.0, 9.0)
        crm.seen = 15.0 + spread * crm.rng.choice([-1.0, 1.0], 2500)
        assert told(crm.look(), WHOLE_FILE) == {("refuse", "seen_days")}


class TestFamilies:
    @pytest.fixture
    def strong(self):
        """A column that tells less than any threshold alone, and adds much to the others."""
        crm = Crm()
        crm.columns["budget"] = crm.rng.permutation(crm.columns["budget"])
        return crm, crm.y + 0.85 * crm.rng.normal(size=2500)

    def test_a_family_is_taken_out_together(self, strong):
        crm, values = strong
        # Either repeats what the other says, so that neither alone is missed.
        crm.columns |= {"download_30d": values, "download_7d": values + 1}
        found = crm.look()
        assert [(f.column, f.suspicion.probe) for f in found] == [("download_30d", "gain")]
        crm.described = [replace(column, part_of=None) for column in crm.described]
        assert crm.look() == ()

    def test_a_family_whose_main_column_is_not_there(self, strong):
        crm, values = strong
        crm.feature("email_kind", values, part_of="email")
        assert told(crm.look(), "email_kind") == {("ask", "gain")}

    def test_features_are_still_judged_by_the_outcome(self):
        crm = Crm()
        crm.feature("hours_to_offer", np.where(crm.y == 1, 5.0, np.nan))
        assert ("refuse", "one_sided_presence") in told(crm.look(), "hours_to_offer")

    def test_twins_among_features_are_no_news(self):
        crm = Crm()
        crm.columns["web_visit_7d"] = crm.columns["web_visit_30d"].copy()
        assert crm.look() == ()


class TestAvailability:
    def test_fields_that_nobody_declared_and_fields_after_the_outcome(self):
        crm = Crm()
        crm.plant("region_code", crm.rng.normal(size=2500), known="unknown")
        crm.plant("call_result", crm.rng.normal(size=2500), known="after_outcome")
        findings = crm.look()
        assert told(findings, "region_code") == {("ask", "undeclared")}
        assert told(findings, "call_result") == {("refuse", "declared")}
        assert [f.column for f in refusals(findings, crm.schema)] == ["call_result"]


class TestWrongCalls:
    def test_several_rows_of_a_lead(self):
        crm = Crm(n=200)
        with pytest.raises(ValueError, match="one row a lead"):
            audit(replace(crm.snapshot, lead=np.arange(200) // 2), crm.schema)

    @pytest.mark.parametrize(
        ("wrong", "match"),
        [
            ({"seen_days": np.ones(3)}, "seen_days must have 200 entries.*Got 3"),
            ({"changed": {"industry": np.zeros(7, dtype=bool)}}, r"changed\['industry'\].*Got 7"),
            ({"changed": {"nobody": np.zeros(200, dtype=bool)}}, "fields of the schema.*'nobody'"),
            ({"activity_before": None}, "must be given together"),
        ],
    )
    def test_facts_about_something_else(self, wrong, match):
        with pytest.raises(ValueError, match=match):
            Crm(n=200).look(**wrong)
