"""The demo: data, training, comparison, promotion, reports - everything but the serving."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from pipelines.progress import ProgressBar
from pipelines.promotion import Promotion, promote
from pipelines.train import TrainResult, train_file
from scoring_ml.data.crm.mapping import load_mapping
from scoring_ml.demo.files import DemoFiles, write_demo
from scoring_ml.demo.reachable import Reachable, best_reachable
from scoring_ml.reports.explanations import write_explanations
from scoring_ml.settings import Home

DEFAULT_LEADS = 16_000
DEFAULT_SEED = 7


@dataclass(frozen=True)
class DemoResult:
    """What the demo made.

    Parameters
    ----------
    files : DemoFiles
    training : TrainResult
    promotion : Promotion
    reachable : Reachable or None
        Best reachable AUC on the test rows, if asked for.
    pages : tuple of Path
        The written reports.
    """

    files: DemoFiles
    training: TrainResult
    promotion: Promotion
    reachable: Reachable | None
    pages: tuple[Path, ...]


def run_demo(
    home: Home,
    *,
    leads: int = DEFAULT_LEADS,
    seed: int = DEFAULT_SEED,
    reachable: bool = True,
    bar: ProgressBar | None = None,
    replicates: int = 400,
) -> DemoResult:
    """Make demo data, train on it, promote the challenger and write the reports.

    Parameters
    ----------
    home : Home
    leads : int
    seed : int
    reachable : bool
        Whether to estimate the best reachable AUC, on 20 times as many generated leads.
    bar : ProgressBar or None
    replicates : int
        Bootstrap resamples behind each interval.
    """
    bar = bar or ProgressBar("demo")
    home.ensure()
    bar("make the data", 0.0)
    files = write_demo(home.demo, leads=leads, seed=seed)
    training = train_file(files.crm, home=home, bar=bar.part(0.05, 0.85), replicates=replicates)
    bar("promote", 0.85)
    promotion = promote(training.version, home=home, force=True, reason="the demo starts anew")
    best = None
    if reachable:
        best = demo_reachable(files, training, leads=leads, seed=seed, bar=bar.part(0.9, 0.98))
    bar("write the reports", 0.98)
    pages = write_explanations(home.runs / training.run_id, home.reports / "explanations")
    return DemoResult(files, training, promotion, best, tuple(pages))


def demo_reachable(
    files: DemoFiles, training: TrainResult, *, leads: int, seed: int, bar: ProgressBar
) -> Reachable:
    """Estimate the best reachable AUC on the rows that the training was tested on."""
    trained = training.trained
    return best_reachable(
        trained.snapshot.take(trained.windows.test),
        trained.schema,
        load_mapping(files.mapping),
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
    metrics = trained[trained.chosen].metrics["roc_auc"]
    lines = [
        "",
        f"Champion: version {result.promotion.version}, {trained.chosen}, "
        f"AUC {metrics.value:.3f} ({metrics.low:.3f} to {metrics.high:.3f}) on the newest "
        f"{len(trained.windows.test):,} leads.",
    ]
    if result.reachable is not None:
        share = metrics.value / result.reachable.auc
        lines.append(
            f"Best reachable AUC with what is known at scoring: {result.reachable.auc:.3f}; "
            f"the champion has {share:.1%} of it."
        )
    command = _command()
    lines += ["", trained.verdict.text, "", "What now", ""]
    pages = {page.name: page for page in result.pages}
    lines.append("  Sales, the queue and why:      " + pages["sales.html"].as_uri())
    lines.append("  Marketing, per campaign:       " + pages["marketing.html"].as_uri())
    where = "" if str(home.root) == str(Path(".scoring").absolute()) else f" --home {home.root}"
    lines.append(f"  Data scientists, in MLflow:    {command} ui{where}")
    lines.append(f"  The comparison as a table:     {command} compare{where}")
    if url is None:
        lines.append(f"  Serve it to the CRM:           {command} serve{where}")
    else:
        lines += [
            f"  The CRM, with its fields:      {url}/openapi.json",
            f"  What is serving, an example:   {url}/model",
            "",
            "  Score that example lead:",
            f"    curl -s {url}/model | python3 -c "
            "'import json,sys; print(json.dumps(json.load(sys.stdin)[\"example\"]))' "
            f"| curl -s -H 'Content-Type: application/json' -d @- {url}/score",
            "",
            f"  Ctrl-C ends the server; {command} serve{where} starts it again.",
        ]
    return "\n".join(lines)
