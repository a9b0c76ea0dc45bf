"""The same made-up leads as exports of seven CRMs: names of columns are real, rows are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

START: Final = pd.Timestamp("2025-01-01T08:00:00")
CLOSED: Final = ("won", "lost")
SOURCES: Final = ("Web", "Event", "Referral")
INDUSTRIES: Final = ("Retail", "Software", "Finance")
TITLES: Final = ("CEO", "Head of IT", "Specialist")
Tables = dict[str, list[dict[str, object]]]


@dataclass
class Lead:
    """One lead of the world, from its creation to its end."""

    number: int
    created: pd.Timestamp
    source: str
    industry: str
    title: str
    qualified: pd.Timestamp | None = None
    proposed: pd.Timestamp | None = None
    closed: pd.Timestamp | None = None
    outcome: str = "open"
    acts: list[tuple[str, pd.Timestamp]] = field(default_factory=list)

    @property
    def email(self) -> str:
        return f"person{self.number}@example{self.number % 40}.com"

    @property
    def phone(self) -> str:
        return f"+1202555{1000 + self.number}"

    @property
    def company(self) -> int:
        return 700 + self.number % 90

    @property
    def amount(self) -> int:
        return 1000 + 10 * self.number if self.outcome == "won" else 0

    @property
    def ends(self) -> Iterator[tuple[str, pd.Timestamp]]:
        """Stages after the first, with their moments."""
        for name, at in (("qualified", self.qualified), ("proposed", self.proposed)):
            if at is not None:
                yield name, at


def world(leads: int = 400, seed: int = 3) -> list[Lead]:
    """Return leads over a year; a referral, a reply and a meeting make a win likelier."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(1, leads + 1):
        created = START + pd.Timedelta(hours=8_000 * number / leads, minutes=int(rng.integers(50)))
        lead = Lead(number, created, *(str(rng.choice(x)) for x in (SOURCES, INDUSTRIES, TITLES)))
        warm = -1.2 + 1.3 * (lead.source == "Referral") + 0.6 * (lead.title == "CEO")
        for kind, chance in (
            ("call_out", 0.7),
            ("call_in", 0.4),
            ("email_out", 0.6),
            ("email_in", 0.4),
            ("meeting", 0.3),
            ("task", 0.5),
            ("missed", 0.3),
        ):
            if rng.random() < chance:
                lead.acts.append((kind, created + pd.Timedelta(hours=float(rng.uniform(1, 90)))))
                warm += 0.7 * (kind in ("email_in", "meeting"))
        days = rng.uniform((1, 4, 9), (3, 8, 25))
        end = START + pd.Timedelta(hours=8_000)
        qualified, proposed, closed = (created + pd.Timedelta(days=float(d)) for d in days)
        won = rng.random() < 1 / (1 + np.exp(-warm))
        if qualified < end and (won or rng.random() < 0.5):
            lead.qualified = qualified
            lead.proposed = proposed if proposed < end and won else None
        if closed < end and (won or rng.random() < 0.8):
            lead.closed, lead.outcome = closed, "won" if won else "lost"
        lead.acts = [(kind, at) for kind, at in lead.acts if at < min(closed, end)]
        found.append(lead)
    return found


def _z(at: pd.Timestamp | None) -> str:
    return "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(at: pd.Timestamp | None) -> str:
    return "" if at is None else at.strftime("%Y-%m-%d %H:%M:%S")


def _unix(at: pd.Timestamp | None) -> str:
    return "" if at is None else str(int(at.timestamp()))


def hubspot(leads: list[Lead]) -> Tables:
    out: Tables = {
        name: []
        for name in (
            "contacts",
            "contacts_property_history",
            "calls",
            "emails",
            "meetings",
            "deals",
            "deal_to_contact",
            "companies",
            "form_submissions",
            "email_events",
        )
    }
    for lead in leads:
        form = {"contact_id": lead.number, "submittedAt": _unix(lead.created), "title": "Form"}
        out["form_submissions"].append(form)
        out["email_events"].append(
            {"contact_id": lead.number, "type": "OPEN", "created": _unix(lead.created)}
        )
        out["contacts"].append(
            {
                "hs_object_id": lead.number,
                "createdate": _z(lead.created),
                "email": lead.email,
                "phone": lead.phone,
                "jobtitle": lead.title,
                "hs_analytics_source": lead.source,
                "hs_lead_status": lead.outcome,
                "associatedcompanyid": lead.company,
            }
        )
        history = [("lifecyclestage", "lead", lead.created), ("jobtitle", lead.title, lead.created)]
        words = {"qualified": "salesqualifiedlead", "proposed": "opportunity"}
        history += [("lifecyclestage", words[name], at) for name, at in lead.ends]
        if lead.outcome == "won":
            history.append(("lifecyclestage", "customer", lead.closed))
        for name, value, at in history:
            out["contacts_property_history"].append(
                {"contactId": lead.number, "property": name, "value": value, "timestamp": _z(at)}
            )
        for kind, at in lead.acts:
            row = {"contact_id": lead.number, "hs_timestamp": _z(at), "hs_createdate": _z(at)}
            side = "OUTBOUND" if kind.endswith("out") else "INBOUND"
            if kind.startswith("call"):
                done = {"hs_call_direction": side, "hs_call_status": "COMPLETED"}
                out["calls"].append({**row, **done, "hs_object_id": len(out["calls"]) + 1})
            elif kind.startswith("email"):
                word = "EMAIL" if side == "OUTBOUND" else "INCOMING_EMAIL"
                out["emails"].append({**row, "hs_email_direction": word})
            elif kind == "meeting":
                out["meetings"].append({**row, "hs_meeting_outcome": "COMPLETED"})
        if lead.proposed or lead.outcome in CLOSED:
            out["deal_to_contact"].append(
                {"deal_id": 9000 + lead.number, "contact_id": lead.number}
            )
            out["deals"].append(
                {
                    "hs_object_id": 9000 + lead.number,
                    "createdate": _z(lead.qualified or lead.created),
                    "hs_is_closed_won": str(lead.outcome == "won").lower(),
                    "hs_is_closed_lost": str(lead.outcome == "lost").lower(),
                    "closedate": _z(lead.closed),
                    "amount": lead.amount,
                    "closed_lost_reason": "",
                }
            )
    for company in sorted({lead.company for lead in leads}):
        out["companies"].append({"hs_object_id": company, "industry": INDUSTRIES[company % 3]})
    return out


def hubspot_browser(leads: list[Lead]) -> Tables:
    out: Tables = {"contacts": [], "deals": [], "companies": []}
    for lead in leads:
        won = lead.closed if lead.outcome == "won" else None
        out["contacts"].append(
            {
                "Record ID": lead.number,
                "First Name": f"Name{lead.number}",
                "Email": lead.email,
                "Phone Number": lead.phone,
                "Create Date": _plain(lead.created),
                "Lifecycle Stage": "Customer" if won else "Lead",
                "Original Source": lead.source,
                "Job Title": lead.title,
                "Lead Status": "",
                "Country/Region": "Iran",
                "First Conversion": "Request a demo" if lead.source == "Web" else "Guide",
                "Associated Company IDs": lead.company,
                "Became a Marketing Qualified Lead Date": "",
                "Became a Sales Qualified Lead Date": _plain(lead.qualified),
                "Became an Opportunity Date": _plain(lead.proposed),
                "Became a Customer Date": _plain(won),
            }
        )
        if lead.outcome in CLOSED:
            out["deals"].append(
                {
                    "Record ID": 9000 + lead.number,
                    "Deal Name": f"Deal {lead.number}",
                    "Deal Stage": f"Closed {lead.outcome}",
                    "Close Date": _plain(lead.closed),
                    "Amount": lead.amount,
                    "Closed Lost Reason": "",
                    "Is Closed Won": str(lead.outcome == "won").lower(),
                    "Is closed lost": str(lead.outcome == "lost").lower(),
                    "Associated Contact IDs": lead.number,
                }
            )
    for company in sorted({lead.company for lead in leads}):
        row = {"Record ID": company, "Industry": INDUSTRIES[company % 3]}
        out["companies"].append(row)
    return out


def salesforce(leads: list[Lead]) -> Tables:
    out: Tables = {
        name: [] for name in ("Lead", "LeadHistory", "OpportunityHistory", "Task", "CampaignMember")
    }
    out["Campaign"] = [{"Id": "701", "Name": "Spring", "Type": "Webinar"}]
    out["Event"] = []
    for lead in leads:
        converted = lead.qualified is not None
        out["Lead"].append(
            {
                "Id": f"00Q{lead.number:05}",
                "CreatedDate": _z(lead.created),
                "LeadSource": lead.source,
                "Email": lead.email,
                "Phone": lead.phone,
                "Country": "Iran",
                "Industry": lead.industry,
                "Status": "Closed - Converted" if converted else "Working - Contacted",
                "ConvertedOpportunityId": f"006{lead.number:05}" if converted else "",
                "ConvertedContactId": f"003{lead.number:05}" if converted else "",
                "ConvertedAccountId": f"001{lead.company:05}" if converted else "",
            }
        )

        out["CampaignMember"].append(
            {
                "LeadId": f"00Q{lead.number:05}",
                "CampaignId": "701",
                "CreatedDate": _z(lead.created),
                "FirstRespondedDate": _z(lead.created) if lead.source == "Event" else "",
            }
        )

        def changed(word: str, at: pd.Timestamp | None, field: str = "Status") -> None:
            out["LeadHistory"].append(
                {
                    "LeadId": f"00Q{lead.number:05}",  # noqa: B023
                    "Field": field,
                    "OldValue": "",
                    "NewValue": word,
                    "CreatedDate": _z(at),
                }
            )

        changed(lead.industry, lead.created, "Industry")
        if converted:
            changed("Closed - Converted", lead.qualified)
            stages = [("Prospecting", lead.qualified), ("Proposal/Price Quote", lead.proposed)]
            stages += [(f"Closed {lead.outcome.title()}", lead.closed)]
            for stage, at in stages:
                if at is not None:
                    out["OpportunityHistory"].append(
                        {
                            "OpportunityId": f"006{lead.number:05}",
                            "StageName": stage,
                            "Amount": lead.amount,
                            "CreatedDate": _z(at),
                        }
                    )
        elif lead.outcome == "lost":
            changed("Closed - Not Converted", lead.closed)
        for kind, at in lead.acts:
            if kind in ("meeting", "missed"):
                out["Event"].append(
                    {
                        "Id": f"00U{len(out['Event']):06}",
                        "WhoId": f"00Q{lead.number:05}",
                        "Subject": "Demo" if kind == "meeting" else "Canceled: Demo",
                        "IsDeleted": "false",
                        "StartDateTime": _z(at),
                        "CreatedDate": _z(at),
                    }
                )
            if kind != "meeting":
                out["Task"].append(
                    {
                        "Id": f"00T{len(out['Task']):06}",
                        "WhoId": f"00Q{lead.number:05}",
                        "TaskSubtype": {"call": "Call", "emai": "Email"}.get(kind[:4], "Task"),
                        "CallType": {"call_in": "Inbound", "call_out": "Outbound"}.get(kind, ""),
                        "Status": "Not Started" if kind == "missed" else "Completed",
                        "CompletedDateTime": _z(at),
                        "CreatedDate": _z(at),
                    }
                )
    return out


def bitrix24(leads: list[Lead]) -> Tables:
    out: Tables = {
        name: []
        for name in (
            "crm_lead",
            "crm_deal",
            "crm_stagehistory_lead",
            "crm_stagehistory_deal",
            "crm_activity",
        )
    }
    for lead in leads:
        out["crm_lead"].append(
            {
                "ID": lead.number,
                "TITLE": f"Lead {lead.number}",
                "DATE_CREATE": _z(lead.created),
                "STATUS_ID": "CONVERTED" if lead.qualified else "NEW",
                "SOURCE_ID": lead.source,
                "UTM_SOURCE": "search",
                "UTM_CAMPAIGN": "spring",
                "HAS_PHONE": "Y",
                "HAS_EMAIL": "N",
                "UF_CRM_1700000001": lead.title,
                "OPPORTUNITY": lead.amount,
                "COMPANY_ID": lead.company,
            }
        )

        def entered(
            table: str, owner: int, stage: str, at: pd.Timestamp, kind: int, end: str
        ) -> None:
            key = "STATUS_ID" if table.endswith("lead") else "STAGE_ID"
            out[table].append(
                {
                    "ID": len(out[table]) + 1,
                    "TYPE_ID": kind,
                    "OWNER_ID": owner,
                    "CREATED_TIME": _z(at),
                    key: stage,
                    "STAGE_SEMANTIC_ID": end,
                }
            )

        entered("crm_stagehistory_lead", lead.number, "NEW", lead.created, 1, "P")
        if lead.qualified is not None:
            deal = 5000 + lead.number
            entered("crm_stagehistory_lead", lead.number, "CONVERTED", lead.qualified, 3, "S")
            out["crm_deal"].append(
                {
                    "ID": deal,
                    "LEAD_ID": lead.number,
                    "OPPORTUNITY": lead.amount,
                    "DATE_CREATE": _z(lead.qualified),
                    "CLOSEDATE": "",
                }
            )
            entered("crm_stagehistory_deal", deal, "NEW", lead.qualified, 1, "P")
            if lead.proposed is not None:
                entered("crm_stagehistory_deal", deal, "PREPARATION", lead.proposed, 2, "P")
            if lead.closed is not None:
                stage, end = ("WON", "S") if lead.outcome == "won" else ("LOSE", "F")
                entered("crm_stagehistory_deal", deal, stage, lead.closed, 3, end)
        elif lead.closed is not None:
            entered("crm_stagehistory_lead", lead.number, "JUNK", lead.closed, 3, "F")
        for kind, at in lead.acts:
            done = "N" if kind == "missed" else "Y"
            word = {"call": 2, "emai": 4, "meet": 1}.get(kind[:4], 3)
            out["crm_activity"].append(
                {
                    "ID": len(out["crm_activity"]) + 1,
                    "OWNER_ID": lead.number,
                    "OWNER_TYPE_ID": 1,
                    "TYPE_ID": word,
                    "DIRECTION": {"in": 1, "ut": 2}.get(kind[-2:], 0),
                    "START_TIME": _z(at),
                    "CREATED": _z(at),
                    "COMPLETED": done,
                    "STATUS": 2,
                }
            )
    return out


def amocrm(leads: list[Lead]) -> Tables:
    out: Tables = {name: [] for name in ("leads", "contacts", "events", "notes")}
    for lead in leads:
        stage = {"won": 142, "lost": 143}.get(lead.outcome, 40000001)
        out["leads"].append(
            {
                "id": lead.number,
                "price": lead.amount,
                "status_id": stage,
                "pipeline_id": 7,
                "created_at": _unix(lead.created),
                "closed_at": _unix(lead.closed),
                "utm_source": lead.source,
                "utm_campaign": "spring",
                "_embedded.contacts.0.id": 20000 + lead.number,
                "_embedded.companies.0.id": lead.company,
                "_embedded.loss_reason.0.name": "",
            }
        )
        out["contacts"].append(
            {"id": 20000 + lead.number, "email": lead.email, "phone": lead.phone}
        )
        stages = [(40000002 if name == "qualified" else 40000003, at) for name, at in lead.ends]
        stages += [(stage, lead.closed)] if lead.closed is not None else []
        words = {
            "call_out": "outgoing_call",
            "call_in": "incoming_call",
            "email_in": "incoming_chat_message",
            "email_out": "outgoing_chat_message",
            "missed": "incoming_call",
        }
        rows = [("lead_status_changed", at, code) for code, at in stages]
        rows += [(words[kind], at, kind) for kind, at in lead.acts if kind in words]
        for word, at, code in rows:
            call = str(code) in ("missed", "call_in", "call_out")
            if call:
                state = 6 if code == "missed" else ""
                note = {
                    "params.duration": 0 if code == "missed" else 61,
                    "params.call_status": state,
                }
                out["notes"].append({"id": 500 + len(out["notes"]), "note_type": "call_in"} | note)
            out["events"].append(
                {
                    "id": f"e{len(out['events'])}",
                    "type": word,
                    "entity_id": lead.number,
                    "entity_type": "lead",
                    "created_at": _unix(at),
                    "value_after.0.lead_status.id": code if word[:4] == "lead" else "",
                    "value_after.0.note.id": 499 + len(out["notes"]) if call else "",
                }
            )
    return out


def pipedrive(leads: list[Lead]) -> Tables:
    out: Tables = {name: [] for name in ("deals", "persons", "organizations", "activities", "flow")}
    for lead in leads:
        out["deals"].append(
            {
                "id": lead.number,
                "title": f"Deal {lead.number}",
                "add_time": _plain(lead.created),
                "status": lead.outcome,
                "close_time": _plain(lead.closed),
                "value": lead.amount,
                "lost_reason": "",
                "person_id": 20000 + lead.number,
                "org_id": lead.company,
                "channel": lead.source,
                "origin": "ManuallyCreated",
                "label": "hot",
            }
        )
        out["persons"].append({"id": 20000 + lead.number, "email": lead.email, "phone": lead.phone})
        for name, at in lead.ends:
            out["flow"].append(
                {
                    "deal_id": lead.number,
                    "field_key": "stage_id",
                    "old_value": 9000001,
                    "new_value": 9000002 if name == "qualified" else 9000003,
                    "time": _plain(at),
                }
            )
        out["flow"].append(
            {
                "deal_id": lead.number,
                "field_key": "value",
                "old_value": "",
                "new_value": 10 * lead.number,
                "time": _plain(lead.created),
            }
        )
        words = {"call": "call", "emai": "email", "meet": "meeting", "miss": "no_show"}
        for kind, at in lead.acts:
            out["activities"].append(
                {
                    "id": len(out["activities"]) + 1,
                    "deal_id": lead.number,
                    "type": words.get(kind[:4], "task"),
                    "done": "true",
                    "subject": "x",
                    "marked_as_done_time": _plain(at),
                    "due_date": at.date(),
                }
            )
    for company in sorted({lead.company for lead in leads}):
        out["organizations"].append({"id": company, "industry": INDUSTRIES[company % 3]})
    return out


def zoho(leads: list[Lead]) -> Tables:
    out: Tables = {
        name: [] for name in ("Leads", "Deals", "Stage_History", "Calls", "Events", "Emails")
    }
    for lead in leads:
        deal = f"zcrm_6{lead.number:04}" if lead.qualified or lead.closed else ""
        mine = f"zcrm_1{lead.number:04}"
        out["Leads"].append(
            {
                "Record Id": mine,
                "Created Time": _plain(lead.created),
                "Lead Source": lead.source,
                "Email": lead.email,
                "Phone": lead.phone,
                "Title": lead.title,
                "Country": "Iran",
                "Industry": lead.industry,
                "Lead Status": "Contacted",
                "Rating": "",
                "No. of Employees": 40,
                "Annual Revenue": "",
                "Converted Deal.id": deal,
                "Converted Account.id": f"zcrm_7{lead.company}" if deal else "",
            }
        )
        if deal:
            out["Deals"].append(
                {
                    "Record Id": deal,
                    "Deal Name": f"Deal {lead.number}",
                    "Amount": lead.amount,
                    "Reason For Loss": "",
                }
            )
            stages = [("Qualification", lead.qualified), ("Proposal/Price Quote", lead.proposed)]
            stages += [(f"Closed {lead.outcome.title()}", lead.closed)]
            for stage, at in stages:
                if at is not None:
                    row = {"Deal Id": deal, "Stage": stage, "Modified Time": _plain(at)}
                    out["Stage_History"].append(row)
        for kind, at in lead.acts:
            row = {
                "Record Id": f"zcrm_8{len(out['Calls']) + len(out['Events']):05}",
                "Related To.id": mine,
                "Created Time": _plain(at),
            }
            if kind == "meeting":
                out["Events"].append({**row, "From": _plain(at), "Title": "Meeting"})
            elif kind.startswith("call") or kind == "missed":
                side = "Inbound" if kind == "call_in" else "Outbound"
                status = "Missed" if kind == "missed" else "Attended Dialled"
                done = {"Call Type": side, "Call Status": status, "Call Start Time": _plain(at)}
                out["Calls"].append({**row, **done})
            elif kind.startswith("email"):
                sent = str(kind == "email_out").lower()
                out["Emails"].append({"Lead Id": mine, "Sent": sent, "Time": _plain(at)})
    return out


def odoo(leads: list[Lead]) -> Tables:
    out: Tables = {
        name: [] for name in ("crm_lead", "mail_message", "mail_tracking_value", "calendar_event")
    }
    out["crm_stage"] = [
        {"id": at, "name": name}
        for at, name in enumerate(("New", "Qualified", "Proposition", "Won"), start=1)
    ]
    out["ir_model_fields"] = [
        {"id": 51, "name": "stage_id"},
        {"id": 52, "name": "expected_revenue"},
    ]
    out["utm_source"] = [{"id": at, "name": name} for at, name in enumerate(SOURCES, start=1)]
    out["utm_medium"] = [{"id": 1, "name": "cpc"}]
    out["utm_campaign"] = [{"id": 1, "name": "Spring"}]
    for lead in leads:
        out["crm_lead"].append(
            {
                "medium_id": 1,
                "campaign_id": "",
                "country_id": 109,
                "id": lead.number,
                "name": f"Lead {lead.number}",
                "create_date": _plain(lead.created),
                "email_from": lead.email,
                "phone": lead.phone,
                "function": lead.title,
                "partner_id": lead.company,
                "source_id": SOURCES.index(lead.source) + 1,
                "won_status": lead.outcome if lead.closed else "pending",
                "date_closed": _plain(lead.closed),
                "expected_revenue": lead.amount,
                "lost_reason_id": "",
                "priority": 1,
            }
        )

        def message(kind: str, at: pd.Timestamp) -> int:
            number = len(out["mail_message"]) + 1
            out["mail_message"].append(
                {
                    "id": number,
                    "model": "crm.lead",
                    "res_id": lead.number,  # noqa: B023
                    "message_type": kind,
                    "date": _plain(at),
                }
            )
            return number

        stages = [(2 if name == "qualified" else 3, at) for name, at in lead.ends]
        stages += [(4, lead.closed)] if lead.outcome == "won" and lead.closed else []
        for stage, at in stages:
            out["mail_tracking_value"].append(
                {
                    "mail_message_id": message("notification", at),
                    "field_id": 51,
                    "new_value_integer": stage,
                    "old_value_float": "",
                    "new_value_float": "",
                }
            )
        for kind, at in lead.acts:
            if kind == "meeting":
                out["calendar_event"].append(
                    {
                        "id": len(out["calendar_event"]) + 1,
                        "opportunity_id": lead.number,
                        "start": _plain(at),
                        "create_date": _plain(at),
                    }
                )
            elif kind.startswith("email"):
                message("email" if kind == "email_in" else "email_outgoing", at)
    return out


def unknown(leads: list[Lead]) -> Tables:
    """Return tables of a CRM that nobody knows."""
    out: Tables = {name: [] for name in ("enquiries", "contracts", "timeline", "funnel", "firms")}
    for lead in leads:
        mine = f"E-{lead.number:05}"
        out["enquiries"].append(
            {
                "enquiry_no": mine,
                "received": _plain(lead.created),
                "heard from": lead.source,
                "mail": lead.email,
                "job": lead.title,
                "firm": f"F{lead.company}",
            }
        )
        if lead.closed is not None:
            out["contracts"].append(
                {
                    "contract_no": f"C-{lead.number:05}",
                    "enquiry": mine,
                    "result": "signed" if lead.outcome == "won" else "refused",
                    "decided": _plain(lead.closed),
                    "total": lead.amount,
                }
            )
        for name, at in (("received", lead.created), *lead.ends):
            out["funnel"].append({"enquiry": mine, "step": name, "since": _plain(at)})
        words = {
            "call_out": "outgoing call",
            "call_in": "incoming call",
            "email_out": "mailing",
            "email_in": "reply",
            "missed": "missed call",
        }
        for kind, at in lead.acts:
            row = {"enquiry": mine, "what kind": words.get(kind, kind), "happened": _plain(at)}
            out["timeline"].append(row)
    for company in sorted({lead.company for lead in leads}):
        row = {"firm_no": f"F{company}", "industry": INDUSTRIES[company % 3]}
        out["firms"].append(row)
    return out


EXPORTS: Final[dict[str, Callable[[list[Lead]], Tables]]] = {
    "hubspot": hubspot,
    "hubspot-browser": hubspot_browser,
    "salesforce": salesforce,
    "bitrix24": bitrix24,
    "amocrm": amocrm,
    "pipedrive": pipedrive,
    "zoho": zoho,
    "odoo": odoo,
}


def write_export(name: str, folder: Path, leads: list[Lead] | None = None) -> Path:
    """Write the export of a CRM as CSV files, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, rows in EXPORTS.get(name, unknown)(leads or world()).items():
        pd.DataFrame(rows).to_csv(folder / f"{file}.csv", index=False)
    return folder
