"""Leads that became part of others: one lead, with the facts of both from the merge on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scoring_ml.data.crm.contract.report import ExportReport
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.facts import WON, Export
from scoring_ml.data.crm.lead_index import merge_ends
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.features.outcomes import find_outcomes
from tests.oracle.snapshot_oracle import proven_snapshot
from tests.test_export import assert_equal, at

LEADS = """\
lead_id,created_at,deleted,into,merged
A,2026-01-05,no,,
B,2026-01-08,yes,A,2026-01-20
C,2026-01-10,no,,
D,2026-01-12,no,,
"""
STAGES = """\
lead_id,stage,entered_at,known_at
A,new,2026-01-05,
B,new,2026-01-08,
B,call,2026-01-09,2026-01-25
C,new,2026-01-10,
D,new,2026-01-12,
"""
DEALS = """\
lead_id,outcome,closed_at
B,won,2026-01-15
D,lost,2026-01-20
"""
TOUCHES = """\
lead_id,type,occurred_at,known_at
A,form,2026-01-05,
B,form,2026-01-06,
B,web_visit,2026-01-22,
C,form,2026-01-10,
"""
CHANGES = """\
lead_id,field,value,changed_at,old_value
A,budget,100,2026-01-07,50
B,budget,900,2026-01-09,800
B,country,Iran,2026-01-09,Iraq
"""
FILES = {
    "leads.csv": LEADS,
    "stages.csv": STAGES,
    "deals.csv": DEALS,
    "activities.csv": TOUCHES,
    "changes.csv": CHANGES,
}
MERGED = {"merged_into": "into", "merged_at": "merged"}


def content(**leads: Any) -> dict[str, Any]:
    """A mapping of the files above."""
    return {
        "version": 1,
        "dataset": "merges",
        "extracted_at": "2026-06-01",
        "most_left_out": 0.5,
        "tables": {
            "leads": {"file": "leads.csv"} | leads,
            "stages": {"file": "stages.csv"},
            "deals": {"file": "deals.csv"},
            "activities": {"file": "activities.csv"},
            "field_changes": {"file": "changes.csv"},
        },
        "fields": {
            "budget": {"type": "number", "from": "field_changes"},
            "country": {"type": "category", "column": "lead_id", "known": "set_at_creation"},
        },
        "stages": {"order": ["new", "call"]},
        "horizon_days": 30,
    }


def read(
    folder: Path, mapping: dict[str, Any] | None = None, **files: str
) -> tuple[Export, ExportReport]:
    for name, text in (FILES | {f"{name}.csv": text for name, text in files.items()}).items():
        (folder / name).write_text(text, encoding="utf-8")
    return read_export(folder, CrmMapping.read(mapping or content(columns=MERGED)))


def test_a_merged_lead_is_the_other_one_whose_facts_are_known_from_the_merge_on(
    tmp_path: Path,
) -> None:
    """The same as if a person had written the merged lead's facts to the one that stays."""
    found, report = read(tmp_path)
    assert report.broken == ()
    assert report["leads"].set_aside == {"merged_lead": 1}
    by_hand = read(
        tmp_path,
        content(),
        leads="lead_id,created_at\nA,2026-01-05\nC,2026-01-10\nD,2026-01-12\n",
        stages=STAGES.replace("B,new,2026-01-08,", "A,new,2026-01-08,2026-01-20").replace("B", "A"),
        deals=DEALS.replace("closed_at", "closed_at,known_at")
        .replace("B,won,2026-01-15", "A,won,2026-01-15,2026-01-20")
        .replace("D,lost,2026-01-20", "D,lost,2026-01-20,"),
        activities=TOUCHES.replace("B,form,2026-01-06,", "A,form,2026-01-06,2026-01-20").replace(
            "B", "A"
        ),
        changes=CHANGES.splitlines()[0]
        + ",known_at\nA,budget,100,2026-01-07,50,\nA,budget,900,2026-01-09,,2026-01-20\n",
    )[0]
    for name in ("stages", "deals", "activities", "histories", "recorded"):
        assert_equal(getattr(found, name), getattr(by_hand, name))
    assert found.leads.ids.tolist() == ["A", "C", "D"]
    assert found.leads.merged is not None
    assert found.leads.merged.tolist() == [True, False, False]
    # What is known on that day counts from the end of the day on.
    assert found.deals is not None
    assert found.deals.known_at[0] == at("2026-01-21") - 1


def test_it_is_neither_open_nor_lost_and_its_win_is_recorded_in_time(tmp_path: Path) -> None:
    export, _ = read(tmp_path)
    mapping = CrmMapping.read(content(columns=MERGED))
    assert find_outcomes(export, mapping).lag_days == 0
    snapshot = proven_snapshot(export, mapping)
    assert set(snapshot.ids) == {"A", "C", "D"}
    labels = dict(zip(snapshot.ids[snapshot.age_days == 1], snapshot.label, strict=False))
    assert labels["A"] == 1.0


def test_of_an_unknown_moment_it_counts_from_the_export_on_and_that_is_told(
    tmp_path: Path,
) -> None:
    export, report = read(tmp_path, content(columns={"merged_into": "into"}))
    assert any(note.startswith("1 merge(s) of leads tell no moment") for note in report.notes)
    assert export.activities is not None
    known = export.activities.known_at[export.activities.lead == 0]
    # Of the row "now" alone: everything before it is seen without.
    assert (known >= export.extracted_at - 1).tolist() == [False, True, True]
    assert (known < export.extracted_at).all()


def test_a_lead_that_was_deleted_when_it_was_merged_is_followed(tmp_path: Path) -> None:
    chosen = content(columns=MERGED, without={"deleted": ["true"]})
    export, report = read(tmp_path, chosen)
    assert report["leads"].set_aside == {"not_selected": 1}
    assert_equal(export.deals, read(tmp_path)[0].deals)
    assert report["deals"].set_aside == {}


def test_the_merges_may_have_a_table_of_their_own(tmp_path: Path) -> None:
    """Of ids that are among the leads, or no longer are, in one cell or several."""
    ids = LEADS.replace("B,2026-01-08,yes,A,2026-01-20\n", "").replace(
        "A,2026-01-05,no,,", f"A,2026-01-05,no,B:{at('2026-01-21') // 1000};X Y,"
    )
    mapping = content()
    mapping["tables"]["merges"] = {
        "file": "leads.csv",
        "columns": {"lead_id": "into", "merged_into": "lead_id"},
    }
    export, report = read(tmp_path, mapping, leads=ids, deals=DEALS + "Y,won,2026-02-03\n")
    assert report.broken == ()
    assert export.deals is not None
    assert export.deals.outcome[export.deals.lead == 0].tolist() == [WON, WON]
    assert export.deals.known_at[0] == at("2026-01-21")
    assert export.deals.known_at[1] == export.extracted_at - 1


def test_chains_end_at_the_last_and_circles_nowhere(tmp_path: Path) -> None:
    assert merge_ends({"a": ("b", 5), "b": ("c", 3), "x": ("x2", 1), "x2": ("x", 2)}) == {
        "a": ("c", 5),
        "b": ("c", 3),
    }
    rows = LEADS + "E,2026-01-09,no,B,2026-02-01\nF,2026-01-09,no,G,\nG,2026-01-09,no,F,\n"
    rows += "H,2026-01-09,no,Z,\nI,2026-01-09,no,I,\n"
    deals = DEALS + "E,lost,2026-01-11\nF,won,2026-01-11\n"
    export, report = read(tmp_path, leads=rows, deals=deals)
    assert export.leads.ids.tolist() == ["A", "I", "C", "D"]
    assert report["leads"].set_aside == {"merged_lead": 2}
    # A circle, and a merge into a lead that nobody exported.
    assert report["leads"].left_out == {"endless_merge": 3}
    assert report["deals"].left_out == {"orphan": 1}
    assert export.deals is not None
    assert export.deals.known_at[export.deals.lead == 0].tolist() == [
        at("2026-02-02") - 1,
        at("2026-01-21") - 1,
    ]


def test_a_merge_after_the_export_has_not_happened(tmp_path: Path) -> None:
    export, _ = read(tmp_path, leads=LEADS.replace("2026-01-20", "2026-07-01"))
    assert export.leads.ids.tolist() == ["A", "B", "C", "D"]
    assert export.leads.merged is None


def test_an_end_long_before_the_lead_that_stays_is_raised_to_its_creation(tmp_path: Path) -> None:
    leads = LEADS.replace("A,2026-01-05", "A,2026-01-18")
    export, report = read(tmp_path, leads=leads)
    assert report["deals"].left_out == {}
    assert export.deals is not None
    lead = int(np.flatnonzero(export.leads.ids == "A")[0])
    assert export.deals.closed_at[export.deals.lead == lead].tolist() == [
        export.leads.created_at[lead]
    ]


@pytest.mark.parametrize("by", ["contact_id", "lead_id"])
def test_contact_details_stay_those_of_the_lead_that_stays(by: str, tmp_path: Path) -> None:
    mapping = content(columns=MERGED)
    mapping["tables"]["contacts"] = {"file": "contacts.csv"}
    mapping["fields"]["email"] = {"type": "email", "from": "contacts", "known": "set_at_creation"}
    leads = "\n".join(
        line + ("," + ("contact_id" if not at_ else f"P{at_}"))
        for at_, line in enumerate(LEADS.splitlines())
    )
    rows = {"contact_id": "P1,a@example.com\nP2,b@example.com\n"}
    rows["lead_id"] = "A,a@example.com\nB,b@example.com\n"
    export, report = read(tmp_path, mapping, leads=leads, contacts=f"{by},email\n{rows[by]}")
    assert export.histories["email"].value.tolist() == ["a@example.com"]
    assert report["contacts"].set_aside == {"unlinked_contact": 1}


def test_the_course_of_a_merged_lead_neither_takes_back_nor_tells_an_end(tmp_path: Path) -> None:
    """Its win is not undone by later stages of the lead that stayed; its loss is not their end."""
    mapping = content(columns=MERGED)
    mapping["stages"] |= {"won": ["won"], "lost": ["lost"]}
    for end, is_open in (("won", False), ("lost", True)):
        stages = STAGES.replace("B,call", f"B,{end}") + "A,call,2026-01-15,\n"
        export, report = read(tmp_path, mapping, stages=stages, deals="lead_id,outcome\n")
        assert report["stages"].set_aside.get("merged_loss", 0) == is_open
        outcomes = find_outcomes(export, CrmMapping.read(mapping))
        now = np.full(3, export.extracted_at)
        assert bool(outcomes.open_at(now)[0]) is is_open
        assert not outcomes.unsure.any()
        proven_snapshot(export, CrmMapping.read(mapping))
