"""Domains of free and of throw-away mail services.

The free ones are those that people in the English-, Persian- and Russian-speaking markets use;
the list is short on purpose, since a company adds its own in ``crm.yaml``. The throw-away ones
come from the package ``disposable-email-domains``, some ten thousand.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

FREE_MAIL: Final = frozenset(
    {
        # Everywhere
        "aol.com",
        "fastmail.com",
        "gmail.com",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hey.com",
        "hotmail.co.uk",
        "hotmail.com",
        "hotmail.fr",
        "icloud.com",
        "live.com",
        "mac.com",
        "mail.com",
        "me.com",
        "msn.com",
        "outlook.com",
        "pm.me",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "rocketmail.com",
        "tuta.com",
        "tutanota.com",
        "web.de",
        "yahoo.ca",
        "yahoo.co.in",
        "yahoo.co.uk",
        "yahoo.com",
        "yahoo.com.au",
        "yahoo.de",
        "yahoo.fr",
        "ymail.com",
        "zoho.com",
        "zohomail.com",
        # North America, Britain and Ireland, Australia
        "att.net",
        "bellsouth.net",
        "bigpond.com",
        "btinternet.com",
        "comcast.net",
        "cox.net",
        "eircom.net",
        "rogers.com",
        "sbcglobal.net",
        "shaw.ca",
        "sky.com",
        "talktalk.net",
        "verizon.net",
        "virginmedia.com",
        # Iran
        "chmail.ir",
        "mailfa.com",
        "rayana.ir",
        "vatanmail.ir",
        # Russia and its neighbours
        "bigmir.net",
        "bk.ru",
        "i.ua",
        "inbox.ru",
        "internet.ru",
        "list.ru",
        "mail.kz",
        "mail.ru",
        "meta.ua",
        "narod.ru",
        "rambler.ru",
        "tut.by",
        "ukr.net",
        "vk.com",
        "xmail.ru",
        "ya.ru",
        "yandex.by",
        "yandex.com",
        "yandex.kz",
        "yandex.ru",
        "yandex.ua",
    }
)
"""Domains that anybody can get an address of, in lower case."""


@lru_cache(maxsize=1)
def disposable_mail() -> frozenset[str]:
    """Return the domains of throw-away mail services, in lower case."""
    # Read when it is first asked for: most commands never ask.
    from disposable_email_domains import blocklist

    return frozenset(blocklist) - FREE_MAIL
