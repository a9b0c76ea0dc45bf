"""The words of a CRM that a request may use: those that mean one thing in all files of an export.

In an export every file has words of its own. An entry of a request does not tell which file it
would have come from, so a word that means different things in different files is refused there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from scoring_ml.data.kinds import DIRECTIONS, KINDS
from scoring_ml.data.mapping import CrmMapping
from scoring_ml.data.words import ANY_WORD, folded

__all__ = ["request_words"]

_SIDES: Final = {word: "inbound" if by_lead else "outbound" for word, by_lead in DIRECTIONS.items()}


def request_words(mapping: CrmMapping) -> dict[str, Any]:
    """Return the words of a mapping as attributes of :class:`scoring_ml.data.schema.History`.

    Returns
    -------
    dict
        ``kind_words``, ``stage_words``, ``direction_words``, ``campaign_words``,
        ``channel_words`` and ``unclear_words``.
    """
    ends = {folded(name) for name in (*mapping.stages_won, *mapping.stages_lost)}

    def stage(meaning: str) -> str:
        # The two ends, which a lead may have come back from, are no stages of a request.
        return "" if folded(meaning) in ends else folded(meaning)

    def side(meaning: str) -> str:
        return _SIDES.get(folded(meaning), folded(meaning))

    stages = [*map(folded, mapping.stages), *ends]
    found = {
        "type": _words(mapping, "activities", "type", KINDS, folded),
        "stage": _words(mapping, "stages", "stage", stages, stage),
        "direction": _words(mapping, "activities", "direction", DIRECTIONS, side),
        "campaign": _words(mapping, "activities", "campaign", (), str),
        "channel": _words(mapping, "activities", "channel", (), str),
    }
    stage_words, unclear_stages = found["stage"]
    return {
        "kind_words": found["type"][0],
        "stage_words": {w: "" for w in sorted(ends) if w not in unclear_stages} | stage_words,
        "direction_words": found["direction"][0],
        "campaign_words": found["campaign"][0],
        "channel_words": found["channel"][0],
        "unclear_words": {column: unclear for column, (_, unclear) in found.items() if unclear},
    }


def _words(
    mapping: CrmMapping,
    table: str,
    column: str,
    ours: Collection[str],
    meant: Callable[[str], str],
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the words of all of a table's files, and those that differ from file to file.

    Parameters
    ----------
    mapping : CrmMapping
    table, column : str
    ours : collection of str
        Folded words for which ``*`` does not stand.
    meant : function of str
        Gives the same for meanings that are the same; an empty one for nothing.

    Returns
    -------
    words : dict of folded word to meaning
    unclear : dict of folded word to what may be written instead
    """
    files = [
        {folded(word): meaning for word, meaning in source.words[column].items()}
        for source in mapping.tables.get(table, ())
        if source.words.get(column)
    ]
    words: dict[str, str] = {}
    several: dict[str, list[str]] = {}
    for word in dict.fromkeys(word for file in files for word in file):
        others = () if word in ours else (ANY_WORD,)
        said = [next((file[w] for w in (word, *others) if w in file), None) for file in files]
        # Of meanings that are the same the first file's spelling.
        found = {meant(m): m if meant(m) else "" for m in reversed(said) if m is not None}
        if len(found) == 1:
            words[word] = next(iter(found.values()))
        else:
            several[word] = sorted(filter(None, found.values()))
    unclear = {
        word: " or ".join(meaning for meaning in meanings if folded(meaning) not in several)
        for word, meanings in several.items()
    }
    return words, unclear
