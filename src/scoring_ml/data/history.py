"""Settings of the features that a lead's history gives, as a schema keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from scoring_ml.data.section_values import Flag, Number, Texts, Word, Words
from scoring_ml.data.values.moments.form import ColumnDates, DateForm


@dataclass(frozen=True)
class History(DateForm):
    """How features are made from a lead's activities, stages and contact details.

    Parameters
    ----------
    kinds : tuple of str
        Kinds of activities that leads did in training, of
        :data:`scoring_ml.data.crm.activity_kinds.BY_LEAD`; empty without activities.
    stages : tuple of str
        Stages in the funnel's order; empty without stage history.
    windows_days : tuple of int
        Activities are counted in ``[as_of - w, as_of)`` for each, rising.
    half_life_days : float
        After so many days an activity counts half in ``engagement``.
    amounts : tuple of str
        Kinds whose ``amount`` is summed, too.
    touches : tuple of str
        Of ``campaign`` and ``channel``: what activities tell of the first and the last touch.
    hand_over : str or None
        The stage at which sales takes over.
    after_hand_over : bool
        Whether leads are scored after the hand-over, so that the response of sales counts.
    timezone : str
        Zone (IANA) of hours and weekdays, and of moments written without one.
    free_mail, disposable_mail : tuple of str
        Domains beside the well-known ones.
    kind_words, stage_words : mapping of str to str
        The CRM's own words, in lower case, for kinds and stages; ``*`` for all that are not
        named, an empty meaning for what does not count.
    direction_words, result_words, campaign_words, channel_words : mapping of str to str
        Likewise; an empty meaning for what says nothing.
    own_domains : tuple of str
        E-mail domains of one's own staff.
    activities_since : int
        Microseconds since 1970, UTC, from which activities were recorded; 0 for always.
    missing : tuple of str
        Words for "not known" in a lead's lists.
    unclear_words : mapping of str to mapping of str to str
        Column of a list -> words to which the export's files give different meanings -> what to
        write in a request instead. They are in none of the mappings above.
    dates : mapping of str to ColumnDates
        Column of a list, such as ``activities.occurred_at`` -> how its moments are written,
        where that is known of the column.
    """

    kinds: Words = ()
    stages: Words = ()
    windows_days: tuple[int, ...] = (7, 30)
    half_life_days: Number = 7.0
    amounts: Words = ()
    touches: Words = ()
    hand_over: Word | None = None
    after_hand_over: Flag = False
    timezone: Word = "UTC"
    free_mail: Words = ()
    disposable_mail: Words = ()
    kind_words: Texts = field(default_factory=dict)
    stage_words: Texts = field(default_factory=dict)
    direction_words: Texts = field(default_factory=dict)
    result_words: Texts = field(default_factory=dict)
    campaign_words: Texts = field(default_factory=dict)
    channel_words: Texts = field(default_factory=dict)
    own_domains: Words = ()
    activities_since: int = 0
    missing: Words = ("",)
    unclear_words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dates: Mapping[str, ColumnDates] = field(default_factory=dict)

    WHOLE: ClassVar = True
