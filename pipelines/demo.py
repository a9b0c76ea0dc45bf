"""The demo: data, training, comparison, promotion, reports - everything but the serving."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Template

from pipelines.progress import ProgressBar
from pipelines.promotion import promote
from pipelines.train import TrainResult, train_file
from scoring_ml.data.crm.mapping.crm_mapping import CrmMapping
from scoring_ml.demo.files import DemoFiles, write_demo
from scoring_ml.demo.reachable import Reachable, best_reachable
from scoring_ml.reports.explanations import write_explanations
from scoring_ml.settings import Home


@dataclass(frozen=True)
class DemoResult:
    """What the demo made."""

    training: TrainResult
    reachable: Reachable | None
    pages: tuple[Path, ...]


def run_demo(
    home: Home,
    *,
    leads: int,
    seed: int,
    reachable: bool = True,
    bar: ProgressBar | None = None,
    replicates: int = 400,
) -> DemoResult:
    """Make demo data, train on it, promote the challenger and write the reports.

    Parameters
    ----------
    reachable : bool
        Whether to estimate the best reachable AUC, on 20 times as many generated leads.
    replicates : int
        Bootstrap resamples behind each interval.
    """
    bar = bar or ProgressBar("demo")
    home.ensure()
    bar("make the data", 0.0)
    files = write_demo(home.demo, leads=leads, seed=seed)
    training = train_file(files.crm, home=home, bar=bar.part(0.05, 0.85), replicates=replicates)
    bar("promote", 0.85)
    promote(training.version, home=home, force=True, reason="the demo starts anew")
    best = None
    if reachable:
        best = demo_reachable(files, training, leads=leads, seed=seed, bar=bar.part(0.9, 0.98))
    bar("write the reports", 0.98)
    pages = write_explanations(home.runs / training.run_id, home.reports / "explanations")
    return DemoResult(training, best, tuple(pages))


def demo_reachable(
    files: DemoFiles, training: TrainResult, *, leads: int, seed: int, bar: ProgressBar
) -> Reachable:
    """Estimate the best reachable AUC on the rows that the training was tested on."""
    trained = training.trained
    return best_reachable(
        trained.snapshot.take(trained.windows.test),
        trained.schema,
        CrmMapping.load(files.mapping),
        leads=leads,
        seed=seed,
        progress=bar.counted("best reachable", 0.0, 1.0),
    )


def _command() -> str:
    """Return how the command can be typed from here: its path, unless the shell finds it."""
    path = Path(sys.argv[0])
    if shutil.which("scoring-ml") is not None or path.name != "scoring-ml" or not path.is_file():
        return "scoring-ml"
    here = Path.cwd()
    absolute = path.absolute()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def what_now(result: DemoResult, home: Home, *, url: str | None) -> str:
    """Return the short text that the demo ends with."""
    trained = result.training.trained
    source = (Path(__file__).parent / "templates" / "what_now.txt.j2").read_text(encoding="utf-8")
    text: str = Template(source, trim_blocks=True).render(
        version=result.training.version,
        trained=trained,
        auc=trained[trained.chosen].metrics["roc_auc"],
        reachable=result.reachable,
        pages={page.stem: page.as_uri() for page in result.pages},
        command=_command(),
        where="" if home.root == Path(".scoring").absolute() else f" --home {home.root}",
        url=url,
    )
    return text
