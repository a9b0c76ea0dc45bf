"""Sentences from kept keys and numbers, in any language.

What a training says about itself is kept as keys of the message catalogue with their
parameters. The words in them - a kind of model, a window, an age - are keys as well and are
only put into words here, so that one training can be read in every language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scoring_ml.texts.catalogue import Catalogue

Sentence = tuple[str, Mapping[str, Any]]
"""Key in the message catalogue, and the parameters of its text."""


def tell(sentences: Iterable[Sentence], catalogue: Catalogue) -> str:
    """Return sentences in the catalogue's language, as one paragraph.

    Parameters
    ----------
    sentences : iterable of (str, mapping)
        Parameters ``kind``, ``best`` and ``window`` are names of models and windows,
        ``fields`` a list of names, ``headline`` an age in days, ``ages`` and ``ages_off``
        lists of parameters of their own, ``days`` among them, and ``broken`` one of blocks.

    >>> few = {"window": "test", "wins": 3, "lost": 90}
    >>> tell([("windows.few_outcomes", few)], Catalogue.load("en"))
    'The newest leads hold only 3 wins and 90 losses; intervals on them are wide.'
    """
    return " ".join(_sentence(key, params, catalogue) for key, params in sentences)


def _sentence(key: str, params: Mapping[str, Any], catalogue: Catalogue) -> str:
    words = dict(params)
    for name in {"kind", "best"} & words.keys():
        title = f"verdict.kinds.{words[name]}"
        words[name] = catalogue.text(title) if title in catalogue else str(words[name])
    if "window" in words:
        words["window"] = catalogue.text(f"windows.names.{words['window']}")
    if "fields" in words:
        words["fields"] = catalogue.text("verdict.comma").join(words["fields"])
    if "headline" in words:
        words["headline"] = _age(words["headline"], catalogue)
    for name, item in (("ages", "verdict.age_auc"), ("ages_off", "verdict.age_off")):
        if name in words:
            words[name] = catalogue.text("verdict.comma").join(
                catalogue.text(item, age=_age(part["days"], catalogue), **part)
                for part in words[name]
            )
    if "broken" in words:
        words["broken"] = "; ".join(
            catalogue.text(
                "verdict.promise_newest" if block["newest"] else "verdict.promise_broken", **block
            )
            for block in words["broken"]
        )
    text = catalogue.text(key, **words)
    return text[:1].upper() + text[1:]


def _age(days: float, catalogue: Catalogue) -> str:
    if days == 0:
        return catalogue.text("verdict.age_created")
    return catalogue.text("verdict.age_after", n=int(days) if days == int(days) else days)
