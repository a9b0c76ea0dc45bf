"""The words of a CRM that a request may use: those that mean one thing in all files of an export.

In an export every file has words of its own. An entry of a request does not tell which file it
would have come from, so a word that means different things in different files is refused there.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from scoring_ml.data.crm.activity_kinds import DIRECTIONS, KINDS, RESULTS
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.data.values.vocabulary import ANY_WORD, folded


def request_words(mapping: CrmMapping) -> dict[str, Any]:
    """Return the words of a mapping as attributes of :class:`scoring_ml.data.schema.History`.

    Returns
    -------
    dict
        ``kind_words``, ``stage_words``, ``direction_words``, ``result_words``,
        ``campaign_words``, ``channel_words`` and ``unclear_words``.
    """
    # The two ends, which a lead may have come back from, are no stages of a request.
    ends = {folded(name) for name in (*mapping.stages.won, *mapping.stages.lost)}
    stages = [*map(folded, mapping.stages.order), *ends]
    own = {"type": KINDS, "direction": DIRECTIONS, "result": RESULTS, "campaign": (), "channel": ()}
    found = {name: _words(mapping, "activities", name, each) for name, each in own.items()}
    found["stage"] = _words(mapping, "stages", "stage", stages, nothing=ends)
    words = {f"{name}_words".replace("type", "kind"): each for name, (each, _) in found.items()}
    unclear = {name: each for name, (_, each) in found.items() if each}
    ended = {word: "" for word in sorted(ends) if word not in found["stage"][1]}
    return words | {"stage_words": ended | words["stage_words"], "unclear_words": unclear}


def _words(
    mapping: CrmMapping,
    table: str,
    column: str,
    own: Collection[str],
    nothing: Collection[str] = (),
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the words of all of a table's files, and those that differ from file to file.

    Parameters
    ----------
    own : collection of str
        Folded words for which ``*`` does not stand.
    nothing : collection of str
        Folded meanings that count as none.

    Returns
    -------
    words : dict of folded word to meaning
    unclear : dict of folded word to what may be written instead
    """
    files = [
        {
            folded(word): "" if folded(meaning) in nothing else meaning
            for word, meaning in source.words[column].items()
        }
        for source in mapping.tables.get(table, ())
        if source.words.get(column)
    ]
    words: dict[str, str] = {}
    several: dict[str, list[str]] = {}
    for word in dict.fromkeys(word for file in files for word in file):
        others = () if word in own else (ANY_WORD,)
        meanings = [next((file[w] for w in (word, *others) if w in file), None) for file in files]
        found = {meaning for meaning in meanings if meaning is not None}
        if len(found) == 1:
            words[word] = found.pop()
        else:
            several[word] = sorted(filter(None, found))
    unclear = {
        word: " or ".join(meaning for meaning in meanings if folded(meaning) not in several)
        for word, meanings in several.items()
    }
    return words, unclear
