"""A tiny CRM export, written by hand: eight leads, every table, as CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TABLES: Final = {
    "leads.csv": """\
Id,CreatedDate,AccountId,ContactId,Industry,Source
L1,2026-01-05 10:00:00,A1,C1,Software,web
L2,2026-01-06T09:30:00Z,A1,C2,software,web
L3,2026-01-07 09:00:00+03:30,A2,C3,Retail,event
L4,2026-02-01 12:00:00,A3,C4,Retail,web
L5,2026-02-02,A4,C5,n/a,event
L6,2026-03-01 08:00:00,A5,C6,Mining,web
L7,2026-03-02 08:00:00,,C7,Mining,event
L8,2026-03-03 08:00:00,A6,C1,Software,web
""",
    "accounts.csv": """\
Id,Employees,Country
A1,120,Germany
A2,"1,500",Iran
A3,۴۰,Iran
A4,,Russia
A5,9,Russia
A6,30,Germany
""",
    "contacts.csv": """\
ContactId,Email,Phone
C1,anna@example.com,+1 202 555 0101
C2,james@example,n/a
C3,sara@freemail.example.com,+98 912 000 0001
C4,,+98 912 000 0002
C5,ivan@example.org,
C6,olga@example.org,+7 900 000-00-06
C7,pavel@example.org,12345
""",
    "changes.csv": """\
Lead,Field,NewValue,ChangedAt,SavedAt
L1,Budget__c,"5,000",2026-01-05 10:00:00,
L1,Budget__c,"12,000",2026-01-09 15:00:00,2026-01-09 15:05:00
L2,Budget__c,۸۰۰۰,2026-01-06 09:30:00,
L4,Budget__c,,2026-02-03 12:00:00,
L2,Industry,Software,2026-02-20 12:00:00,
L3,Owner,somebody,2026-01-08 12:00:00,
""",
    "touches.csv": """\
lead,what,at,saved,pages,campaign,direction
L1,page_view,2026-01-04 20:00:00,,3,Spring,
L1,Content Download,2026-01-05 09:00:00,,,Spring,
L1,call,2026-01-05 10:12:00,2026-01-05 10:20:00,,,out
L1,call,2026-01-06 10:00:00,,,,in
L2,page_view,2026-01-06 09:00:00,,2,,
L3,demo_request,2026-01-07 05:00:00,,,Fair,
L6,page_view,2026-02-27 08:00:00,,5,Spring,
L8,email_sent,2026-03-04 08:00:00,,,,
""",
    "stages.csv": """\
lead,stage,at,saved
L1,Lead,2026-01-05 10:00:00,
L1,SQL,2026-01-12 10:00:00,2026-01-12 16:00:00
L1,Won,2026-01-30 10:00:00,2026-01-31 09:00:00
L2,Lead,2026-01-06 09:30:00,
L2,Lost,2026-01-20 09:30:00,
L3,Lead,2026-01-07 05:30:00,
L4,Lead,2026-02-01 12:00:00,
L4,SQL,2026-02-10 12:00:00,
""",
    "deals.csv": """\
lead,result,closed,recorded,amount,reason
L1,won,2026-01-30 10:00:00,2026-01-31 09:00:00,"9,000",
L2,lost,2026-01-20 09:30:00,,,price
L4,open,,,,
""",
    "spend.csv": """\
campaign,channel,day,cost
Spring,search,2026-01-01,100.5
Spring,search,2026-01-02,80
Fair,event,2026-01-07,"1,200"
""",
}

CRM_YAML: Final = """\
version: 1
dataset: small
timezone: UTC
extracted_at: 2026-04-01T00:00:00Z
missing: [n/a]
tables:
  leads:
    file: leads.csv
    columns: {lead_id: Id, created_at: CreatedDate, account_id: AccountId, contact_id: ContactId}
    join: [{file: accounts.csv, on: {AccountId: Id}}]
  contacts:
    file: contacts.csv
    columns: {contact_id: ContactId}
  field_changes:
    file: changes.csv
    columns:
      {lead_id: Lead, field: Field, value: NewValue, changed_at: ChangedAt, known_at: SavedAt}
  activities:
    file: touches.csv
    columns: {lead_id: lead, type: what, occurred_at: at, known_at: saved, amount: pages}
    words: {type: {page_view: web_visit, content download: download, call: outbound_call}}
  stages:
    file: stages.csv
    columns: {lead_id: lead, entered_at: at, known_at: saved}
  deals:
    file: deals.csv
    columns:
      {lead_id: lead, outcome: result, closed_at: closed, known_at: recorded, loss_reason: reason}
  spend: {file: spend.csv}
fields:
  industry:
    {type: category, column: Industry, known: set_at_creation, criterion: industry_fit}
  source: {type: category, column: Source, known: set_at_creation, criterion: source}
  employees: {type: number, column: Employees, known: set_at_creation, criterion: industry_fit}
  email: {type: email, from: contacts, column: Email, known: set_at_creation}
  phone: {type: phone, from: contacts, column: Phone, known: set_at_creation}
  budget:
    {type: number, from: field_changes, column: Budget__c, criterion: budget, monotone: increasing}
stages: {order: [lead, sql], won: [won], lost: [lost], hand_over: sql}
horizon_days: 30
recording_lag_days: 2
ages_days: [0, 1, 3, 7]
"""


def write_small_export(folder: Path) -> Path:
    """Write the tables and their crm.yaml into a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in TABLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "crm.yaml").write_text(CRM_YAML, encoding="utf-8")
    return folder
