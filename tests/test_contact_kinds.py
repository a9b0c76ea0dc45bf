"""Kinds of e-mail addresses, and the short way to judge them."""

import numpy as np
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scoring_ml.data.history import History
from scoring_ml.data.values.contacts import valid_email
from scoring_ml.data.values.mail_domains import disposable_mail, free_mail
from scoring_ml.features.contact_kinds import email_kind_of, email_kinds
from tests.derived_facts import column

kind = email_kind_of((), ())


def test_the_lists_are_domains_in_lower_case_and_do_not_overlap() -> None:
    for domains in (free_mail(), disposable_mail()):
        assert all(name == name.strip().lower() and "." in name for name in domains)
    assert not free_mail() & disposable_mail()
    assert len(disposable_mail()) > 1_000


@pytest.mark.parametrize("domain", ["gmail.com", "yandex.ru", "mail.ru", "chmail.ir", "yahoo.com"])
def test_free_services_of_each_market(domain: str) -> None:
    assert kind(f"someone@{domain}") == "free"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("a@mailinator.com", "disposable"),
        ("a@inbox.mailinator.com", "disposable"),
        ("a@mailinator.com.example.org", "company"),
        ("a@gmail.com.example.com", "company"),
        (" A@GMAIL.COM ", "free"),
        ("gmail.com", "invalid"),
        ("a@localhost", "invalid"),
        ("имя@почта.рф", "company"),
    ],
)
def test_kinds(address: str, expected: str) -> None:
    assert kind(address) == expected


def test_what_a_company_names_holds_against_the_lists() -> None:
    own = email_kind_of((" Mailinator.com",), ("gmail.com",))
    assert (own("a@mailinator.com"), own("a@gmail.com")) == ("free", "disposable")
    both = email_kind_of(("x.example.com",), ("x.example.com",))
    assert both("a@x.example.com") == "free"


def test_a_column_of_addresses() -> None:
    values = column("a@gmail.com", None, "nowhere", "a@firm.example.com", np.nan)
    found = email_kinds(values, History())
    assert found.tolist() == ["free", None, "invalid", "company", None]
    assert email_kinds(np.zeros(0, dtype=object), History()).tolist() == []


local = st.text("abzABZ019.!#$%&'*+/=?^_`{|}~-\"@ ()ёß", min_size=0, max_size=70)
domain = st.one_of(
    st.text("abz019.-_AZ", max_size=70),
    st.sampled_from(
        ["example.com", "gmail.com", "a.b", "x.invalid", "-a.com", "[1.2.3.4]", "é.com"]
    ),
)


@given(name=local, at=domain)
@settings(max_examples=300, deadline=None)
@example("a" * 64, "example.com")
@example("a" * 65, "example.com")
@example("a" * 64, ".".join(["b" * 60] * 3) + ".example")
@example("a" * 63, ".".join(["b" * 60] * 3) + ".com")
@example(".a", "example.com")
@example("a..b", "example.com")
@example("Anna <a", "example.com>")
def test_the_short_way_agrees_with_the_library(name: str, at: str) -> None:
    address = f"{name}@{at}".strip()
    try:
        validate_email(address, check_deliverability=False)
        expected = True
    except (EmailNotValidError, ValueError, IndexError):
        expected = False
    assert valid_email(address) == expected
