"""From a folder to a first crm.yaml: what is drafted gives what the examples give."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.check import check_data
from pipelines.init_folder import init_folder
from pipelines.inputs import Files, open_data
from pipelines.progress import ProgressBar
from scoring_ml.data.crm.drafting.folder import open_folder
from scoring_ml.data.crm.drafting.templates import best_template
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.values.moments.form import ColumnDates
from scoring_ml.errors import InputError
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.crm_snapshot import build_crm_snapshot
from tests.command_line import run_here
from tests.crm_worlds import EXPORTS, world, write_export

EXAMPLES = Path(__file__).parents[1] / "models" / "examples"
each = pytest.mark.parametrize("name", EXPORTS)


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Every CRM's export of the same leads; not to be changed."""
    root = tmp_path_factory.mktemp("exports")
    return {name: write_export(name, root / name) for name in EXPORTS}


def labels(folder: Path, mapping: Path) -> dict[str, float]:
    """Label of each lead at each age."""
    meaning = CrmMapping.load(mapping)
    export, report = read_export(folder, meaning)
    assert report.broken == ()
    snapshot, _, _ = build_crm_snapshot(export, meaning)
    keys = zip(snapshot.ids, np.nan_to_num(snapshot.age_days, nan=-1.0), strict=True)
    return dict(zip(keys, np.nan_to_num(snapshot.label, nan=-1.0).tolist(), strict=True))


@each
def test_the_example_labels_the_leads_right(exports, name):
    found = labels(exports[name], EXAMPLES / name / "crm.yaml")
    truth = {lead.number: lead for lead in world()}
    decided = {key: label for key, label in found.items() if label >= 0 and key[1] == 1.0}
    assert len(decided) > 250
    for (lead_id, _), label in decided.items():
        lead = truth[int("".join(filter(str.isdigit, lead_id))[-4:])]
        assert (label == 1.0) == (lead.outcome == "won"), lead_id


@each
def test_the_matrix_of_the_example_fits_its_fields_and_tells_leads_apart(exports, name):
    mapping = CrmMapping.load(EXAMPLES / name / "crm.yaml")
    export, _ = read_export(exports[name], mapping)
    snapshot, schema, _ = build_crm_snapshot(export, mapping)
    matrix = Matrix.load(EXAMPLES / name / "matrix.yaml", schema)
    assert matrix.max_total == 110
    fields = {rule.column.name for item in matrix.criteria for rule in item.rules}
    rows = snapshot.frame[sorted(fields)].to_dict("records")
    totals = {tuple(matrix.levels(row).values()) for row in rows}
    assert len(totals) > 1


@each
def test_the_draft_gives_the_labels_of_the_example(exports, name, tmp_path):
    out = tmp_path / "crm.yaml"
    result = init_folder(exports[name], out=out)
    assert result.broken == ""
    assert labels(exports[name], out) == labels(exports[name], EXAMPLES / name / "crm.yaml")


def disguise(name: str, folder: Path) -> Path:
    """Write an export under other names of files, columns in other spellings, and a stray file."""
    write_export(name, folder)
    for number, path in enumerate(sorted(folder.iterdir())):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.columns = [column.replace("_", " ").upper().strip() or column for column in table]
        table[table.columns[::-1]].to_csv(folder / f"export-{number}.csv", index=False, sep=";")
        path.unlink()
    (folder / "rooms.csv").write_text("room;seats\nA;4\nB;6\n", encoding="utf-8")
    (folder / "notes.pdf").write_bytes(b"%PDF")
    return folder


@each
def test_names_of_files_and_spellings_of_columns_do_not_matter(name, exports, tmp_path):
    folder = disguise(name, tmp_path / "export")
    result = init_folder(folder)
    assert result.draft.system == best_template(open_folder(exports[name])[0]).system
    assert {"rooms.csv", "notes.pdf"} <= set(result.draft.unmapped)
    assert labels(folder, folder / "crm.yaml") == labels(
        exports[name], EXAMPLES / name / "crm.yaml"
    )


def test_an_unknown_crm_is_read_by_its_shape(tmp_path):
    folder = write_export("unknown", tmp_path / "crm")
    (folder / "rooms.csv").write_text("room,seats\nA,4\nB,6\n", encoding="utf-8")
    result = init_folder(folder)
    assert result.draft.system == ""
    tables = {table: sources[0]["file"] for table, sources in result.draft.tables.items()}
    assert tables == {
        "leads": "enquiries.csv",
        "deals": "contracts.csv",
        "stages": "funnel.csv",
        "activities": "timeline.csv",
    }
    assert list(result.draft.unmapped) == ["rooms.csv"]
    assert result.mapping.stages.order == ("received", "qualified", "proposed")
    kinds = result.mapping.tables["activities"][0].words["type"]
    assert kinds["incoming call"] == "inbound_call"
    assert kinds["task"] == kinds["missed call"] == ""
    truth = {f"E-{lead.number:05}": lead.outcome for lead in world()}
    found = labels(folder, folder / "crm.yaml")
    decided = {key[0]: label for key, label in found.items() if label >= 0 and key[1] == 1.0}
    assert len(decided) > 250
    assert all((label == 1.0) == (truth[lead] == "won") for lead, label in decided.items())


@pytest.mark.parametrize("name", ["amocrm", "pipedrive"])
def test_stages_of_ones_own_are_proposed_in_order_of_time(name, tmp_path):
    folder = write_export(name, tmp_path / "crm")
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        for old, new in (("000001", "7171"), ("000002", "3131"), ("000003", "5151")):
            text = text.replace(f"40{old}", new).replace(f"9{old}", new)
        path.write_text(text, encoding="utf-8")
    result = init_folder(folder)
    order = result.mapping.stages.order
    assert order.index("3131") < order.index("5151")
    assert any("3131" in question for question in result.draft.questions)
    assert result.mapping.stages.won == ("won",)
    assert check_data(folder).exit_code == 0


@pytest.mark.parametrize("name", [*EXPORTS, "unknown"])
def test_the_draft_passes_check_says_why_and_has_a_matrix_that_fits(name, tmp_path):
    folder = write_export(name, tmp_path / "crm")
    result = init_folder(folder)
    assert check_data(folder).exit_code == 0
    assert result.mapping == CrmMapping.load(folder / "crm.yaml")
    assert all(item.column.reason for item in result.mapping.fields)
    lines = (folder / "crm.yaml").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.lstrip().startswith("- file:") and "join" not in lines[number - 1]:
            assert "#" in lines[number - 1] or "'on'" in lines[number + 1], line
    data = open_data(folder, Files(), ProgressBar("test"))
    assert "engagement" in data.matrix.mapped or name == "hubspot-browser"
    form = json.loads((folder / ".schemas" / "crm.json").read_text(encoding="utf-8"))
    assert form == json.loads(CrmMapping.json_schema())


def test_fields_of_unknown_moment_are_asked_about_and_no_value_of_a_person_is_written(tmp_path):
    folder = write_export("bitrix24", tmp_path / "crm")
    result = init_folder(folder)
    field = next(i for i in result.mapping.fields if i.named == "UF_CRM_1700000001")
    assert not field.column.use
    assert any("uf_crm_1700000001" in question for question in result.draft.questions)
    leads = pd.read_csv(folder / "crm_lead.csv")
    leads["UF_CRM_2"] = [f"{7 + row % 5},50" for row in range(len(leads))]
    leads.to_csv(folder / "crm_lead.csv", index=False)
    result = init_folder(folder, out=tmp_path / "crm.yaml")
    field = next(i for i in result.mapping.fields if i.named == "UF_CRM_2")
    assert (field.column.type, field.column.decimal) == ("number", ",")
    for name in ("hubspot", "unknown"):
        other = write_export(name, tmp_path / name)
        text = init_folder(other).render()
        text += "".join(path.read_text(encoding="utf-8") for path in other.glob("*.yaml"))
        assert not re.search(r"person\d|\+1202555", text)


def test_a_folder_is_drafted_once_and_as_json(tmp_path):
    folder = write_export("zoho", tmp_path / "crm")
    done = run_here("init", folder, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["system"] == "Zoho CRM"
    assert answer["rows"]["leads"] == 400
    assert answer["written"] == [str(folder / "crm.yaml"), str(folder / "matrix.yaml")]
    assert answer["next"][-1] == f"scoring-ml train {folder}"
    before = (folder / "crm.yaml").read_bytes()
    with pytest.raises(InputError, match=r"must not overwrite.*crm\.yaml.*matrix\.yaml"):
        init_folder(folder)
    assert (folder / "crm.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--target", "x"), "go with a flat file"),
        (("--won", "x"), "go with a flat file"),
    ],
)
def test_options_of_the_flat_door_are_refused(args, message, tmp_path):
    (tmp_path / "crm").mkdir()
    done = run_here("init", tmp_path / "crm", *args, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_folder_without_leads_is_refused_with_what_was_found(tmp_path):
    with pytest.raises(InputError, match="must hold the tables of a CRM export"):
        init_folder(tmp_path)
    (tmp_path / "rooms.csv").write_text("room,seats\nA,4\nB,4\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"leads of a CRM.*rooms\.csv"):
        init_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rooms.csv"]


def test_a_table_that_cannot_be_used_is_named_with_what_it_lacks(tmp_path):
    folder = write_export("hubspot", tmp_path / "crm")
    calls = pd.read_csv(folder / "calls.csv").drop(columns=["hs_timestamp", "hs_createdate"])
    calls.to_csv(folder / "calls.csv", index=False)
    (folder / "deal_to_contact.csv").unlink()
    result = init_folder(folder)
    assert "hs_timestamp" in result.draft.unmapped["calls.csv"]
    assert "deals" not in result.draft.tables
    assert "deals.csv" in result.draft.unmapped
    assert result.leads["won"] > 100


def test_a_date_of_winning_is_the_end_of_a_lead_where_nothing_else_tells_it(tmp_path):
    leads = world()
    rows = {lead.number: lead for lead in leads}
    pd.DataFrame(
        {
            "mql_id": [f"m{number:05}" for number in rows],
            "first_contact_date": [lead.created.date() for lead in leads],
            "origin": [lead.source for lead in leads],
        }
    ).to_csv(tmp_path / "qualified_leads.csv", index=False)
    won = [lead for lead in leads if lead.outcome == "won"]
    pd.DataFrame(
        {
            "mql_id": [f"m{lead.number:05}" for lead in won],
            "won_date": [lead.closed for lead in won],
            "lead_type": ["online", *["offline"] * (len(won) - 1)],
        }
    ).to_csv(tmp_path / "closed_deals.csv", index=False)
    result = init_folder(tmp_path)
    assert result.broken == ""
    assert {name: each[0]["file"] for name, each in result.draft.tables.items()} == {
        "leads": "qualified_leads.csv",
        "stages": "closed_deals.csv",
    }
    found = labels(tmp_path, tmp_path / "crm.yaml")
    wins = {int(lead_id[1:]) for (lead_id, age), label in found.items() if age == 1 and label == 1}
    assert wins
    assert wins <= {lead.number for lead in won}


def test_a_table_that_the_example_does_not_know_is_told_by_its_shape(tmp_path):
    folder = write_export("hubspot", tmp_path / "crm")
    visits = [{"visitor": lead.email, "page": "/", "seen": lead.created} for lead in world()]
    pd.DataFrame(visits).to_csv(folder / "web_visits.csv", index=False)
    result = init_folder(folder)
    source = result.mapping.tables["activities"][-1]
    assert (source.file, source.constants) == ("web_visits.csv", {"type": "web_visit"})
    assert source.join[0].on == {"visitor": "email"}
    assert "web_visits.csv" not in result.draft.unmapped


def test_how_dates_are_written_stands_in_the_draft(tmp_path):
    folder = write_export("unknown", tmp_path / "crm")
    for name, column in (("enquiries", "received"), ("contracts", "decided"), ("funnel", "since")):
        table = pd.read_csv(folder / f"{name}.csv", dtype=str)
        moments = pd.to_datetime(table[column])
        table[column] = moments.dt.strftime("%m/%d/%Y %I:%M:%S %p")
        table.to_csv(folder / f"{name}.csv", index=False)
    result = init_folder(folder)
    tables = result.mapping.tables
    assert tables["leads"][0].dates["created_at"].day_first is False
    assert tables["stages"][0].dates["entered_at"].day_first is False
    assert tables["activities"][0].dates == {}
    plain = write_export("unknown", tmp_path / "plain")
    init_folder(plain)
    assert labels(folder, folder / "crm.yaml") == labels(plain, plain / "crm.yaml")


@pytest.mark.parametrize("proved", [True, False])
def test_dates_that_show_nothing_are_decided_by_others_or_asked_about(proved, tmp_path):
    leads = [f"L{at},{1 + at % 12}/{1 + at % 7}/2025,{3 + at % 9}m" for at in range(60)]
    text = "lead_id,created_at,contract_term\n" + "\n".join(leads) + "\n"
    (tmp_path / "leads.csv").write_text(text, encoding="utf-8")
    day = 28 if proved else 9
    stages = [f"L{at},{('won', 'lost')[at % 2]},{1 + at % 12}/{day}/2025" for at in range(60)]
    text = "lead_id,stage,entered_at\n" + "\n".join(stages) + "\n"
    (tmp_path / "stages.csv").write_text(text, encoding="utf-8")
    drafted = init_folder(tmp_path)
    asked = "\n".join(drafted.draft.questions)
    assert ("leads.created_at: no date shows whether the day" in asked) != proved
    (source,) = drafted.mapping.tables["leads"]
    assert source.dates.get("created_at", ColumnDates()).day_first is (False if proved else None)
    assert "fields.contract_term: '3m' is read as millions" in asked


def test_the_tables_of_a_warehouse_are_those_of_the_api(exports, tmp_path):
    folder = tmp_path / "warehouse"
    folder.mkdir()
    for path in exports["hubspot"].iterdir():
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if path.stem in ("contacts", "deals", "companies"):
            table.columns = [f"property_{column}" for column in table]
        table = table.rename(columns={"contactId": "contact_id", "property": "name"})
        name = {"deal_to_contact": "deal_contact"}.get(path.stem, path.stem.replace("cts", "ct"))
        table.to_parquet(folder / f"{name}.parquet")
    result = init_folder(folder)
    assert result.draft.system == "HubSpot"
    assert labels(folder, folder / "crm.yaml") == labels(
        exports["hubspot"], EXAMPLES / "hubspot" / "crm.yaml"
    )


def test_one_file_of_the_browser_is_enough(exports, tmp_path):
    (tmp_path / "hubspot-crm-exports-all-contacts.csv").write_bytes(
        (exports["hubspot-browser"] / "contacts.csv").read_bytes()
    )
    result = init_folder(tmp_path)
    assert result.draft.system == "HubSpot, exported in the browser"
    assert list(result.draft.tables) == ["leads", "stages"]
    assert result.leads["won"] > 100
    assert check_data(tmp_path).exit_code == 0


def test_deleted_deals_of_pipedrive_are_no_leads(tmp_path):
    folder = write_export("pipedrive", tmp_path / "crm")
    deals = pd.read_csv(folder / "deals.csv", dtype=str, keep_default_na=False)
    deals.loc[:4, "status"] = "deleted"
    deals.to_csv(folder / "deals.csv", index=False)
    result = init_folder(folder)
    assert (result.broken, result.leads["leads"]) == ("", 395)


def opportunities() -> pd.DataFrame:
    """Return the converted leads' opportunities as Salesforce has them, with the day of closing."""
    rows = [lead for lead in world() if lead.qualified is not None]
    return pd.DataFrame(
        {
            "Id": [f"006{lead.number:05}" for lead in rows],
            "AccountId": [f"001{lead.number:05}" for lead in rows],
            "StageName": [f"Closed {lead.outcome}" if lead.closed else "New" for lead in rows],
            "IsWon": [str(lead.outcome == "won").lower() for lead in rows],
            "IsClosed": [str(lead.closed is not None).lower() for lead in rows],
            "Amount": [lead.amount for lead in rows],
            "CloseDate": [(lead.closed or pd.Timestamp("2027-01-01")).date() for lead in rows],
            "CreatedDate": [lead.qualified.isoformat() + "Z" for lead in rows],
        }
    )


@pytest.mark.parametrize("lacks", [[], ["IsWon", "IsClosed"], ["ConvertedOpportunityId"]])
def test_opportunities_without_their_history_tell_what_became_of_leads(lacks, tmp_path):
    folder = write_export("salesforce", tmp_path / "crm")
    (folder / "OpportunityHistory.csv").unlink()
    leads = pd.read_csv(folder / "Lead.csv", dtype=str)
    leads["ConvertedAccountId"] = leads["ConvertedOpportunityId"].str.replace("006", "001", n=1)
    leads.drop(columns=lacks, errors="ignore").to_csv(folder / "Lead.csv", index=False)
    table = opportunities().drop(columns=lacks, errors="ignore")
    table.to_csv(folder / "Opportunity.csv", index=False)
    result = init_folder(folder)
    assert (result.broken, result.draft.unmapped) == ("", {})
    assert "CloseDate" in (folder / "crm.yaml").read_text(encoding="utf-8")
    truth = {f"00Q{lead.number:05}": lead.outcome for lead in world()}
    found = labels(folder, folder / "crm.yaml")
    decided = {key[0]: label for key, label in found.items() if label >= 0 and key[1] == 1.0}
    assert len(decided) > 250
    assert {lead for lead, label in decided.items() if label} == {
        lead for lead in decided if truth[lead] == "won"
    }


def test_a_file_that_another_one_tells_better_is_named(tmp_path):
    folder = write_export("salesforce", tmp_path / "crm")
    opportunities().to_csv(folder / "Opportunity.csv", index=False)
    result = init_folder(folder)
    assert "needs nothing of it" in result.draft.unmapped["Opportunity.csv"]


@pytest.mark.parametrize("lacks", ["TaskSubtype", "CompletedDateTime"])
def test_tasks_are_of_their_type_and_day_where_an_old_export_tells_no_more(lacks, tmp_path):
    folder = write_export("salesforce", tmp_path / "crm")
    tasks = pd.read_csv(folder / "Task.csv", dtype=str)
    other = {"TaskSubtype": "Type", "CompletedDateTime": "ActivityDate"}[lacks]
    tasks.rename(columns={lacks: other}).to_csv(folder / "Task.csv", index=False)
    sources = init_folder(folder).mapping.tables["activities"]
    tasks = [source for source in sources if source.file == "Task.csv"]
    assert len(tasks) == 2
    key = {"Type": "type", "ActivityDate": "occurred_at"}[other]
    assert {source.columns[key] for source in tasks} == {other}
    assert {source.columns["direction"] for source in tasks} == {"CallType"}


@pytest.mark.parametrize("name", EXPORTS)
def test_what_did_not_come_about_is_no_engagement(name, exports):
    mapping = CrmMapping.load(EXAMPLES / name / "crm.yaml")
    if "activities" not in mapping.tables:
        return
    export, _ = read_export(exports[name], mapping)
    numbers = [int("".join(filter(str.isdigit, lead_id))[-4:]) for lead_id in export.leads.ids]
    missed = {
        (lead.number, at.floor("s").value // 1000)
        for lead in world()
        for kind, at in lead.acts
        if kind == "missed"
    }
    acts = export.activities
    leads = [numbers[lead] for lead in acts.lead]
    assert not missed & set(zip(leads, acts.occurred_at.tolist(), strict=True))


def merged_world(folder: Path) -> tuple[Path, dict[str, str]]:
    """Write an unknown CRM of which every tenth lead became part of the one before it."""
    write_export("unknown", folder)
    leads = pd.read_csv(folder / "enquiries.csv", dtype=str)
    away = {f"E-{n:05}": f"E-{n - 1:05}" for n in range(10, 400, 10)}
    assert away.keys() <= set(leads[leads.columns[0]])
    return folder, away


@pytest.mark.parametrize("name", ["merged_into", "Объединён с", "duplicate of", "ادغام با"])
def test_merges_that_the_leads_tell_are_drafted(name, tmp_path):
    folder, away = merged_world(tmp_path / "crm")
    leads = pd.read_csv(folder / "enquiries.csv", dtype=str)
    leads[name] = leads[leads.columns[0]].map(away)
    leads["merged on"] = leads[name].map(lambda lead: "2025-11-29 10:00" if lead == lead else "")
    leads.to_csv(folder / "enquiries.csv", index=False)
    result = init_folder(folder)
    columns = result.mapping.tables["leads"][0].columns
    assert (columns["merged_into"], columns["merged_at"]) == (name, "merged on")
    assert result.leads["leads"] == 400 - len(away)


@pytest.mark.parametrize("names", [("old_lead", "new_lead"), ("duplicate_id", "master_id")])
def test_merges_of_a_file_of_their_own_are_drafted(names, tmp_path):
    folder, away = merged_world(tmp_path / "crm")
    merges = pd.DataFrame(away.items(), columns=names).assign(at="2025-11-29 10:00")
    merges.to_csv(folder / "merges.csv", index=False)
    result = init_folder(folder)
    assert result.mapping.tables["merges"][0].columns == {
        "merged_into": names[1],
        "lead_id": names[0],
        "merged_at": "at",
    }
    assert result.leads["leads"] == 400 - len(away)


def test_what_names_an_address_alone_is_joined_by_it(tmp_path):
    plain = write_export("unknown", tmp_path / "plain")
    init_folder(plain)
    folder = write_export("unknown", tmp_path / "crm")
    truth = {f"E-{lead.number:05}": lead for lead in world()}
    for name in ("contracts", "timeline", "funnel"):
        table = pd.read_csv(folder / f"{name}.csv", dtype=str)
        key = next(column for column in table if set(table[column]) <= set(truth))
        table[key] = [truth[lead].email.upper() for lead in table[key]]
        table.rename(columns={key: "client mail"}).to_csv(folder / f"{name}.csv", index=False)
    leads = pd.read_csv(folder / "enquiries.csv", dtype=str)
    mails = [truth[lead].email for lead in leads[leads.columns[0]]]
    people = pd.DataFrame({"person_id": [f"P{n}" for n in range(len(mails))], "address": mails})
    people.assign(since="2024-01-01").to_csv(folder / "people.csv", index=False)
    leads = leads.drop(columns=[c for c in leads if leads[c].astype(str).str.contains("@").any()])
    leads.assign(person=people["person_id"]).to_csv(folder / "enquiries.csv", index=False)
    result = init_folder(folder)
    assert result.broken == ""
    assert labels(folder, folder / "crm.yaml") == labels(plain, plain / "crm.yaml")
