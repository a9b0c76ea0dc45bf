"""The languages say the same as English, each in its own script and with its own plurals."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from babel import Locale

from scoring_ml.data.crm.activity_kinds import KINDS
from scoring_ml.errors import InputError
from scoring_ml.evaluation.scored_rows import write_scored_rows
from scoring_ml.features.catalogue import schema_features
from scoring_ml.features.creation_features import WEEKDAYS
from scoring_ml.features.feature import Feature
from scoring_ml.reports.explanations import PARTS, check_whole, write_explanations
from scoring_ml.reports.queue import FieldPoints
from scoring_ml.reports.rendering import answer, label
from scoring_ml.scoring.scored_run import ScoredField
from scoring_ml.texts import Catalogue, languages, negotiate
from scoring_ml.texts.sentences import tell
from serving.refusals import Refusal
from tests.derived_facts import EMAIL_KINDS
from tests.small_crm import SmallCrm, make_crm, request
from tests.small_world import World

TEXTS = Path(__file__).parents[1] / "src" / "scoring_ml" / "texts"
TRANSLATED = ("fa", "ru")

ENGLISH_ONLY = ("audit", "draft", "export")
"""What only the command line says to a data engineer, and whole for one language."""
ENGLISH_PROSE = "serving.openapi."

NAMES = re.compile(
    r"Content-Type: application/json|scoring-ml (?:policy set|train|promote)|matrix\.yaml"
    r"|criterion: (?:source|campaign)|GET /model|OpenAPI|Prometheus|JSON|UTF-8|UTC|AUC|Odoo"
)
"""What bears one name in every language."""

FOREIGN = {
    "fa": {
        "letters of another script": r"[A-Za-zА-Яа-яЁё]",
        "digits of another script": r"[0-9٠-٩]",
        "Arabic letters for Persian ones": r"[يىكة]",
        "punctuation of another script": r"[,;?\"%]",
        "a space where a half-space belongs": r"\b(?:ن?می) ",
    },
    "ru": {
        "letters of another script": r"[A-Za-z\u0600-\u06ff]",
        "quotes of another language": r"[\"“”]",
    },
}

Text = tuple[str, str, str]
"""Key, plural category (empty for a plain message) and text."""


def flattened(content: dict[str, Any], before: str = "") -> Iterator[Text]:
    for name, value in content.items():
        key = f"{before}{name}"
        if isinstance(value, str):
            yield key, "", value
        elif "other" in value and set(value) <= {"zero", "one", "two", "few", "many", "other"}:
            if len(value) == 1:
                yield from flattened(value, f"{key}.")
            else:
                yield from ((key, form, text) for form, text in value.items())
        else:
            yield from flattened(value, f"{key}.")


def texts_of(lang: str) -> list[Text]:
    """Read a language's files as they are, without what the catalogue makes of them."""
    found: list[Text] = []
    for path in sorted((TEXTS / lang).glob("*.yaml")):
        found += flattened(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def parameters(text: str) -> set[str]:
    return set(re.findall(r"\{([^}]*)\}", text))


def by_key(lang: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for key, form, text in texts_of(lang):
        found.setdefault(key, {})[form] = text
    return found


def expected_keys() -> set[str]:
    return {
        key
        for key in by_key("en")
        if key.split(".")[0] not in ENGLISH_ONLY and not key.startswith(ENGLISH_PROSE)
    }


# -- what the files hold ------------------------------------------------------------------------


@pytest.mark.parametrize("lang", TRANSLATED)
def test_a_language_says_everything_that_people_read(lang: str) -> None:
    there = set(by_key(lang))
    assert sorted(expected_keys() - there) == []
    assert sorted(there - expected_keys()) == []


@pytest.mark.parametrize("lang", TRANSLATED)
def test_a_language_has_the_parameters_of_english(lang: str) -> None:
    english, own = by_key("en"), by_key(lang)
    for key in expected_keys() & set(own):
        # "n" may stand in one plural form and not in another.
        here, there = (
            {name for text in forms.values() for name in parameters(text)}
            for forms in (own[key], english[key])
        )
        if "" not in own[key]:
            here, there = ({name.replace("n:number", "n") for name in s} for s in (here, there))
            here, there = here | {"n"}, there | {"n"}
        assert (key, here) == (key, there)


@pytest.mark.parametrize("lang", ["en", *TRANSLATED])
def test_plural_categories_are_those_of_the_language(lang: str) -> None:
    wanted = set(Locale.parse(lang).plural_form.tags) | {"other"}
    plural = {key for key, forms in by_key("en").items() if "" not in forms}
    for key, forms in by_key(lang).items():
        assert (key, set(forms)) == (key, wanted if key in plural else {""})


@pytest.mark.parametrize("lang", TRANSLATED)
def test_a_category_of_several_numbers_names_the_number(lang: str) -> None:
    # "one" is 1, 21, 31 in Russian, and 0 and 1 in Persian.
    for key, forms in by_key(lang).items():
        names = [bool(parameters(text) & {"n", "n:number"}) for text in forms.values()]
        assert (key, any(names)) == (key, all(names))


@pytest.mark.parametrize("lang", TRANSLATED)
def test_a_language_is_written_in_its_own_script(lang: str) -> None:
    wrong = [
        (key, what)
        for key, _, text in texts_of(lang)
        for what, pattern in FOREIGN[lang].items()
        if re.search(pattern, NAMES.sub("", re.sub(r"\{[^}]*\}", "", text)))
    ]
    assert wrong == []


@pytest.mark.parametrize("lang", TRANSLATED)
def test_the_fixed_terms_of_the_contract(lang: str) -> None:
    text = Catalogue.load(lang).text
    terms = {
        "fa": {
            "tiers.hot": "داغ",
            "tiers.warm": "گرم",
            "tiers.cold": "سرد",
            "criteria.industry_fit": "تناسب بازار هدف",
            "criteria.budget": "بودجه",
            "criteria.need_urgency": "فوریت نیاز",
            "criteria.authority": "تصمیم‌گیر بودن",
            "criteria.timeline": "زمان تصمیم",
            "criteria.engagement": "تعامل با محتوا",
            "criteria.campaign": "کمپین",
            "words.won": "قرارداد بسته‌شده",
            "words.lost": "ازدست‌رفته",
        },
        "ru": {
            "tiers.hot": "Горячий",
            "tiers.warm": "Тёплый",
            "tiers.cold": "Холодный",
            "criteria.industry_fit": "Соответствие целевому рынку",
            "criteria.budget": "Бюджет",
            "criteria.need_urgency": "Срочность потребности",
            "criteria.authority": "Полномочия (ЛПР)",
            "criteria.timeline": "Срок решения",
            "criteria.engagement": "Вовлечённость",
            "criteria.campaign": "Рекламная кампания",
            "words.won": "успешная сделка",
            "words.lost": "проигранная сделка",
        },
    }[lang]
    assert {key: text(key) for key in terms} == terms


@pytest.mark.parametrize("lang", ["en", *TRANSLATED])
def test_every_kind_and_every_value_has_a_word_of_its_own(lang: str) -> None:
    text = Catalogue.load(lang).text
    for words in (
        [text(f"kinds.{kind}") for kind in KINDS],
        [text(f"feature_values.email_kind.{kind}") for kind in EMAIL_KINDS],
        [text(f"feature_values.created_weekday.{day}") for day in WEEKDAYS],
    ):
        assert len(set(words)) == len(words)


# -- sentences, worked out by hand --------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "n", "text"),
    [
        ("ru", 1, "Встречи за последний 1 день"),
        ("ru", 3, "Встречи за последние 3 дня"),
        ("ru", 7, "Встречи за последние 7 дней"),
        ("ru", 21, "Встречи за последний 21 день"),
        ("ru", 30, "Встречи за последние 30 дней"),
        ("fa", 1, "جلسه در ۱ روز گذشته"),
        ("fa", 30, "جلسه در ۳۰ روز گذشته"),
    ],
)
def test_a_count_in_a_window(lang: str, n: int, text: str) -> None:
    catalogue = Catalogue.load(lang)
    meetings = catalogue.text("kinds.meeting")
    assert catalogue.text("features.count.label", kind=meetings, n=n) == text


@pytest.mark.parametrize(
    ("lang", "key", "params", "text"),
    [
        ("ru", "reasons.observed", {"n": 212, "share": 0.31}, "31\xa0%"),
        ("ru", "reasons.observed", {"n": 212, "share": 0.31}, "из 212 похожих лидов"),
        ("ru", "reasons.observed", {"n": 21, "share": 0.31}, "из 21 похожего лида"),
        ("ru", "features.engagement.what", {"n": 1.5}, "за 1,5 дня"),
        ("ru", "features.engagement.what", {"n": 7.0}, "за 7 дней"),
        ("ru", "reasons.date", {"label": "Дата", "value": date(2026, 3, 4)}, "Дата: 4 мар. 2026"),
        ("fa", "reasons.observed", {"n": 1234, "share": 0.31}, "از ۱٬۲۳۴ لید مشابه، ۳۱٪ "),
        ("fa", "features.engagement.what", {"n": 1.5}, "هر ۱٫۵ روز"),
        ("fa", "reasons.date", {"label": "تاریخ", "value": date(2026, 3, 4)}, "تاریخ: ۴ مارس ۲۰۲۶"),
        ("fa", "lead.too_long", {"most": 1000}, "حداکثر ۱٬۰۰۰ نویسه"),
    ],
)
def test_numbers_stand_as_the_language_writes_them(
    lang: str, key: str, params: dict[str, Any], text: str
) -> None:
    assert text in Catalogue.load(lang).text(key, **params)


def test_signs_of_persian_numbers() -> None:
    persian = Catalogue.load("fa")
    # U+200E keeps a minus before its number; U+066A is the percent sign.
    assert persian.number(-1234.5) == "\u200e\u2212۱٬۲۳۴٫۵"
    assert persian.percent(-0.314, digits=1) == "\u200e\u2212۳۱٫۴\u066a"
    assert persian.percent(0.5) == "۵۰\u066a"
    assert Catalogue.load("ru").number(-1234.5) == "-1\xa0234,5"


def test_a_foreign_word_does_not_turn_a_persian_sentence_around() -> None:
    persian = Catalogue.load("fa").text
    # The marks stand around what is read from left to right, and around nothing else.
    assert persian("reasons.number", label="Budget", value=50_000.0, unit=" EUR") == (
        "\u2068Budget\u2069: ۵۰٬۰۰۰\u2068 EUR\u2069"
    )
    assert persian("reasons.number", label="بودجه", value=50_000.0, unit=" ریال") == (
        "بودجه: ۵۰٬۰۰۰ ریال"
    )
    assert Catalogue.load("ru").text("reasons.category", label="Role", value="CEO") == "Role: CEO"


# -- choosing a language ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "lang"),
    [("fa-IR, en;q=0.5", "fa"), ("ru", "ru"), ("de, ru;q=0.3", "ru"), ("de", "en")],
)
def test_a_request_gets_the_language_that_it_asks_for(header: str, lang: str) -> None:
    assert negotiate(header) == lang


def test_a_refusal_is_told_in_the_reader_s_language() -> None:
    refusal = Refusal("invalid_batch", "length", params={"most": 1000, "n": 0})
    assert "от 1 до 1\xa0000 лидов" in refusal.error("ru")["message"]
    assert "۱ تا ۱٬۰۰۰ لید" in refusal.error("fa")["message"]
    path = Refusal("method_not_allowed", params={"allow": "POST"}).error("fa")["message"]
    assert "\u2068POST\u2069" in path


def test_languages_that_say_some_parts_themselves(tmp_path: Path) -> None:
    for lang, text in {
        "en": "a: {b: 'x', c: 'y'}\nd: {e: 'z'}",
        "fa": "a: {b: 'x', c: 'y'}",
        "ru": "a: {b: 'x'}\nd: {e: 'z'}",
    }.items():
        (tmp_path / lang).mkdir()
        (tmp_path / lang / "all.yaml").write_text(text, encoding="utf-8")
    assert languages(folder=tmp_path) == ("en", "fa", "ru")
    assert languages(parts=["a"], folder=tmp_path) == ("en", "fa")
    assert languages(parts=["d"], folder=tmp_path) == ("en", "ru")
    assert languages(parts=["a", "d"], folder=tmp_path) == ("en",)
    assert Catalogue.load("ru", folder=tmp_path).lacks(["a"]) == ("a.c",)


def test_reports_are_offered_in_whole_languages_only() -> None:
    assert languages(parts=PARTS) == ("en", *TRANSLATED)
    persian = Catalogue.load("fa")
    check_whole(persian)
    partly = replace(persian, _fallen_back=("audit.header", "reports.page.nav", "words.na"))
    with pytest.raises(InputError, match=r"2 texts that are missing in 'fa', the first reports\."):
        check_whole(partly)


# -- answers ------------------------------------------------------------------------------------


def without(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what of an answer is the same in every language."""
    return {
        name: [{k: v for k, v in part.items() if k not in ("text", "label")} for part in value]
        if name in ("reasons", "contributions")
        else value
        for name, value in answer.items()
        if name != "warnings"
    }


@pytest.mark.parametrize("lang", TRANSLATED)
@pytest.mark.parametrize("kind", ["matrix", "scorecard", "boosted"])
def test_an_answer_differs_in_its_texts_only(world: World, kind: str, lang: str) -> None:
    scorer, lead, as_of = world.scorer(kind), world.lead(700), world.as_of(700)
    english = scorer.explain(lead, as_of=as_of)
    answer = scorer.explain(lead, as_of=as_of, lang=lang)
    assert without(answer) == without(english)
    for part, other in zip(answer["contributions"], english["contributions"], strict=True):
        assert part["text"] != other["text"]
        words = part["text"]
        # Names and answers are the company's own, in whatever language.
        for own in filter(None, (part["label"], part["value"], "EUR", "days")):
            words = words.replace(own, "")
        assert not re.search("[A-Za-z]", words)


@pytest.mark.parametrize(
    ("lang", "texts"),
    [
        ("fa", ["\u2068Budget\u2069: ۵۰٬۰۰۰\u2068 EUR\u2069", "\u2068role\u2069: معلوم نیست"]),
        ("ru", ["Budget: 50\xa0000 EUR", "role: неизвестно"]),
    ],
)
def test_the_sentences_of_a_lead(world: World, lang: str, texts: list[str]) -> None:
    answer = world.scorer("scorecard").explain({"budget": "۵۰۰۰۰"}, lang=lang)
    said = {part["field"]: part["text"] for part in answer["contributions"]}
    assert [said["budget"], said["role"]] == texts


@pytest.mark.parametrize(("lang", "warning"), [("fa", "«سایر»"), ("ru", "«прочее»")])
def test_warnings_are_told_in_the_language(world: World, lang: str, warning: str) -> None:
    answer = world.scorer("boosted").score({"industry": "never heard of"}, lang=lang)
    assert any(warning in text for text in answer["warnings"])


@pytest.fixture(scope="module")
def crm() -> SmallCrm:
    return make_crm()


@pytest.mark.parametrize(
    ("lang", "labels"),
    [
        ("fa", {"web_visit_30d": "بازدید از وب‌سایت در ۳۰ روز گذشته", "engagement": "تعامل اخیر"}),
        (
            "ru",
            {
                "web_visit_30d": "Посещения сайта за последние 30 дней",
                "engagement": "Недавняя вовлечённость",
            },
        ),
    ],
)
def test_computed_features_bear_the_language_s_names(
    crm: SmallCrm, lang: str, labels: dict[str, str]
) -> None:
    scorer = next(iter(crm.scorers.values()))
    answer = scorer.explain(request(crm, 3), lang=lang)
    said = {part["field"]: part["label"] for part in answer["contributions"]}
    assert {name: said[name] for name in labels} == labels


# -- the pages of a report ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def run_folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    write_scored_rows(folder, world.trained, world.trained.scorer)
    return folder


def own_words(folder: Path) -> set[str]:
    """Return the words that a page takes from the company: names, answers, units."""
    facts = json.loads((folder / "scored.json").read_text(encoding="utf-8"))
    rows = pd.read_parquet(folder / "scored.parquet")
    texts = [facts["dataset"], facts["model"]["name"], facts["model"]["kind"]]
    for name, column in facts["schema"]["columns"].items():
        texts += [str(column.get("label") or name), str(column.get("unit"))]
    for name in rows.columns:
        if name == "lead_id" or name.startswith("value/"):
            texts += rows[name].dropna().astype(str).tolist()
    return {word for text in texts for word in re.findall("[A-Za-z]+", text)}


@pytest.mark.parametrize("lang", TRANSLATED)
def test_a_page_holds_no_english(run_folder: Path, tmp_path: Path, lang: str) -> None:
    pages = write_explanations(run_folder, tmp_path, lang=lang)
    allowed = own_words(run_folder)
    for path in pages:
        page = path.read_text(encoding="utf-8")
        assert f'<html lang="{lang}"' in page
        # Warnings are in the language of the training, and say so.
        page = re.sub(r'<ul lang="en" dir="ltr">.*?</ul>', "", page, flags=re.DOTALL)
        page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
        labels = " ".join(re.findall(r'(?:aria-label|data-label|title)="([^"]*)"', page))
        text = NAMES.sub("", html.unescape(re.sub(r"<[^>]*>", " ", page) + labels))
        assert set(re.findall("[A-Za-z]+", text)) - allowed == set()
        if lang == "fa":
            digits = re.sub(r"\S*[A-Za-z]\S*", "", text)
            # Versions are names, whatever they are made of.
            model = json.loads((run_folder / "scored.json").read_text(encoding="utf-8"))["model"]
            versions = {str(model["version"]), str(model["policy"])}
            assert set(re.findall(r"\d+", digits, flags=re.ASCII)) <= versions


@pytest.mark.parametrize("lang", TRANSLATED)
def test_the_verdict_is_told_again_in_the_page_s_language(
    run_folder: Path, world: World, tmp_path: Path, lang: str
) -> None:
    facts = json.loads((run_folder / "scored.json").read_text(encoding="utf-8"))
    sentences = facts["verdict"]
    assert tell(sentences, Catalogue.load("en")) == world.trained.verdict.text
    page = write_explanations(run_folder, tmp_path, lang=lang)[1].read_text(encoding="utf-8")
    assert html.escape(tell(sentences, Catalogue.load(lang)), quote=False) in page


def test_a_computed_field_is_named_in_the_page_s_language(crm: SmallCrm) -> None:
    feature = schema_features(crm.schema)["web_visit_30d"]
    recency = schema_features(crm.schema)["days_since_web_visit"]
    day = schema_features(crm.schema)["created_weekday"]

    def field(feature: Feature) -> ScoredField:
        return ScoredField(feature.name, "other", crm.schema[feature.name], feature)

    persian = Catalogue.load("fa")
    assert label(field(feature), persian) == "بازدید از وب‌سایت در ۳۰ روز گذشته"
    assert answer(FieldPoints(field(recency), 3.5, 10, None), persian) == "۳٫۵ روز"
    assert answer(FieldPoints(field(day), "tue", 10, None), persian) == "سه‌شنبه"
    assert answer(FieldPoints(field(day), None, 10, None), persian) == "معلوم نیست"
