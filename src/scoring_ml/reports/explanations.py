"""The explanations: a page for sales and a page for marketing, in the same points.

Sales sees the queue and, for each lead, the sum of points from base to score. Marketing sees
what each source and campaign brings, in the same points. Both stand alone: no script, and no
request to anywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from scoring_ml.data.schema import CRITERIA
from scoring_ml.errors import InputError
from scoring_ml.reports.campaigns import (
    DIMENSIONS,
    SIGNIFICANT,
    Campaigns,
    Segment,
    marketing_numbers,
)
from scoring_ml.reports.queue import Queue, sales_queue
from scoring_ml.reports.rendering import Axis, render, waterfall, write_pages
from scoring_ml.scoring.scale import HOT, TIERS, WARM
from scoring_ml.scoring.scored_run import ScoredRun, read_scored
from scoring_ml.statistics.proportions import EXPECTED_WINS, FEW_OUTCOMES, HALF_WIDTH, PRIOR_LEADS
from scoring_ml.texts import ENGLISH, Catalogue, languages
from scoring_ml.texts.sentences import tell

SALES_PAGE: Final = "sales.html"
MARKETING_PAGE: Final = "marketing.html"

PARTS: Final = (
    "actions", "criteria", "feature_units", "feature_values", "features", "kinds", "levels",
    "reasons", "reports", "tiers", "verdict", "windows", "words",
)  # fmt: skip
"""The messages that the pages are made of; a language must have them all."""

FEW_LISTED: Final = 100
"""At most so many segments that are not judged are listed, those with most leads."""


def write_explanations(
    run_folder: Path, out: Path, *, lang: str = "en", limit: int = 500
) -> list[Path]:
    """Write the sales page and the marketing page of a training run; return their paths.

    Parameters
    ----------
    run_folder : Path
        ``HOME/runs/<run_id>``, with the scored rows that training kept.
    out : Path
        Made if it is not there. Pages that are there are replaced.
    limit : int
        Most leads on the sales page, 1 or more.

    Raises
    ------
    InputError
        If the run has no scored rows, the language is not whole, or ``limit`` is below 1.
    IntegrityError
        If the points of a lead do not add up to its score.
    """
    if limit < 1:
        raise InputError(
            "The limit of leads must be 1 or more", found=str(limit), do="Give a larger limit"
        )
    catalogue = Catalogue.load(lang)
    check_whole(catalogue)
    run = read_scored(run_folder)
    pages = [
        (SALES_PAGE, sales_page(run, sales_queue(run, limit=limit), catalogue)),
        (MARKETING_PAGE, marketing_page(run, marketing_numbers(run), catalogue)),
    ]
    return write_pages(out, pages)


def check_whole(catalogue: Catalogue) -> None:
    """Check that the whole report can be read in a language.

    An answer may fall back to English for a sentence; a page half in one language and half in
    another, and perhaps in the other direction, is no page.

    Raises
    ------
    InputError
        If it lacks some of :data:`PARTS`.
    """
    lacking = catalogue.lacks(PARTS)
    if lacking:
        whole = ", ".join(languages(parts=PARTS))
        raise InputError(
            "The language of a report must have all its texts",
            found=f"{len(lacking)} texts that are missing in {catalogue.lang!r}, "
            f"the first {lacking[0]}",
            do=f"Choose one of {whole}, or translate the rest",
        )


def sales_page(run: ScoredRun, queue: Queue, catalogue: Catalogue) -> str:
    """Return the sales page as HTML."""
    mirrored = catalogue.direction == "rtl"
    return render(
        "sales.html.j2",
        catalogue,
        **_frame(run, "sales"),
        queue=queue,
        steps=lambda lead: waterfall(lead, score_max=run.facts["score_max"], mirrored=mirrored),
        matrix_max=sum(run.facts["matrix_max"].values()),
        mapped=run.mapped,
    )


def marketing_page(run: ScoredRun, numbers: Campaigns, catalogue: Catalogue) -> str:
    """Return the marketing page as HTML."""
    mirrored = catalogue.direction == "rtl"
    everything = numbers.everything
    return render(
        "marketing.html.j2",
        catalogue,
        **_frame(run, "marketing"),
        everything=everything,
        whole=_axes((everything,), mirrored),
        dimensions=[
            (item, _axes((everything, *item.segments), mirrored)) for item in numbers.dimensions
        ],
        whole_axis=Axis(0.0, 1.0, mirrored),
        absent=[by for by in DIMENSIONS if by not in {item.by for item in numbers.dimensions}],
        mapped=run.mapped,
        unmapped=[name for name in CRITERIA if name not in run.mapped],
        verdict_text=tell(run.facts["verdict"], catalogue),
        few_outcomes=FEW_OUTCOMES,
        few_listed=FEW_LISTED,
        false_share=SIGNIFICANT,
        half_width=100 * HALF_WIDTH,
        enough_wins=EXPECTED_WINS,
        prior_leads=PRIOR_LEADS,
    )


def _frame(run: ScoredRun, page: str) -> dict[str, Any]:
    """Return what the head and foot of both pages name."""
    known = run.rows.loc[run.rows["won"].notna(), "as_of"].dropna()
    return {
        "page": page,
        "facts": run.facts,
        "score_max": run.facts["score_max"],
        "has_probability": run.has_probability,
        "tiers": TIERS,
        "hot": HOT,
        "warm": WARM,
        "first_known": known.min().to_pydatetime() if len(known) else None,
        "training_lang": ENGLISH,
        "last_known": known.max().to_pydatetime() if len(known) else None,
        "sales_page": SALES_PAGE,
        "marketing_page": MARKETING_PAGE,
    }


def _axes(segments: tuple[Segment, ...], mirrored: bool) -> dict[str, Axis]:
    """Return the axes of win shares and of points that a table's bars have in common."""
    shares, points = [0.0], [0.0]
    for item in segments:
        if item.outcome.known:
            shares.append(item.outcome.share.value)
            if item.outcome.expected is not None:
                shares.append(item.outcome.expected.high / item.outcome.known)
        points += [abs(lift.points) for lift in (*item.lifts, *item.sinks)]
    return {"shares": Axis(0.0, max(shares), mirrored), "points": Axis(0.0, max(points), mirrored)}
