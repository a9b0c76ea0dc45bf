"""Kinds of e-mail addresses: of a company, of a free or a throw-away mail service, or invalid."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring_ml.data.history import History
from scoring_ml.data.values.contacts import valid_email
from scoring_ml.data.values.mail_domains import disposable_mail, free_mail


def email_kinds(values: NDArray[Any], history: History) -> NDArray[Any]:
    """Return company, free, disposable or invalid for each address; None for none.

    Parameters
    ----------
    values : array of str or None, shape (n,)
        What is no text counts as none.
    history : History
        Its domains beside the well-known ones; what it calls free is free.
    """
    kind = email_kind_of(history.free_mail, history.disposable_mail)
    found = np.empty(len(values), dtype=object)
    found[:] = [kind(text) if isinstance(text, str) else None for text in values]
    return found


@lru_cache(maxsize=16)
def email_kind_of(free: tuple[str, ...], disposable: tuple[str, ...]) -> Callable[[str], str]:
    """Return the function that tells the kind of one address.

    Parameters
    ----------
    free, disposable : tuple of str
        Domains beside the well-known ones, without regard to case.

    >>> kind = email_kind_of((), ("throwaway.example",))
    >>> kind("anna@example.com"), kind("Anna@GMail.com"), kind("x@mail.throwaway.example")
    ('company', 'free', 'disposable')
    >>> kind("nobody")
    'invalid'
    """
    own_free = frozenset(domain.strip().casefold() for domain in free)
    own_disposable = frozenset(domain.strip().casefold() for domain in disposable)

    @lru_cache(maxsize=65_536)
    def kind_of_domain(domain: str) -> str:
        # A subdomain of such a service is of that service, too.
        parts = domain.split(".")
        above = [".".join(parts[place:]) for place in range(len(parts) - 1)]
        for name, domains in (
            ("free", own_free),
            ("disposable", own_disposable),
            ("free", free_mail()),
            ("disposable", disposable_mail()),
        ):
            if any(item in domains for item in above):
                return name
        return "company"

    def kind(text: str) -> str:
        if not valid_email(text):
            return "invalid"
        return kind_of_domain(text.rpartition("@")[2].strip().rstrip(".").casefold())

    return kind
