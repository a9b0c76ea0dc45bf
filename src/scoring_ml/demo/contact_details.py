"""Contact details of the demo's leads and the forms of their budgets, from limited pools.

A column is a pool of texts and the place of each lead's text in it; -1 for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring_ml.demo.effects import WORLD
from scoring_ml.demo.people import NO_CODE, People, code

FREE_MAIL_HOSTS: Final = ("freemail.example.com", "post.example.org")
DISPOSABLE_MAIL_HOSTS: Final = ("tenminutes.example.net",)
"""As likely for good leads as for bad ones: an address that can be read but not believed."""

_FREE: Final = (*FREE_MAIL_HOSTS, *DISPOSABLE_MAIL_HOSTS)
_COMPANIES: Final = 800
_BROKEN: Final[list[str]] = WORLD["broken_addresses"]
_PHONES: Final[list[tuple[str, int, int]]] = WORLD["phones"]
_BROKEN_PHONES: Final[list[str]] = WORLD["broken_phones"]
_PERSIAN: Final = str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬")
_MOST_BUDGET: Final = 500_000
_BUDGET_STEP: Final = 500


@dataclass(frozen=True)
class ContactDetails:
    """Texts of leads: pools of texts and the place of each lead's text, shape (n,) each."""

    pools: Mapping[str, tuple[str, ...]]
    places: Mapping[str, NDArray[np.int32]]
    budget_form: NDArray[np.int64]
    """How each lead writes its budget: 0-2 in Latin digits, 3 in Persian ones."""

    def texts(self, name: str) -> NDArray[Any]:
        """Return a column as an array of str or None."""
        return np.array([*self.pools[name], None], dtype=object)[self.places[name]]


def draw_contact_details(
    people: People, form: Mapping[str, NDArray[Any]], rng: np.random.Generator
) -> ContactDetails:
    """Draw how each lead writes its name, address, number and budget."""
    n = len(people.created_at)
    language = people.true["language"].astype(np.int64)
    persian = (language == code("language", "fa")) & (rng.random(n) < 0.3)
    first, last = rng.integers(0, 8, n), rng.integers(0, 8, n)
    chosen = np.searchsorted((0.6, 0.85), rng.random(n), side="right")
    places = {
        "contact_name": language * 64 + first * 8 + last,
        "email": _email_places(people, form, language * 8 + first, rng),
        "phone": _phone_places(people, form, persian, rng),
    }
    return ContactDetails(
        pools={"contact_name": _names(), "email": _emails(), "phone": _phones()},
        places={name: values.astype(np.int32) for name, values in places.items()},
        budget_form=np.where(persian, 3, chosen),
    )


def budget_texts() -> tuple[str, ...]:
    """Return every way of writing every budget; see :func:`budget_places`."""
    amounts = range(0, _MOST_BUDGET + 1, _BUDGET_STEP)
    plain = [str(amount) for amount in amounts]
    grouped = [f"{amount:,}" for amount in amounts]
    signed = [f"${amount:,}" for amount in amounts]
    return (*plain, *grouped, *signed, *(text.translate(_PERSIAN) for text in grouped))


def budget_places(amount: NDArray[np.float64], form: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the place of each budget's text; -1 where there is none."""
    known = ~np.isnan(amount)
    steps = np.where(known, amount, 0.0) // _BUDGET_STEP
    place = form * (_MOST_BUDGET // _BUDGET_STEP + 1) + steps
    return np.where(known, place, NO_CODE).astype(np.int32)


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    return tuple(
        f"{first} {last}"
        for firsts, lasts in zip(WORLD["first_names"], WORLD["last_names"], strict=True)
        for first in firsts
        for last in lasts
    )


@lru_cache(maxsize=1)
def _emails() -> tuple[str, ...]:
    domains = (*_FREE, *(f"company{number}.example.com" for number in range(_COMPANIES)))
    return tuple(
        text
        for name in chain(*WORLD["first_names_in_latin"])
        for text in (
            *(f"{name}@{domain}" for domain in domains),
            *(form.format(name) for form in _BROKEN),
        )
    )


def _email_places(
    people: People,
    form: Mapping[str, NDArray[Any]],
    name: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    n = len(name)
    # Two of three write from the company's own domain, if they have one.
    kind = rng.integers(0, 3 * len(_FREE), n)
    free = (kind < len(_FREE)) | (people.account == NO_CODE)
    where = np.where(free, kind % len(_FREE), len(_FREE) + people.account % _COMPANIES)
    broken = len(_FREE) + _COMPANIES + rng.integers(0, len(_BROKEN), n)
    invalid = form["email"] == code("email", "invalid")
    each = len(_FREE) + _COMPANIES + len(_BROKEN)
    return np.asarray(name * each + np.where(invalid, broken, where))


@lru_cache(maxsize=1)
def _phones() -> tuple[str, ...]:
    latin = [
        *(pattern.format(digits) for pattern, low, high in _PHONES for digits in range(low, high)),
        *_BROKEN_PHONES,
    ]
    return (*latin, *(text.translate(_PERSIAN) for text in latin))


def _phone_places(
    people: People,
    form: Mapping[str, NDArray[Any]],
    persian: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    sizes = np.array([high - low for _, low, high in _PHONES])
    starts = np.concatenate([[0], np.cumsum(sizes)])
    country = people.true["country"]
    n = len(country)
    valid = starts[country] + (rng.random(n) * sizes[country]).astype(np.int64)
    broken = starts[-1] + rng.integers(0, len(_BROKEN_PHONES), n)
    place = np.where(form["phone"] == code("phone", "valid"), valid, broken)
    place += persian * (starts[-1] + len(_BROKEN_PHONES))
    return np.where(form["phone"] == NO_CODE, NO_CODE, place)
