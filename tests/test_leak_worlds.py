"""The leak audit on made-up files whose leaks are known: all are found, honest fields stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipelines.init import init_schema
from scoring_ml.data.schema import Column, Order, Schema, Target
from scoring_ml.evaluation.audit.hints import hints_at, says_end
from scoring_ml.evaluation.audit.leak_audit import WHOLE_FILE, AuditSettings, audit
from scoring_ml.evaluation.audit.probes_gain import sample_rows
from scoring_ml.evaluation.audit.probes_time import in_blocks
from tests.leak_worlds import WORLDS
from tests.test_audit import clean, grades, made, probes


@pytest.fixture(scope="module", params=WORLDS)
def world(request, tmp_path_factory):
    """A world, and what ``init`` says of its file."""
    made_up = WORLDS[request.param](7)
    folder = tmp_path_factory.mktemp(request.param)
    path = made_up.write(folder)
    overview = init_schema(path, target=made_up.target, out=folder / "schema.yaml").overview
    return made_up, overview


def test_every_leak_is_left_out_and_at_most_one_honest_field_in_ten(world):
    made_up, overview = world
    used = {column.name for column in overview.schema.used}
    assert not made_up.leaks & used
    flagged = made_up.honest & set(overview.flagged())
    assert 10 * len(flagged) <= max(10, len(made_up.honest))
    assert len(made_up.honest - used) <= 1


def test_only_a_file_of_blocks_is_no_order_of_time(world):
    made_up, overview = world
    blocks = "Region" in made_up.frame
    texts = [item.suspicion.text for item in overview.findings if item.suspicion.probe == "order"]
    assert any("in blocks" in text for text in texts) == blocks


def bounced(n=4000, seed=1):
    columns, y = clean(n, 0.1, seed)
    away = np.random.default_rng(seed).random(n) < 0.4
    y[away] = 0.0
    return columns, y, away


class TestNegatives:
    def test_a_strong_negative_is_noted_and_hides_no_other(self):
        columns, y, away = bounced()
        columns["bounced"] = np.where(away, "yes", "no").astype(object)
        columns["seconds"] = np.where(away, 0.0, np.random.default_rng(2).exponential(60, len(y)))
        columns["scrolled"] = np.where(away, np.nan, 1.0 + np.arange(len(y)) % 7)
        columns["paid by"] = np.where(y == 1, "card", None).astype(object)
        findings = audit(*made(columns, y))
        assert grades(findings, "bounced") == {"note"}
        assert grades(findings, "seconds") == {"note"}
        assert grades(findings, "scrolled") == {"note"}
        assert "refuse" in grades(findings, "paid by")

    def test_what_no_open_lead_has_was_written_with_the_loss(self):
        columns, y, away = bounced()
        still_open = np.arange(len(y)) % 5 == 0
        columns["gone"] = np.where(away & ~still_open, "yes", "no").astype(object)
        columns["bounced"] = np.where(away, "yes", "no").astype(object)
        y = np.where(still_open, np.nan, y)
        findings = audit(*made(columns, y))
        assert "refuse" in grades(findings, "gone")
        assert grades(findings, "bounced") == {"note"}

    @pytest.mark.parametrize("value", ["Closed - wrong number", "отказ клиента", "رد شده"])
    def test_words_of_an_end_speak_against_it(self, value):
        columns, y, away = bounced()
        columns["state"] = np.where(away, value, "a").astype(object)
        assert "refuse" in grades(audit(*made(columns, y)), "state")

    def test_a_column_that_gives_the_outcome_away_is_no_negative(self):
        columns, y, _ = bounced()
        seen = (y == 0) & (np.random.default_rng(3).random(len(y)) < 0.95)
        columns["bounced"] = np.where(seen, "yes", "no").astype(object)
        assert "refuse" in grades(audit(*made(columns, y)), "bounced")


class TestEnding:
    def test_a_name_alone_says_nothing(self):
        columns, y = clean(2000, 0.3, 5)
        columns["Total days to closing"] = np.random.default_rng(4).exponential(30, 2000)
        findings = audit(*made(columns, y))
        assert grades(findings, "Total days to closing") == set()

    @pytest.mark.parametrize("name", ["elapsed_days", "Длительность", "مدت پیگیری", "callCount"])
    def test_a_name_lowers_what_the_numbers_must_show(self, name):
        columns, y = clean(3000, 0.3, 6)
        weak = np.random.default_rng(5).normal(size=3000) + 0.4 * y
        assert probes(audit(*made({**columns, name: weak}, y)), name) == {"named"}
        assert grades(audit(*made({**columns, "weight": weak}, y)), "weight") == set()

    def test_a_total_goes_along_with_the_time_until_the_end(self):
        columns, y = clean(3000, 0.3, 7)
        rng = np.random.default_rng(6)
        as_of = np.datetime64("2025-01-01", "us") + np.arange(3000) * np.timedelta64(4, "h")
        days = rng.gamma(2, 20, 3000)
        columns["ended"] = as_of + (days * 86_400).astype("timedelta64[s]")
        columns["letters"] = rng.poisson(days / 4).astype(float)
        findings = audit(*made(columns, y, order="time", as_of=as_of))
        assert probes(findings, "letters") == {"total"}
        assert {f.column for f in findings if f.suspicion.probe == "total"} == {"letters"}

    def test_open_leads_lack_it_or_have_counted_on(self):
        columns, y = clean(4000, 0.3, 8)
        rng = np.random.default_rng(7)
        still_open = np.arange(4000) % 6 == 0
        columns["score card"] = np.where(still_open, np.nan, rng.normal(size=4000))
        columns["counted"] = rng.poisson(np.where(still_open, 9.0, 4.0)).astype(float)
        findings = audit(*made(columns, np.where(still_open, np.nan, y)))
        assert probes(findings, "score card") == {"absent_on_open"}
        assert probes(findings, "counted") == {"open_values"}
        assert {f.column for f in findings if f.grade == "ask"} == {"score card", "counted"}

    def test_hints(self):
        assert hints_at("ending", "Ratio Days Qualified To Total Days")
        assert hints_at("ending", "Last Notable Activity")
        assert not hints_at("ending", "last_name")
        assert not hints_at("work", "message_length")
        assert hints_at("period", "utm_campaign")
        assert says_end("Closed, wrong number")
        assert not says_end("enclosed")


def test_blocks_by_hand():
    assert in_blocks(np.repeat([0, 1, 2], 100)) == pytest.approx(1 - 3 / 299, abs=0.01)
    assert in_blocks(np.repeat([0, 1], 100)) == 0.0
    mixed = np.random.default_rng(8).integers(0, 5, 3000)
    assert abs(in_blocks(mixed)) < 0.05
    assert in_blocks(np.full(10, -1)) == 0.0


def test_rows_in_blocks_are_no_order_unless_a_date_gives_it():
    columns, y = clean(3000, 0.3, 9)
    columns["country"] = np.array(list("abcdef"), dtype=object)[np.arange(3000) // 500]
    findings = audit(*made(columns, y))
    item = next(f for f in findings if f.suspicion.probe == "order")
    assert (item.column, item.grade) == (WHOLE_FILE, "ask")
    assert "country" in item.suspicion.text
    assert grades(findings, "country") == set()
    as_of = np.datetime64("2025-01-01", "us") + np.arange(3000) * np.timedelta64(1, "h")
    by_time = audit(*made(columns, y, order="time", as_of=as_of))
    assert "order" not in probes(by_time, WHOLE_FILE)


class TestSample:
    def test_a_sample_is_even_over_time_and_says_its_size(self):
        y = (np.random.default_rng(9).random(50_000) < 0.02).astype(float)
        rows = sample_rows(y, most=5_000)
        wins = int(min(y.sum(), 2_500))
        assert (len(rows), y[rows].sum(), len(set(rows))) == (5_000, wins, 5_000)
        share = np.histogram(rows[y[rows] == 0], bins=10, range=(0, 50_000))[0]
        assert np.ptp(share) < 0.1 * share.mean()

    def test_a_sample_finds_the_same(self):
        columns, y = clean(12_000, 0.2, 10)
        rng = np.random.default_rng(10)
        columns["copy"] = y + 0.5 * rng.normal(size=len(y))
        columns["few"] = np.where((y == 1) & (rng.random(len(y)) < 0.02), "x", "y").astype(object)
        snapshot, schema = made(columns, y)
        whole = audit(snapshot, schema)
        part = audit(snapshot, schema, settings=AuditSettings(most_rows=4_000))
        suspects = [{f.column for f in found if f.grade != "note"} for found in (whole, part)]
        assert suspects[0] == suspects[1] == {"copy", "few"}
        assert "sampled" not in probes(whole, WHOLE_FILE)
        text = next(f.suspicion.text for f in part if f.suspicion.probe == "sampled")
        assert "4,000 of 12,000" in text or "4000 of 12000" in text


def test_personal_columns_are_looked_at_by_presence_alone():
    rng = np.random.default_rng(11)
    y = np.where(np.arange(3000) % 7 == 0, np.nan, rng.random(3000) < 0.3)
    numbers = [f"+44 20 7946 {number:04d}" for number in range(3000)]
    phones = np.where(np.isnan(y), None, numbers).astype(object)
    snapshot, schema = made({"x": rng.normal(size=3000)}, y)
    snapshot = replace(snapshot, frame=pd.DataFrame({**snapshot.frame, "called back": phones}))
    schema = Schema(
        dataset="made",
        target=Target("y", ("1",), ("0",)),
        order=Order("row"),
        columns=(*schema.columns, Column("called back", "phone")),
    )
    findings = audit(snapshot, schema)
    assert probes(findings, "called back") == {"absent_on_open"}
    assert "7946" not in " ".join(item.suspicion.text for item in findings)
