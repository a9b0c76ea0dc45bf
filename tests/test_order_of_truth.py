"""What an export tells twice, takes back, merges or leaves out: one truth through both doors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.facts import Export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.features.compute import compute_features
from scoring_ml.features.crm_snapshot import build_crm_snapshot, open_leads
from scoring_ml.features.lead_history import read_history
from scoring_ml.features.snapshot import Snapshot
from scoring_ml.scoring.lead import LeadReader
from tests.crm_worlds import Lead, world, write_export
from tests.derived_facts import same_bits
from tests.oracle.snapshot_oracle import proven_snapshot

EXAMPLE = Path(__file__).parents[1] / "models" / "examples" / "salesforce" / "crm.yaml"
DAY = pd.Timedelta(days=1)
OURS = {
    "lead": "lead",
    "Closed - Converted": "sql",
    "Closed - Not Converted": "lost",
    "Prospecting": "opportunity",
    "Proposal/Price Quote": "proposal",
    "Negotiation/Review": "proposal",
    "Closed Won": "won",
    "Closed Lost": "lost",
}


@dataclass
class Odd:
    """An export in which everything happens, and what is true of it."""

    tables: dict[str, pd.DataFrame]
    mapping: CrmMapping
    export: Export
    leads: dict[str, Lead]
    won_again: list[str]
    lost_again: list[str]
    chains: dict[str, str]
    circles: dict[str, str]
    since: pd.Timestamp


def text(at: pd.Timestamp) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def taken_back(leads: list[Lead]) -> tuple[list[dict[str, str]], list[str], list[str]]:
    """Rows by which every second win is taken back; half of them are won again a day later."""
    rows: list[dict[str, str]] = []
    ends: dict[str, list[str]] = {"Closed Won": [], "Closed Lost": []}
    won = [lead for lead in leads if lead.outcome == "won" and lead.closed is not None]
    for number, lead in enumerate(won[::2]):
        end = [*ends][number % 2]
        ends[end].append(f"00Q{lead.number:05}")
        for stage, at in (("Negotiation/Review", lead.closed + DAY / 5), (end, lead.closed + DAY)):
            row = {"OpportunityId": f"006{lead.number:05}", "StageName": stage, "Amount": "5"}
            rows.append(row | {"CreatedDate": text(at)})
    return rows, *ends.values()


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Odd:
    folder = tmp_path_factory.mktemp("odd")
    leads = world(400, seed=5)
    write_export("salesforce", folder, leads)
    tables = {
        path.stem: pd.read_csv(path, dtype=str, keep_default_na=False)
        for path in folder.glob("*.csv")
    }
    rows, won_again, lost_again = taken_back(leads)
    history = pd.concat([tables["OpportunityHistory"], pd.DataFrame(rows)])
    tables["OpportunityHistory"] = history
    task = tables["Task"]
    mails = task["TaskSubtype"] == "Email"
    senders = ["Rep <a@ours.com>", "x@else.org"]
    task.loc[mails, "CallType"] = [senders[row % 2] for row in range(mails.sum())]
    lead = tables["Lead"]
    ids = lead["Id"].tolist()
    chains = {ids[row]: ids[row + 1] for start in range(20, 300, 40) for row in (start, start + 1)}
    circles = {ids[350]: ids[351], ids[351]: ids[350], ids[355]: ids[355]}
    lead["MasterRecordId"] = lead["Id"].map(chains | circles).fillna("")
    lead["IsDeleted"] = (lead["MasterRecordId"] != "").map({True: "true", False: "false"})
    lead["SystemModstamp"] = [text(each.created + 2 * DAY) for each in leads]
    lead["Budget"] = [str(100 + row * 7 % 97) for row in range(len(lead))]
    lead["CurrencyIsoCode"] = [["USD", "EUR", ""][row % 3] for row in range(len(lead))]
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    content: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    content["own_domains"] = ["ours.com"]
    content["extracted_at"] = text(leads[-1].created + DAY)
    content["tables"]["leads"]["columns"]["merged_at"] = "SystemModstamp"
    for source in content["tables"]["activities"]:
        source["recorded_since"] = text(leads[100].created)
    content["fields"]["worth"] = {
        "type": "number",
        "column": "Budget",
        "known": "set_at_creation",
        "currency": "USD",
        "rates": {"EUR": 1.5},
        "currency_of": "CurrencyIsoCode",
    }
    mapping = CrmMapping.read(content)
    export, report = read_export(folder, mapping)
    assert report.broken == ()
    by_id = {f"00Q{each.number:05}": each for each in leads}
    since = leads[100].created
    return Odd(tables, mapping, export, by_id, won_again, lost_again, chains, circles, since)


def labels(snapshot: Snapshot) -> dict[str, float]:
    day = snapshot.age_days == 1.0
    return dict(zip(snapshot.ids[day], snapshot.label[day].tolist(), strict=True))


def test_every_row_is_as_the_oracle_has_it(odd: Odd) -> None:
    proven_snapshot(odd.export, odd.mapping)


def test_a_win_counts_if_it_stands_at_the_end(odd: Odd) -> None:
    found = labels(build_crm_snapshot(odd.export, odd.mapping)[0])
    again = [found[lead] for lead in odd.won_again if lead in found]
    lost = [found[lead] for lead in odd.lost_again if lead in found]
    assert len(again) > 20
    assert len(lost) > 20
    merged = set(odd.chains) | set(odd.chains.values())
    assert not any(found.get(lead) == 0.0 for lead in odd.won_again if lead not in merged)
    assert not any(found.get(lead) == 1.0 for lead in odd.lost_again if lead not in merged)


def test_of_chains_the_last_is_left_and_of_circles_none(odd: Odd) -> None:
    used = set(odd.export.leads.ids)
    assert not used & (set(odd.chains) | set(odd.circles))
    ends = set(odd.chains.values()) - set(odd.chains)
    assert ends <= used
    found = labels(build_crm_snapshot(odd.export, odd.mapping)[0])
    back = set(odd.lost_again)
    for end in ends & found.keys():
        parts = [end, *(a for a, b in odd.chains.items() if end in (b, odd.chains.get(b)))]
        won = any(odd.leads[part].outcome == "won" and part not in back for part in parts)
        assert won or found[end] != 1.0


def test_own_staff_writes_no_reply_and_amounts_are_in_one_currency(odd: Odd) -> None:
    acts, task = odd.export.activities, odd.tables["Task"]
    assert acts is not None
    replies = (task["CallType"] == "x@else.org") & (task["Status"] == "Completed")
    counted = [row for row in task[replies].itertuples() if row.WhoId not in odd.circles]
    mine = acts.by_lead & (acts.kind == 5)  # email_reply
    assert mine.sum() == len(counted)
    worth = dict(zip(odd.export.leads.ids, odd.export.leads.values["worth"], strict=True))
    for row in odd.tables["Lead"].itertuples():
        if row.Id in worth:
            rate = 1.5 if row.CurrencyIsoCode == "EUR" else 1.0
            assert worth[row.Id] == float(row.Budget) * rate


def test_what_was_not_recorded_yet_is_not_known(odd: Odd) -> None:
    snapshot, _, _ = build_crm_snapshot(odd.export, odd.mapping)
    created = np.array([odd.leads[lead].created.timestamp() for lead in snapshot.ids])
    seen = snapshot.as_of.astype("datetime64[s]").astype(float)
    since = odd.since.tz_localize("UTC").timestamp()
    count = snapshot.frame["activities_7d"].to_numpy(dtype=float)
    untold = (created < since) & (seen - 7 * 86_400 < since)
    np.testing.assert_array_equal(np.isnan(count), untold)
    assert untold.any()
    assert not untold.all()


def test_a_request_gives_what_the_export_gives(odd: Odd) -> None:
    _, schema, _ = build_crm_snapshot(odd.export, odd.mapping)
    rows = open_leads(odd.export, odd.mapping, schema)
    assert schema.history is not None
    assert rows.as_of is not None
    moment = rows.as_of[0].astype("datetime64[us]").item()
    merged = set(odd.chains.values())
    reader, compared = LeadReader(schema, of_history=("created_at", "activities", "stages")), 0
    of = {name: dict(list(t.groupby(key))) for name, t, key in grouped(odd.tables)}
    for place, lead in enumerate(odd.tables["Lead"].to_dict("records")):
        where = np.flatnonzero(rows.ids == lead["Id"])
        if not len(where) or lead["Id"] in merged or place % 3:
            continue
        request = sent(lead, of)
        read = reader.read(request, as_of=moment)
        assert read.typed["worth"] == rows.frame["worth"][where[0]]
        past = read_history(request, schema.history, as_of=moment.replace(tzinfo=UTC))
        online = compute_features(
            schema,
            {},
            created_at=np.array([past.created_at]),
            as_of=rows.as_of[where].astype(np.int64),
            activities=past.activities,
            stages=past.stages,
        )
        names = [n for n in online if n not in ("completeness", "email_kind")]
        batch = {name: rows.frame[name].to_numpy()[where] for name in names}
        same_bits(batch, {name: online[name] for name in names})
        compared += 1
    assert compared > 100


def grouped(tables: dict[str, pd.DataFrame]) -> list[tuple[str, pd.DataFrame, str]]:
    history = tables["LeadHistory"]
    return [
        ("tasks", tables["Task"].query("Status == 'Completed'"), "WhoId"),
        ("events", tables["Event"], "WhoId"),
        ("members", tables["CampaignMember"].query("FirstRespondedDate != ''"), "LeadId"),
        ("status", history[history["Field"] == "Status"], "LeadId"),
        ("deals", tables["OpportunityHistory"], "OpportunityId"),
    ]


def sent(lead: dict[str, str], of: dict[str, dict[Any, pd.DataFrame]]) -> dict[str, Any]:
    """Return the request that tells what the files tell of a lead."""

    def rows(name: str, key: str) -> list[Any]:
        return [*of[name][key].itertuples()] if key in of[name] else []

    acts: list[dict[str, str]] = [
        {
            "type": row.TaskSubtype,
            "direction": row.CallType,
            "occurred_at": row.CompletedDateTime,
            "activity_id": row.Id,
        }
        for row in rows("tasks", lead["Id"])
    ]
    acts += [
        {"type": "meeting", "occurred_at": row.StartDateTime, "subject": row.Subject}
        for row in rows("events", lead["Id"])
    ]
    acts += [
        {
            "type": "form",
            "occurred_at": row.FirstRespondedDate,
            "campaign": "Spring",
            "channel": "Webinar",
        }
        for row in rows("members", lead["Id"])
    ]
    stages = [("lead", lead["CreatedDate"])]
    stages += [(row.NewValue, row.CreatedDate) for row in rows("status", lead["Id"])]
    opportunity = lead["ConvertedOpportunityId"]
    stages += [(row.StageName, row.CreatedDate) for row in rows("deals", opportunity)]
    return {
        "created_at": lead["CreatedDate"],
        "worth": lead["Budget"],
        "CurrencyIsoCode": lead["CurrencyIsoCode"],
        "activities": acts,
        "stages": [{"stage": OURS[stage], "entered_at": at} for stage, at in stages],
    }
