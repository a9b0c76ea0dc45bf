"""Old code pages, told apart by words of the languages that were written in them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from scoring_ml.data.files.data_file import DataFile, read_table
from scoring_ml.data.schema import Schema
from scoring_ml.errors import FileFormatError, SchemaError

WORDS = {
    "russian": "город Москва Новосибирск Партнёр Рекомендация отказ успех новый Юлия Щербаков",
    "ukrainian": "місто Київ Львів Їжакевич відмова успіх виставка Дніпро Олексій джерело",
    "bulgarian": "град София Пловдив отказ успех изложба Бургас препоръка Стара",
    "serbian": "град Београд Ниш препорука извор Ђорђе Љубица компанија сајам",
    "polish": "miasto Łódź Gdańsk Bezpośredni Współpraca źródło Święty Żaneta mężczyzna Ćwik",
    "czech": "město Plzeň Děčín jméno výhra žádost Růžička Dvořák Žďár Šárka",
    "slovak": "meno Košice Žilina zákazník výstava odporúčanie Ľubomír účet Štúr",
    "hungarian": "város Győr Székesfehérvár név ajánlás kiállítás Szűcs Erdős hűség ügyfél",
    "romanian": "oraş Bucureşti Iaşi Timişoara pierdut câştigat Constanţa Ştefan târg",
    "croatian": "sajam Šibenik Čakovec Đakovo preporuka Požega Krešimir Željko kuća",
    "slovene": "sejem Škofja priporočilo Žalec Črnomelj Šiška težava način že več",
    "german": "Straße München Köln Empfehlung für Geschäftsführer Größe Übersicht Österreich",
    "french": "prénom Besançon Orléans réglé état société événement français à créé Hélène",
    "spanish": "teléfono Málaga España niño José recomendación Peña León ubicación año",
    "italian": "città Forlì perché qualità società Cefalù già più attività università",
    "portuguese": "São Brasília indicação João Conceição não referência ação Ribeirão Goiânia",
    "danish": "købt København Århus Søren møde Ærø Næstved Rødovre Jørgensen",
    "swedish": "nöjd Göteborg Malmö Västerås Örebro försäljning mässa Linköping Åsa",
    "finnish": "kyllä Jyväskylä Mäkinen myyntipäällikkö Töölö Väinö Hämeenlinna",
    "icelandic": "fyrirtæki Reykjavík Ísafjörður Þór Guðrún Kópavogur Hafnarfjörður",
    "turkish": "müşteri İstanbul İzmir Çankırı yazılım satış Eskişehir kaynağı öğrenci Ağrı",
    "turkish cities": "İstanbul İzmir Eskişehir Çanakkale Muğla Kırşehir",
    "greek": "όνομα Αθήνα Θεσσαλονίκη Πάτρα νέος πελάτης Γιώργος πηγή έκθεση",
    "hebrew": "שם תל אביב ירושלים חיפה לקוח חדש מקור עיר תערוכה",
    "arabic": "اسم القاهرة الرياض عميل جديد مصدر مدينة محمد معرض إحالة",
    "persian": "نام تهران شيراز علي موفق ناموفق مشهد شهر منبع گرگان پژوهش",
    "lithuanian": "miestas Šiauliai Klaipėda Panevėžys Žalgiris vardas parodą Ąžuolas įmonė Rūta",
    "latvian": "pilsēta Rīga Jūrmala Liepāja Ķekava vārds Jānis Šķēde uzņēmums",
    "estonian": "näitus Pärnu Põlva Jõhvi Võru Müük Õnne Mägi šokolaad",
    "vietnamese": "nguồn Nguyễn Trần Hà Nội khách hàng mới thành phố Đà Nẵng giới thiệu Phạm",
}
PAGES = {
    "russian": "cp1251 koi8_r cp866 iso8859_5 mac_cyrillic",
    "ukrainian": "cp1251 koi8_u cp1125 iso8859_5 mac_cyrillic",
    "bulgarian": "cp1251 iso8859_5",
    "serbian": "cp1251 iso8859_5",
    "polish": "cp1250 iso8859_2 cp852",
    "czech": "cp1250 iso8859_2 cp852",
    "slovak": "cp1250 iso8859_2 cp852",
    "hungarian": "cp1250 iso8859_2 cp852",
    "romanian": "cp1250 iso8859_2",
    "croatian": "cp1250 iso8859_2",
    "slovene": "cp1250 iso8859_2",
    "german": "cp1252 mac_roman cp850",
    "french": "cp1252 mac_roman",
    "spanish": "cp1252 mac_roman cp850",
    "italian": "cp1252 mac_roman",
    "portuguese": "cp1252 mac_roman cp850",
    "danish": "cp1252 mac_roman cp850",
    "swedish": "cp1252 mac_roman cp850",
    "finnish": "cp1252 mac_roman",
    "icelandic": "cp1252",
    "turkish": "cp1254 cp857 mac_turkish",
    "turkish cities": "cp1254",
    "greek": "cp1253 iso8859_7 cp737 mac_greek",
    "hebrew": "cp1255 cp862",
    "arabic": "cp1256 iso8859_6",
    "persian": "cp1256",
    "lithuanian": "cp1257 iso8859_4 cp775",
    "latvian": "cp1257 iso8859_4 cp775",
    "estonian": "cp1257 cp775",
    "vietnamese": "cp1258",
}
TABLE = [(language, page) for language, pages in PAGES.items() for page in pages.split()]


_TONES = "\u0300\u0301\u0303\u0309\u0323"


def bytes_of(words: list[str], page: str) -> bytes:
    text = "lead;cell\n" + "".join(f"{n};{word}\n" for n, word in enumerate(words))
    if page == "cp1258":
        # Vowels have letters of their own there, and tones stand behind them.
        text = unicodedata.normalize("NFD", text)
        text = re.sub(f"([{_TONES}]*)([\u0302\u0306\u031b])([{_TONES}]*)", r"\2\1\3", text)
        text = re.sub("\\w[\u0302\u0306\u031b]", lambda m: unicodedata.normalize("NFC", m[0]), text)
    return text.encode(page)


def read(folder: Path, content: bytes, **options: str) -> DataFile:
    path = folder / "leads.csv"
    path.write_bytes(content)
    return read_table(path, **options)


def cells_of(content: bytes, page: str) -> list[str]:
    lines = unicodedata.normalize("NFC", content.decode(page)).splitlines()
    return [line.split(";")[1] for line in lines[1:]]


def cells(file: DataFile) -> list[str]:
    return [unicodedata.normalize("NFC", cell) for cell in file.table["cell"].to_pylist()]


@pytest.mark.parametrize(("language", "page"), TABLE)
def test_ten_words_are_read_right(tmp_path: Path, language: str, page: str) -> None:
    content = bytes_of(WORDS[language].split(), page)
    file = read(tmp_path, content)
    assert cells(file) == cells_of(content, page)
    assert file.facts.guess is not None
    assert len(file.facts.guess.words) == 3
    assert repr(file.facts.guess.words[0]) in file.facts.notes[0]


@pytest.mark.parametrize(("language", "page"), TABLE)
def test_three_words_are_read_right_or_said_to_be_uncertain(
    tmp_path: Path, language: str, page: str
) -> None:
    words = WORDS[language].split()
    for start in range(len(words) - 2):
        content = bytes_of(words[start : start + 3], page)
        if not content.isascii():
            file = read(tmp_path, content)
            assert cells(file) == cells_of(content, page) or file.facts.findings


def test_what_cannot_be_told_apart_is_asked_about(tmp_path: Path) -> None:
    (finding,) = read(tmp_path, "lead;cell\n1;за\n".encode("cp1251")).facts.findings
    assert finding.grade == "ask"
    assert "is read as cp1251 ('за') and may also be cp1255 ('חא')" in finding.text


@pytest.mark.parametrize("word", ["Şubat", "Ağustos", "Eğitim", "Mağaza"])
def test_one_turkish_word_is_read_right_or_among_what_is_asked(tmp_path: Path, word: str) -> None:
    file = read(tmp_path, f"lead;cell\n1;{word}\n".encode("cp1254"))
    assert [word] == cells(file) or f"'{word}'" in file.facts.findings[0].text


def test_signs_far_down_decide_too(tmp_path: Path) -> None:
    rows = "1;plain\n" * 500_000
    content = f"lead;cell\n{rows}2;Gdańsk\n{rows}3;Łódź\n{rows}4;Świnoujście\n".encode("cp1250")
    file = read(tmp_path, content)
    assert file.facts.encoding == "cp1250"
    assert [cell for cell in cells(file) if cell != "plain"] == ["Gdańsk", "Łódź", "Świnoujście"]


def test_the_encoding_that_is_named_is_taken(tmp_path: Path) -> None:
    content = "lead;cell\n1;отказ\n".encode("koi8_r")
    assert cells(read(tmp_path, content, encoding="cp1251")) == ["ПФЛБЪ"]
    file = read(tmp_path, content, encoding="KOI8-R")
    assert cells(file) == ["отказ"]
    assert file.facts.notes == file.facts.findings == ()
    with pytest.raises(FileFormatError, match=r"Found: line 2 of leads\.csv is not utf-8"):
        read(tmp_path, content, encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"one that is known\. Found: klingon"):
        read(tmp_path, content, encoding="klingon")


def test_unicode_stays_unicode_whatever_is_named(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        file = read(tmp_path, "lead;cell\n1;отказ\n".encode(encoding), encoding="cp1251")
        assert cells(file) == ["отказ"]
        assert "is not read as the cp1251" in file.facts.notes[0]
    assert read(tmp_path, b"lead;cell\n1;plain\n", encoding="cp1251").facts.notes == ()
    wide = "lead;cell\n1;отказ\n".encode("utf-16-le")
    assert cells(read(tmp_path, wide, encoding="utf-16-le")) == ["отказ"]


def test_a_mark_of_unicode_before_an_old_page_is_passed_over(tmp_path: Path) -> None:
    file = read(tmp_path, b"\xef\xbb\xbflead;cell\n" + "1;Москва\n2;отказ\n".encode("cp1251"))
    assert cells(file) == ["Москва", "отказ"]
    assert file.facts.columns == ("lead", "cell")


def test_settings_take_known_encodings_only() -> None:
    content = {
        "dataset": "d",
        "target": {"column": "y", "won": ["1"], "lost": ["0"]},
        "order": {"by": "row"},
        "columns": {"x": {"type": "number"}},
    }
    assert Schema.read(content | {"encoding": "koi8-r"}).encoding == "koi8-r"
    with pytest.raises(SchemaError, match="must be an encoding"):
        Schema.read(content | {"encoding": "klingon"})
