"""Unknown exports are drafted by what their cells hold, in whatever language they are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.init_folder import FolderResult, init_folder
from scoring_ml.data.crm.drafting.completion import MEANINGS
from scoring_ml.data.crm.export import read_export
from scoring_ml.data.values.moments import NEVER
from scoring_ml.features.outcomes import find_outcomes

DAYS = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(120) * 2, "D")
STATES = [("won", "lost", "open")[number % 3] for number in range(120)]

# Files (leads, deals, activities), columns of the three, and words of each language.
LANGUAGES = {
    "en": (
        ("Clients", "Orders", "Touches"),
        ("Client No", "Registered at", "Source"),
        ("Order ID", "Client No", "Status", "Closed at", "Lost reason"),
        ("Client No", "Date", "Type", "Outcome"),
        {"won": "Won", "lost": "Lost", "open": "In progress"},
        ("Incoming call", "Meeting", "Completed", "No show"),
    ),
    "de": (
        ("Kunden", "Aufträge", "Kontakthistorie"),
        ("Kunden-Nr.", "Angelegt am", "Quelle"),
        ("Auftrags-ID", "Kunden-Nr.", "Phase", "Abschlussdatum", "Grund"),
        ("Kunden-Nr.", "Datum", "Art", "Ergebnis"),
        {"won": "Abgeschlossen und gewonnen", "lost": "verloren", "open": "offen"},
        ("Anruf eingehend", "Besuch", "Erledigt", "Nicht erreicht"),
    ),
    "ru": (
        ("Контрагенты", "Заказы", "События"),
        ("Код", "Дата регистрации", "Источник"),
        ("Номер заказа", "Код контрагента", "Состояние", "Дата закрытия", "Причина отказа"),
        ("Код контрагента", "Дата", "Вид события", "Состояние"),
        {"won": "Закрыта — выиграна", "lost": "Отменён", "open": "В работе"},
        ("Входящий звонок", "Встреча", "Завершено", "Запланировано"),
    ),
    "fa": (
        ("سرنخ‌ها", "معاملات", "فعالیت‌ها"),
        ("شناسه سرنخ", "زمان ایجاد", "منبع"),
        ("شناسه معامله", "شناسه سرنخ", "مرحله", "تاریخ بسته شدن", "دلیل از دست دادن"),
        ("شناسه سرنخ", "تاریخ", "نوع فعالیت", "وضعیت"),
        {"won": "بسته شده - برنده", "lost": "بسته شده - بازنده", "open": "در حال پیگیری"},
        ("تماس ورودی", "جلسه", "انجام شده", "بی‌پاسخ"),
    ),
}


def write(folder: Path, files: dict[str, pd.DataFrame], **options: object) -> Path:
    folder.mkdir()
    for name, table in files.items():
        table.to_csv(folder / f"{name}.csv", index=False, **options)
    return folder


def numbers() -> list[str]:
    return [str(400_001 + 7 * number) for number in range(120)]


def closing(number: int) -> str:
    return "" if STATES[number] == "open" else str(DAYS[number] + pd.Timedelta(days=9))


def states(folder: Path, result: FolderResult) -> list[str]:
    """Won, lost or open, by the order of the leads."""
    export, report = read_export(folder, result.mapping)
    assert report.broken == ()
    outcomes = find_outcomes(export, result.mapping)
    _, closed = outcomes.states.given(np.ones(len(outcomes.states.at), dtype=bool))
    won = outcomes.won_at != NEVER
    return np.where(won, "won", np.where(closed, "lost", "open")).tolist()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_of_an_export_does_not_matter(language, tmp_path):
    names, lead, deal, activity, outcomes, words = LANGUAGES[language]
    inbound, meeting, held, missed = words
    source = ["a", "b", "c", "d"] * 30
    rows = [
        (9_000_001 + 3 * at, number, outcomes[STATES[at]], closing(at), "")
        for at, number in enumerate(numbers())
    ]
    touches = [
        (number, DAYS[at] + pd.Timedelta(hours=5), kind, missed if at % 4 == 0 else held)
        for at, number in enumerate(numbers())
        for kind in (inbound, meeting)
    ]
    files = (
        pd.DataFrame(dict(zip(lead, (numbers(), DAYS, source), strict=True))),
        pd.DataFrame(rows, columns=deal),
        pd.DataFrame(touches, columns=activity),
    )
    folder = write(tmp_path / "crm", dict(zip(names, files, strict=True)))
    result = init_folder(folder)
    assert result.draft.unmapped == {}
    assert states(folder, result) == STATES
    export, _ = read_export(folder, result.mapping)
    # A quarter of the activities did not come about.
    assert len(export.activities) == 180
    assert set(result.mapping.tables["activities"][0].words["type"].values()) == {
        "inbound_call",
        "meeting",
    }


def test_rows_that_a_flag_calls_deleted_are_no_facts(tmp_path):
    leads = {"Код": numbers(), "Создан": DAYS, "Источник": ["x", "y"] * 60}
    leads["ПометкаУдаления"] = ["Да" if at % 10 == 0 else "Нет" for at in range(120)]
    deals = {"Код клиента": numbers(), "Статус": STATES, "Закрыт": map(closing, range(120))}
    files = {"Клиенты": pd.DataFrame(leads), "Сделки": pd.DataFrame(deals)}
    folder = write(tmp_path / "crm", files, sep=";", encoding="cp1251")
    result = init_folder(folder)
    assert result.mapping.tables["leads"][0].without == {"ПометкаУдаления": ("true",)}
    assert states(folder, result) == [state for at, state in enumerate(STATES) if at % 10]


def test_a_file_of_pairs_joins_the_rows_of_two_others(tmp_path):
    """As data warehouses keep deals and activities; the moment of fetching tells nothing."""
    deal_ids = [9_000_001 + 3 * at for at in range(120)]
    fetched = "2026-05-04 18:00:00"
    files = {
        "contact": {
            "id": numbers(),
            "createdate": DAYS,
            "source": ["x", "y"] * 60,
            "property_jobtitle": ["CEO", "Buyer"] * 60,
        },
        "contact_property_history": {
            "contact_id": numbers(),
            "name": "jobtitle",
            "value": ["CEO", "Buyer"] * 60,
            "timestamp": DAYS,
        },
        "deal": {"deal_id": deal_ids, "stage": STATES, "closedate": map(closing, range(120))},
        # Two people of one deal: both have won it.
        "deal_contact": {
            "contact_id": [*numbers(), numbers()[2]],
            "deal_id": [*deal_ids, deal_ids[0]],
        },
        "deal_stage": {
            "deal_id": deal_ids * 2,
            "value": ["s1"] * 120 + [{"open": "s2"}.get(state, state) for state in STATES],
            "date_entered": [*DAYS, *(DAYS + pd.Timedelta(days=9))],
            "_fivetran_start": [*DAYS, *(DAYS + pd.Timedelta(days=9))],
            "_fivetran_end": [*(DAYS + pd.Timedelta(days=9)), *["9999-12-31 00:00:00"] * 120],
            "_fivetran_active": ["false"] * 120 + ["true"] * 120,
        },
        "engagement": {
            "id": range(1, 121),
            "type": ["CALL", "MEETING"] * 60,
            "happened": DAYS + pd.Timedelta(hours=5),
            "created_by_sync": fetched,
        },
        "engagement_contact": {"engagement_id": range(1, 121), "contact_id": numbers()},
    }
    tables = {name: pd.DataFrame(columns) for name, columns in files.items()}
    folder = write(tmp_path / "crm", tables)
    result = init_folder(folder)
    assert result.draft.unmapped == {}
    assert states(folder, result) == ["won" if at == 2 else s for at, s in enumerate(STATES)]
    assert [f.named for f in result.mapping.fields if f.source == "field_changes"] == ["jobtitle"]
    activities = result.mapping.tables["activities"][0]
    assert activities.file == "engagement_contact.csv"
    assert "known_at" not in activities.columns
    assert result.mapping.tables["stages"][0].file == "deal_stage.csv"
    assert result.mapping.tables["stages"][0].columns["deal_id"] == "deal_id"
    assert result.mapping.stages.order == ("s1", "s2")


def test_a_file_of_calls_tells_directions_where_it_has_no_kinds(tmp_path):
    files = {
        "leads": {"id": numbers(), "created": DAYS, "status": STATES},
        "calls": {
            "lead_id": numbers(),
            "call_type": ["Входящий", "Исходящий"] * 60,
            "started": DAYS + pd.Timedelta(hours=5),
            "status": ["done", "planned", "done"] * 40,
        },
    }
    files["leads"]["closed"] = list(map(closing, range(120)))
    tables = {name: pd.DataFrame(columns) for name, columns in files.items()}
    source = init_folder(write(tmp_path / "crm", tables)).mapping.tables["activities"][0]
    assert source.constants == {"type": "outbound_call"}
    assert source.words["direction"] == {"Входящий": "inbound", "Исходящий": "outbound"}
    assert source.words["result"] == {"done": "held", "planned": "not_held"}


@pytest.mark.parametrize("ending", ["", "9999-12-31 00:00:00"])
def test_the_newest_version_is_the_lead_and_all_of_them_are_its_history(ending, tmp_path):
    later = [str(day + pd.Timedelta(days=9)) for day in DAYS]
    first = {"version_id": range(120), "lead_id": numbers(), "created_at": DAYS}
    first |= {"source": ["x", "y"] * 60, "title": "Buyer", "status": "new"}
    last = first | {"version_id": range(120, 240), "title": ["Buyer", "CEO"] * 60}
    last |= {"status": [{"open": "offered"}.get(state, state) for state in STATES]}
    first |= {"dbt_valid_from": DAYS, "dbt_valid_to": later}
    last |= {"dbt_valid_from": later, "dbt_valid_to": ending}
    versions = pd.concat([pd.DataFrame(first), pd.DataFrame(last)])
    result = init_folder(write(tmp_path / "crm", {"leads_snapshot": versions}))
    tables = result.mapping.tables
    assert tables["leads"][0].columns["lead_id"] == "lead_id"
    assert tables["leads"][0].only == {"dbt_valid_to": (ending,)}
    assert tables["field_changes"][0].fields == ("title", "status")
    assert states(tmp_path / "crm", result) == STATES
    assert result.mapping.stages.order == ("new", "offered")
    assert [f.source for f in result.mapping.fields if f.named == "title"] == ["field_changes"]


@pytest.mark.parametrize("flag", [{"Active": "False"}, {"Closed lost": "True"}, {}])
def test_lost_deals_are_told_by_a_flag_where_no_stage_is_called_lost_else_asked(flag, tmp_path):
    lead = {"ID": numbers(), "Created on": DAYS, "Source": ["x", "y"] * 60}
    lead["Stage"] = ["Won" if state == "won" else "Proposition" for state in STATES]
    lead["Closed"] = list(map(closing, range(120)))
    for name, word in flag.items():
        other = {"True": "False", "False": "True"}[word]
        lead[name] = [word if state == "lost" else other for state in STATES]
    folder = write(tmp_path / "crm", {"leads": pd.DataFrame(lead)})
    result = init_folder(folder)
    assert any("means lost" in question for question in result.draft.questions) == (not flag)
    known = STATES if flag else [{"lost": "open"}.get(state, state) for state in STATES]
    assert states(folder, result) == known


@pytest.mark.parametrize(
    ("of", "word", "meaning"),
    [
        ("result", "Запланировано", "not_held"),
        ("result", "NOT_STARTED", "not_held"),
        ("result", "Stattgefunden", "held"),
        ("result", "blue", None),
        ("direction", "تماس خروجی", "outbound"),
        ("direction", "Eingehend", "inbound"),
    ],
)
def test_words_of_activities_are_told_by_patterns(of, word, meaning):
    assert MEANINGS[of](word) == meaning
