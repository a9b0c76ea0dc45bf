"""Domains of free and of throw-away mail services, in lower case.

The throw-away ones come from the package ``disposable-email-domains``, some ten thousand.
"""

from __future__ import annotations

from functools import cache

from scoring_ml.data.yaml_file import packaged


@cache
def free_mail() -> frozenset[str]:
    """Return the domains that anybody can get an address of."""
    markets = packaged("scoring_ml.data.values", "mail_domains.yaml")["free"]
    return frozenset(domain for domains in markets.values() for domain in domains)


@cache
def disposable_mail() -> frozenset[str]:
    """Return the domains of throw-away mail services."""
    # Read when it is first asked for: most commands never ask.
    from disposable_email_domains import blocklist

    return frozenset(blocklist) - free_mail()
