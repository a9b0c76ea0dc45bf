"""The example mappings read what their CRMs write: made-up rows under the real names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.data.crm.contract.report import ExportReport
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.crm.facts import LOST, OPEN, WON, Export
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from tests.oracle.snapshot_oracle import proven_snapshot

EXAMPLES: Final = Path(__file__).parents[1] / "models" / "examples"
HOUR: Final = 3_600_000_000

HUBSPOT: Final = {
    "contacts.csv": """\
hs_object_id,createdate,email,phone,jobtitle,hs_analytics_source,hs_lead_status,\
associatedcompanyid,hubspot_owner_id,hs_merged_object_ids
101,2026-01-05T10:00:00.000Z,anna@example.com,+12025550101,CEO,ORGANIC_SEARCH,NEW,901,77,98;99
102,2026-01-06T09:00:00Z,james@example.com,,,PAID_SEARCH,OPEN,,77,
103,2026-01-07T09:00:00Z,olga@example.com,,,DIRECT_TRAFFIC,UNQUALIFIED,901,,
""",
    "companies.csv": "hs_object_id,name,industry\n901,Example Ltd,RETAIL\n",
    "contacts_property_history.csv": """\
contactId,property,value,timestamp,sourceType
101,lifecyclestage,lead,2026-01-05T10:00:00.000Z,FORM
101,lifecyclestage,marketingqualifiedlead,2026-01-09T10:00:00.000Z,WORKFLOW
101,lifecyclestage,salesqualifiedlead,2026-01-12T10:00:00.000Z,CRM_UI
101,lifecyclestage,customer,2026-02-01T10:00:00.000Z,CRM_UI
102,lifecyclestage,subscriber,2026-01-06T09:00:00.000Z,FORM
101,jobtitle,Owner,2026-01-05T10:00:00.000Z,FORM
101,jobtitle,CEO,2026-01-11T10:00:00.000Z,CRM_UI
101,email,anna@example.com,2026-01-05T10:00:00.000Z,FORM
101,firstname,Anna,2026-01-05T10:00:00.000Z,FORM
""",
    "calls.csv": """\
hs_object_id,contact_id,hs_timestamp,hs_createdate,hs_call_direction,hs_call_duration,hs_call_status
1,101,2026-01-05T11:00:00Z,2026-01-05T11:20:00Z,OUTBOUND,180000,COMPLETED
2,101,2026-01-06T11:00:00Z,2026-01-06T11:20:00Z,INBOUND,60000,
3,101,2026-01-06T12:00:00Z,2026-01-06T12:20:00Z,INBOUND,0,MISSED
""",
    "emails.csv": """\
contact_id,hs_timestamp,hs_createdate,hs_email_direction
101,2026-01-07T11:00:00Z,2026-01-07T11:00:00Z,EMAIL
101,2026-01-08T11:00:00Z,2026-01-08T11:00:00Z,INCOMING_EMAIL
""",
    "meetings.csv": """\
contact_id,hs_timestamp,hs_createdate,hs_meeting_outcome
99,2026-01-13T11:00:00Z,2026-01-09T11:00:00Z,SCHEDULED
101,2026-01-14T11:00:00Z,2026-01-09T11:00:00Z,NO_SHOW
101,2026-01-15T11:00:00Z,2026-01-09T11:00:00Z,CANCELED
101,2026-12-15T11:00:00Z,2026-01-09T11:00:00Z,SCHEDULED
""",
    "form_submissions.csv": "contact_id,submittedAt,title\n101,1767607200000,Newsletter\n",
    "email_events.csv": """\
contact_id,created,type
101,1767693600000,OPEN
101,1767693660000,CLICK
101,1767693540000,DELIVERED
""",
    "deal_to_contact.csv": "deal_id,contact_id\n501,101\n502,102\n503,103\n",
    "deals.csv": """\
hs_object_id,dealstage,hs_is_closed_won,hs_is_closed_lost,createdate,closedate,amount,closed_lost_reason
501,39827711,true,false,2026-01-12T10:00:00Z,2026-02-01T10:00:00Z,9000,
502,qualifiedtobuy,false,false,2026-01-12T10:00:00Z,2026-12-31T00:00:00Z,,
503,39827712,false,true,2026-01-12T10:00:00Z,2026-02-03T10:00:00Z,,price
""",
}

SALESFORCE: Final = {
    "Lead.csv": """\
Id,CreatedDate,LeadSource,Email,Phone,Country,Industry,Rating,NumberOfEmployees,Status,\
ConvertedOpportunityId,ConvertedContactId,ConvertedAccountId,OwnerId,IsDeleted,MasterRecordId
00Q1,2026-01-05T10:00:00Z,Web,a@example.com,,Iran,Retail,Hot,40,Closed - Converted,0061,0031,0011,\
0051,false,
00Q2,2026-01-06T09:00:00.000+0000,Event,james@example.com,,Iran,,,,Working - Contacted,,,,\
0051,false,
00Q3,2026-01-07T09:00:00.000Z,Web,olga@example.com,,Iran,,,,Closed - Not Converted,,,,0052,false,
00Q4,2026-01-07T10:00:00.000Z,Web,o@example.com,,Iran,,,,Working - Contacted,,,,0052,true,00Q3
00Q5,2026-01-07T10:00:00.000Z,Web,x@example.com,,Iran,,,,Working - Contacted,,,,0052,true,
""",
    "LeadHistory.csv": """\
Id,LeadId,Field,OldValue,NewValue,CreatedDate
1,00Q1,Status,Open - Not Contacted,Working - Contacted,2026-01-07T10:00:00.000Z
2,00Q1,Status,Working - Contacted,Closed - Converted,2026-01-12T10:00:00.000Z
3,00Q2,Status,Open - Not Contacted,Working - Contacted,2026-01-08T10:00:00.000Z
4,00Q3,Status,Open - Not Contacted,Closed - Not Converted,2026-01-09T10:00:00.000Z
5,00Q1,Budget__c,8000,12000,2026-01-08T10:00:00.000Z
6,00Q1,Industry,,Retail,2026-01-08T10:00:00.000Z
7,00Q1,Owner,a,b,2026-01-08T10:00:00.000Z
8,00Q1,Email,an@example.com,anna@example.com,2026-01-08T10:00:00.000Z
9,00Q4,Status,Working - Contacted,Closed - Not Converted,2026-01-08T10:00:00.000Z
10,00Q5,Status,Open - Not Contacted,Working - Contacted,2026-01-08T10:00:00.000Z
""",
    "OpportunityHistory.csv": """\
Id,OpportunityId,StageName,Amount,CloseDate,CreatedDate
1,0061,Prospecting,8000,2026-03-01,2026-01-12T10:00:00.000Z
2,0061,Proposal/Price Quote,9000,2026-03-01,2026-01-20T10:00:00.000Z
3,0061,Closed Won,9000,2026-02-01,2026-02-01T10:00:00.000Z
4,0069,Closed Won,100,2026-02-01,2026-02-01T10:00:00.000Z
""",
    "Task.csv": """\
Id,WhoId,TaskSubtype,CallType,Status,CompletedDateTime,CreatedDate
1,0031,Call,Outbound,Completed,2026-01-05T11:00:00.000Z,2026-01-05T11:10:00.000Z
2,0031,Call,Inbound,Completed,2026-01-06T11:00:00.000Z,2026-01-06T11:00:00.000Z
3,00Q2,Email,,Completed,2026-01-07T11:00:00.000Z,2026-01-07T11:00:00.000Z
4,00Q2,Task,Internal,Completed,2026-01-08T11:00:00.000Z,2026-01-08T11:00:00.000Z
5,00Q2,Call,,Not Started,,2026-01-08T11:00:00.000Z
6,0039,Call,Outbound,Completed,2026-01-08T11:00:00.000Z,2026-01-08T11:00:00.000Z
""",
    "Event.csv": """\
Id,WhoId,Subject,StartDateTime,CreatedDate,IsDeleted
1,0031,Demo,2026-01-09T11:00:00.000Z,2026-01-08T11:00:00.000Z,false
2,0031,Canceled: Demo,2026-01-10T11:00:00.000Z,2026-01-08T11:00:00.000Z,false
3,00Q2,Demo,2026-01-09T11:00:00.000Z,2026-01-08T11:00:00.000Z,true
4,00Q2,Demo,2027-01-09T11:00:00.000Z,2026-01-08T11:00:00.000Z,false
""",
    "CampaignMember.csv": """\
Id,LeadId,CampaignId,CreatedDate,FirstRespondedDate
1,00Q1,7011,2026-01-05T10:00:00.000Z,2026-01-05
2,00Q2,7011,2026-01-06T10:00:00.000Z,
""",
    "Campaign.csv": "Id,Name,Type\n7011,Spring,Webinar\n",
}

BITRIX24: Final = {
    "crm_lead.csv": """\
ID;TITLE;DATE_CREATE;STATUS_ID;SOURCE_ID;UTM_CAMPAIGN;UTM_SOURCE;HAS_PHONE;HAS_EMAIL;OPPORTUNITY;COMPANY_ID
11;a;2026-01-05T13:00:00+03:00;CONVERTED;WEB;spring;search;Y;N;9000.00;31
12;b;2026-01-06T12:00:00+03:00;JUNK;CALL;;;N;Y;;0
13;c;2026-01-07T12:00:00+03:00;NEW;WEB;;;N;N;;
""",
    "crm_deal.csv": """\
ID;LEAD_ID;STAGE_ID;STAGE_SEMANTIC_ID;OPPORTUNITY;CLOSEDATE;DATE_CREATE
21;11;WON;S;9000.00;2026-03-01T00:00:00+03:00;2026-01-12T13:00:00+03:00
22;;NEW;P;1;2026-03-01T00:00:00+03:00;2026-01-12T13:00:00+03:00
""",
    "crm_stagehistory_lead.csv": """\
ID;TYPE_ID;OWNER_ID;CREATED_TIME;STATUS_SEMANTIC_ID;STATUS_ID
1;1;11;2026-01-05T13:00:00+03:00;P;NEW
2;2;11;2026-01-07T13:00:00+03:00;P;IN_PROCESS
3;3;11;2026-01-12T13:00:00+03:00;S;CONVERTED
4;1;12;2026-01-06T12:00:00+03:00;P;NEW
5;3;12;2026-01-09T13:00:00+03:00;F;JUNK
6;1;13;2026-01-07T12:00:00+03:00;P;NEW
""",
    "crm_stagehistory_deal.csv": """\
ID;TYPE_ID;OWNER_ID;CREATED_TIME;CATEGORY_ID;STAGE_SEMANTIC_ID;STAGE_ID
1;1;21;2026-01-12T13:00:00+03:00;0;P;NEW
2;2;21;2026-01-20T13:00:00+03:00;0;P;PREPARATION
3;3;21;2026-02-01T13:00:00+03:00;0;S;WON
4;1;22;2026-01-12T13:00:00+03:00;0;P;NEW
""",
    "crm_activity.csv": """\
ID;OWNER_ID;OWNER_TYPE_ID;TYPE_ID;DIRECTION;START_TIME;CREATED;COMPLETED
6;11;1;2;1;2026-01-06T15:00:00+03:00;2026-01-06T15:00:00+03:00;N
7;11;1;6;0;2026-01-06T15:00:00+03:00;2026-01-06T15:00:00+03:00;Y
1;11;1;2;2;2026-01-05T14:00:00+03:00;2026-01-05T14:10:00+03:00;Y
2;11;1;2;1;2026-01-06T14:00:00+03:00;2026-01-06T14:00:00+03:00;Y
3;11;1;4;1;2026-01-07T14:00:00+03:00;2026-01-07T14:00:00+03:00;Y
4;12;1;1;0;2026-01-08T14:00:00+03:00;2026-01-07T14:00:00+03:00;Y
5;21;2;2;2;2026-01-08T14:00:00+03:00;2026-01-08T14:00:00+03:00;Y
""",
}

AMOCRM: Final = {
    "leads.csv": """\
id,name,price,status_id,pipeline_id,created_at,closed_at,utm_source,utm_campaign,\
_embedded.contacts.0.id,_embedded.companies.0.id,_embedded.loss_reason.0.name
11,a,9000,142,7,1767607200,1769940000,search,spring,71,91,
12,b,0,143,7,1767690000,1768000000,,,72,,Дорого
13,c,0,40000002,7,1767776400,,search,,71,91,
""",
    "contacts.csv": "id,name,email,phone\n71,A,anna@example.com,+79000000000\n72,B,,\n73,C,,\n",
    "events.csv": """\
id,type,entity_id,entity_type,created_at,value_after.0.lead_status.id,value_after.0.note.id
e1,outgoing_call,11,lead,1767610800,,501
e2,incoming_chat_message,11,lead,1767610900,,
e3,incoming_call,71,contact,1767610900,,503
e4,lead_status_changed,11,lead,1767700000,40000003,
e5,lead_status_changed,11,lead,1769940000,142,
e6,lead_status_changed,12,lead,1768000000,143,
e7,lead_status_changed,13,lead,1767780000,40000002,
e8,lead_added,13,lead,1767776400,,
e9,incoming_call,12,lead,1767776500,,509
e10,incoming_call,12,lead,1767776600,,510
e11,incoming_call,12,lead,1767776700,,511
""",
    "notes.csv": """\
id,entity_id,note_type,params.duration,params.call_status
501,11,call_out,61,4
509,12,call_in,0,
510,12,call_in,9,6
511,12,call_in,40,
""",
}

EXPORTS: Final = {
    "hubspot": HUBSPOT,
    "salesforce": SALESFORCE,
    "bitrix24": BITRIX24,
    "amocrm": AMOCRM,
}
EXAMPLE_CRMS: Final = (*EXPORTS, "hubspot-browser", "pipedrive", "zoho", "odoo")


def read(name: str, folder: Path) -> tuple[Export, ExportReport]:
    for file, text in EXPORTS[name].items():
        (folder / file).write_text(text, encoding="utf-8")
    return read_export(folder, CrmMapping.load(EXAMPLES / name / "crm.yaml"))


def activities(export: Export) -> list[tuple[str, str, bool]]:
    """Lead, kind and side of every activity."""
    acts = export.activities
    assert acts is not None
    return [
        (str(export.leads.ids[lead]), KINDS[kind], bool(side))
        for lead, kind, side in zip(acts.lead, acts.kind, acts.by_lead, strict=True)
    ]


def stages(export: Export) -> dict[str, list[str]]:
    """Stages of every lead in order."""
    assert export.stages is not None
    found: dict[str, list[str]] = {}
    for lead, stage in zip(export.stages.lead, export.stages.stage, strict=True):
        found.setdefault(str(export.leads.ids[lead]), []).append(export.stages.names[stage])
    return found


def outcomes(export: Export) -> dict[str, int]:
    assert export.deals is not None
    leads = export.leads.ids[export.deals.lead]
    return dict(zip(map(str, leads), export.deals.outcome.tolist(), strict=True))


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_read_without_code(name: str, tmp_path: Path) -> None:
    export, report = read(name, tmp_path)
    assert report.broken == ()
    assert len(export.leads) == 3
    assert sum(sum(table.left_out.values()) for table in report.tables) == 0


@pytest.mark.parametrize("name", EXPORTS)
def test_what_is_seen_of_an_export_is_as_the_oracle_has_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scoring_ml.features.crm_snapshot.FEW_LEADS", 1)
    export, _ = read(name, tmp_path)
    proven_snapshot(export, CrmMapping.load(EXAMPLES / name / "crm.yaml"))


@pytest.mark.parametrize("name", EXAMPLE_CRMS)
def test_the_readme_names_every_file(name: str) -> None:
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    mapping = CrmMapping.load(EXAMPLES / name / "crm.yaml")
    for sources in mapping.tables.values():
        for source in sources:
            assert f"`{source.file}`" in text
            assert all(f"`{join.file}`" in text for join in source.join)
    for word in ("History", "Missing", "extracted_at"):
        assert word in text


@pytest.mark.parametrize("name", EXAMPLE_CRMS)
def test_what_sales_knows_only_later_is_not_used(name: str) -> None:
    mapping = CrmMapping.load(EXAMPLES / name / "crm.yaml")
    assert any(not item.column.use for item in mapping.fields)
    for item in mapping.fields:
        if item.column.known in ("unknown", "after_outcome"):
            assert not item.column.use
        assert item.column.reason


def test_hubspot(tmp_path: Path) -> None:
    export, report = read("hubspot", tmp_path)
    assert stages(export) == {"101": ["lead", "mql", "sql", "won"], "102": ["lead"]}
    # The stages of a pipeline of one's own are numbers: the flags tell what became of a deal.
    assert outcomes(export) == {"101": WON, "102": OPEN, "103": LOST}
    assert report["deals"].read == 9
    assert report["activities"].set_aside == {"not_selected": 1, "not_held": 3, "planned": 1}
    assert activities(export) == [
        ("101", "form", True),
        ("101", "outbound_call", False),
        ("101", "email_open", True),
        ("101", "email_click", True),
        ("101", "inbound_call", True),
        ("101", "email_sent", False),
        ("101", "email_reply", True),
        ("101", "meeting", True),
    ]
    assert export.histories["job_title"].value.tolist() == ["Owner", "CEO"]
    assert export.leads.values["industry"].tolist() == ["RETAIL", None, "RETAIL"]
    assert report["stages"].set_aside == {"not_selected": 4}
    assert export.deals is not None
    assert export.deals.loss_reason.tolist() == [None, None, "price"]


def test_salesforce(tmp_path: Path) -> None:
    export, report = read("salesforce", tmp_path)
    assert stages(export) == {
        "00Q1": ["lead", "mql", "sql", "opportunity", "proposal", "won"],
        "00Q2": ["lead", "mql"],
        "00Q3": ["lead", "lead", "lost"],
    }
    assert report["leads"].set_aside == {"not_selected": 2}
    assert report["stages"].set_aside["lead_set_aside"] == 2
    # The merged lead's own end is not that of the lead that stayed.
    assert report["stages"].set_aside["merged_loss"] == 1
    # The opportunity that no lead became is nobody's.
    assert outcomes(export) == {"00Q1": WON}
    assert report["deals"].set_aside == {"not_selected": 2, "no_lead": 1}
    assert activities(export) == [
        ("00Q1", "outbound_call", False),
        ("00Q1", "form", True),
        ("00Q1", "inbound_call", True),
        ("00Q1", "meeting", True),
        ("00Q2", "email_sent", False),
        ("00Q2", "other_outbound", False),
    ]
    assert export.activities is not None
    assert export.activities.campaigns == ("Spring",)
    # What the form said stands only in the old value of the first change.
    budget = export.histories["budget"]
    assert budget.value.tolist() == [8000.0, 12000.0]
    assert budget.known_at[0] == export.leads.created_at[0]
    # A correction of what the form said is there for the audit.
    assert export.recorded["email"].lead.tolist() == [0]


def test_bitrix24(tmp_path: Path) -> None:
    export, report = read("bitrix24", tmp_path)
    assert stages(export) == {
        "11": ["lead", "mql", "sql", "deal", "proposal", "won"],
        "12": ["lead", "lost"],
        "13": ["lead"],
    }
    assert outcomes(export) == {"11": WON}
    assert export.deals is not None
    assert export.deals.amount.tolist() == [9000.0]
    # Moscow is three hours ahead; the deal was closed 27 days after the lead came.
    assert (export.deals.closed_at[0] - export.leads.created_at[0]) == 27 * 24 * HOUR
    assert activities(export) == [
        ("11", "outbound_call", False),
        ("11", "inbound_call", True),
        ("11", "email_reply", True),
        ("12", "meeting", True),
    ]
    assert report.count("activities", "unknown_direction") == 0
    assert report["deals"].read == 4


def test_amocrm(tmp_path: Path) -> None:
    export, report = read("amocrm", tmp_path)
    assert stages(export) == {
        "11": ["lead", "sql", "won"],
        "12": ["lead", "lost"],
        "13": ["lead", "mql"],
    }
    assert outcomes(export) == {"11": WON, "12": LOST, "13": OPEN}
    # Of the calls of lead 12 nobody answered one that lasted no second and one that says so.
    assert activities(export) == [
        ("11", "outbound_call", False),
        ("11", "chat", True),
        ("12", "inbound_call", True),
    ]
    assert report["activities"].set_aside["not_held"] == 1
    # One person with two leads, and one whom no lead names.
    assert export.histories["email"].lead.tolist() == [0, 1, 2]
    assert report["contacts"].set_aside == {"unlinked_contact": 1}
    assert export.deals is not None
    assert export.deals.loss_reason.tolist() == [None, "Дорого", None]
