"""Message catalogues: every sentence has a key, every key a sentence."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from pathlib import Path

import pytest

from scoring_ml.data.schema import CRITERIA, GROUPS
from scoring_ml.errors import InputError, SchemaError
from scoring_ml.texts import Catalogue, languages, negotiate

ROOT = Path(__file__).parents[1]

LEVELS = ("none", "partial", "full", "unknown")

CALLED = {
    "reasons": "number category boolean_yes boolean_no date missing valid invalid unjudged other"
    " computed computed_missing observed",
    "tiers": "hot warm cold",
    "actions": "nurture first_call_then_rescore start_sales_process",
    "criteria": " ".join(GROUPS),
    "levels": " ".join(f"{name}.{level}" for name in CRITERIA for level in LEVELS),
    "warnings": "unseen_category ignored_fields no_probability always_known beyond_age hot_share"
    " no_activities no_stages no_created_at",
    "words": "na yes no unknown valid invalid unjudged won lost",
}
"""Keys that scores, answers and pages are made of, by what they begin with."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Languages of three kinds: left to right, right to left, and with four plural forms."""
    for lang, text in {
        "en": """
            words: {na: "n/a", "yes": "yes", "no": "no"}
            greeting: "Hello {name}"
            only: "English only, {x}"
            leads: {one: "{n} lead", other: "{n} leads"}
            facts: "{a:percent} {b:signed} {c:decimal1} {d:date} {e} {f:percent1} {g:number}"
            """,
        "fa": """
            words: {na: "نامشخص"}
            greeting: "سلام {name}"
            leads: {one: "{n} لید", other: "{n} لید"}
            """,
        "ru": """
            greeting: "Здравствуйте, {name}"
            leads: {one: "{n} лид", few: "{n} лида", many: "{n} лидов", other: "{n} лида"}
            """,
    }.items():
        (tmp_path / lang).mkdir()
        (tmp_path / lang / "all.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "en" / "more.yaml").write_text("deep: {er: {key: 'found'}}", encoding="utf-8")
    return tmp_path


def write(folder: Path, text: str, *, lang: str = "en", name: str = "x.yaml") -> Path:
    (folder / lang).mkdir(parents=True, exist_ok=True)
    (folder / lang / name).write_text(text, encoding="utf-8")
    return folder


def test_files_are_merged_and_nested_keys_joined_with_dots(folder: Path) -> None:
    catalogue = Catalogue.load("en", folder=folder)
    assert catalogue.text("deep.er.key") == "found"
    assert catalogue.text("greeting", name="Ada") == "Hello Ada"
    assert "greeting" in catalogue
    assert "deep.er" not in catalogue


def test_a_catalogue_is_read_once(folder: Path) -> None:
    assert Catalogue.load("en", folder=folder) is Catalogue.load("en", folder=folder)


def test_values_are_put_in_as_they_are(folder: Path) -> None:
    catalogue = Catalogue.load("en", folder=folder)
    assert catalogue.text("greeting", name="{name} <b> {0.__class__}") == (
        "Hello {name} <b> {0.__class__}"
    )


def test_a_language_falls_back_to_english_message_by_message(folder: Path) -> None:
    persian = Catalogue.load("fa", folder=folder)
    assert persian.text("greeting", name="آدا") == "سلام آدا"
    assert persian.text("only", x=12) == "English only, ۱۲"
    assert persian.keys == Catalogue.load("en", folder=folder).keys


def test_a_plural_form_that_falls_back_follows_the_rule_of_english(tmp_path: Path) -> None:
    write(tmp_path, "cats: {one: '{n} cat', other: '{n} cats'}")
    write(tmp_path, "x: y", lang="ru")
    russian = Catalogue.load("ru", folder=tmp_path)
    # Russian's own rule takes 21 for "one".
    assert [russian.text("cats", n=n) for n in (1, 21)] == ["1 cat", "21 cats"]


@pytest.mark.parametrize(
    ("lang", "texts"),
    [
        ("en", {0: "0 leads", 1: "1 lead", 2: "2 leads", 1234: "1,234 leads"}),
        ("ru", {1: "1 лид", 2: "2 лида", 5: "5 лидов", 21: "21 лид", 112: "112 лидов"}),
        ("fa", {1: "۱ لید", 1234: "۱٬۲۳۴ لید"}),
    ],
)
def test_plural_forms(folder: Path, lang: str, texts: dict[int, str]) -> None:
    catalogue = Catalogue.load(lang, folder=folder)
    assert {n: catalogue.text("leads", n=n) for n in texts} == texts


def test_forms_of_parameters(folder: Path) -> None:
    given = {
        "a": 0.314,
        "b": -2.5,
        "c": 12,
        "d": datetime(2026, 3, 4, 23, 59),
        "e": None,
        "f": 0.0123,
        "g": 0.00042,
    }
    english = Catalogue.load("en", folder=folder).text("facts", **given)
    assert english == "31% −2.5 12.0 Mar 4, 2026  1.2% 0.00042"
    persian = Catalogue.load("fa", folder=folder)
    assert persian.text("facts", **given).startswith("۳۱")
    assert not re.search(r"[0-9]", persian.text("facts", **given))
    russian = Catalogue.load("ru", folder=folder).text("facts", **given)
    assert russian.startswith("31\xa0% −2,5 12,0 4 мар. 2026")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (0.04, "0.0"),
        (-0.04, "0.0"),
        (0.1, "+0.1"),
        (-12.5, "−12.5"),
        (1234.5, "+1,234.5"),
        (None, "n/a"),
        (math.nan, "n/a"),
        (math.inf, "n/a"),
    ],
)
def test_signed_numbers(value: float | None, text: str) -> None:
    assert Catalogue.load("en").signed(value) == text


def test_a_sign_stays_before_its_number_in_a_language_from_right_to_left(folder: Path) -> None:
    # U+200E, the left-to-right mark, keeps the sign where it belongs.
    assert Catalogue.load("fa", folder=folder).signed(-2.5) == "\u200e−۲٫۵"


def test_numbers_that_are_none_are_said_so() -> None:
    english = Catalogue.load("en")
    assert [english.number(None), english.percent(math.nan), english.date(None)] == ["n/a"] * 3
    assert english.number(50000.0) == "50,000"
    assert english.number(2.0, digits=2) == "2.00"
    assert english.number(12.6, digits=0) == "13"
    assert english.percent(0.5, digits=2) == "50.00%"
    assert english.date(date(2026, 12, 31)) == "Dec 31, 2026"


def test_booleans_are_words_not_numbers() -> None:
    assert Catalogue.load("en").text("reasons.category", label="Paid", value=True) == "Paid is yes"


@pytest.mark.parametrize(("lang", "direction"), [("en", "ltr"), ("ru", "ltr"), ("fa", "rtl")])
def test_direction(folder: Path, lang: str, direction: str) -> None:
    assert Catalogue.load(lang, folder=folder).direction == direction


def test_languages_are_folders_with_texts(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert languages(folder=folder) == ("en", "fa", "ru")
    assert "en" in languages()


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        (None, "en"),
        ("", "en"),
        ("fa", "fa"),
        ("fa-IR", "fa"),
        ("FA-ir, en;q=0.9", "fa"),
        ("de, ru;q=0.4, fa;q=0.7", "fa"),
        ("ru, fa", "ru"),
        ("fa;q=0, ru;q=0.1", "ru"),
        ("de;q=0.9, *;q=0.1", "en"),
        ("*, ru", "en"),
        ("ru;q=2", "en"),
        ("ru;q=abc, ;;;, ../../etc", "en"),
        ("x" * 100_000, "en"),
    ],
)
def test_negotiation(folder: Path, header: str | None, lang: str) -> None:
    assert negotiate(header, folder=folder) == lang


def test_an_unknown_key_names_the_nearest(folder: Path) -> None:
    with pytest.raises(KeyError, match=r"no message 'greting'; the nearest is 'greeting'"):
        Catalogue.load("en", folder=folder).text("greting")


def test_a_missing_parameter_is_named(folder: Path) -> None:
    catalogue = Catalogue.load("en", folder=folder)
    with pytest.raises(KeyError, match=r"message 'greeting' needs the parameter 'name'"):
        catalogue.text("greeting")
    with pytest.raises(KeyError, match=r"message 'leads' needs the parameter 'n'"):
        catalogue.text("leads")


@pytest.mark.parametrize("lang", ["xx", "", "../en", "EN"])
def test_a_language_without_a_catalogue(folder: Path, lang: str) -> None:
    with pytest.raises(InputError, match="must be one of en, fa, ru"):
        Catalogue.load(lang, folder=folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "must be a mapping. Found: list in en/x.yaml"),
        ("a: [1]", "must be a text or a mapping. Found: a in en/x.yaml"),
        ("a: 3", "must be a text or a mapping"),
        ("yes: 'agreed'", "a key must be a text in quotes. Found: True under /"),
        ("a: 'open { brace'", "braces must be closed. Found: a"),
        ("a: '{0}'", "braces must hold a name"),
        ("a: '{x.y}'", "braces must hold a name"),
        ("a: '{x!r}'", "braces must hold a name"),
        ("a: '{x:currency}'", "perhaps with one of number, decimal1"),
        ("a: [", "must be YAML in UTF-8"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SchemaError, match=re.escape(message)):
        Catalogue.load("en", folder=write(tmp_path, text))


def test_a_message_stands_in_one_file_only(tmp_path: Path) -> None:
    write(tmp_path, "a: {b: 'x', c: 'y'}")
    write(tmp_path, "a: {d: 'fine'}", name="y.yaml")
    assert Catalogue.load("en", folder=tmp_path).text("a.d") == "fine"
    again = write(tmp_path / "again", "a: 'x'")
    write(again, "a: 'y'", name="y.yaml")
    with pytest.raises(SchemaError, match="must stand in one file only"):
        Catalogue.load("en", folder=again)


def test_a_folder_bears_a_code(tmp_path: Path) -> None:
    write(tmp_path, "a: b", lang="klingon-x")
    with pytest.raises(SchemaError, match="must bear a language's code"):
        Catalogue.load("klingon-x", folder=tmp_path)


def test_the_sentences_behind_a_score() -> None:
    text = Catalogue.load("en").text
    assert text("reasons.number", label="Budget", value=50000.0, unit=" EUR") == (
        "Budget is 50,000 EUR"
    )
    assert text("reasons.number", label="Visits", value=3.0, unit=None) == "Visits is 3"
    assert text("reasons.date", label="Start", value=datetime(2026, 2, 1)) == (
        "Start is Feb 1, 2026"
    )
    assert text("reasons.observed", n=212, leads=212, share=0.31) == (
        "of 212 leads like this, 31% bought"
    )
    assert text("reasons.observed", n=1, share=1.0) == "of 1 lead like this, 100% bought"


def test_terms_and_reasons_are_those_that_scores_are_made_of() -> None:
    there: dict[str, set[str]] = {}
    for key in Catalogue.load("en").keys:
        head, rest = key.split(".", 1)
        there.setdefault(head, set()).add(rest)
    assert {head: there[head] for head in CALLED} == {
        head: set(names.split()) for head, names in CALLED.items()
    }


def test_every_key_that_code_names_exists() -> None:
    english = Catalogue.load("en")
    code = [
        path.read_text(encoding="utf-8")
        for folder in ("src", "pipelines", "serving")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".j2")
    ]
    named = {key for text in code for key in re.findall(r'\.text\(\s*"([a-z_.]+)"\s*[,)]', text)}
    assert "words.na" in named
    assert sorted(key for key in named if key not in english) == []
