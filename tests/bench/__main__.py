"""Run the benchmarks and print one table: what, figure, how it was measured."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pipelines.demo import demo_reachable
from pipelines.inputs import Files
from pipelines.progress import ProgressBar
from pipelines.promotion import promote
from pipelines.train import TrainResult, train_file
from scoring_ml.demo.files import write_demo
from scoring_ml.features.criteria import is_missing
from scoring_ml.features.snapshot import build_snapshot
from scoring_ml.scoring.champion import load_champion
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from tests.bench.crm import LEADS, online, training
from tests.bench.crm import crm as crm_in_full
from tests.bench.demo_truth import demo_truth
from tests.bench.flat import flat as flat_in_full
from tests.bench.influence import Influence, influence
from tests.flat_leads import write_flat_leads

ROOT = Path(__file__).parents[2]
DATA = ROOT / ".." / "shared" / "data"
EXAMPLES = ROOT / "models" / "examples"
DEFAULT_LEADS, DEFAULT_SEED = 16_000, 7
UNTUNED_SEEDS = (21, 22, 23)

Row = tuple[str, str, str]


def median_ms(work: Callable[[], object], *, times: int) -> float:
    """Median milliseconds of one call, after a warm-up."""
    for _ in range(20):
        work()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return 1_000 * statistics.median(taken)


def trained(name: str, data: Path, home: Home) -> tuple[TrainResult, float]:
    """Train on a file with everything logged, and how many seconds that took."""
    folder = EXAMPLES / name
    begun = time.perf_counter()
    files = Files(schema=folder / "schema.yaml", matrix=folder / "matrix.yaml")
    result = train_file(data, home=home, files=files)
    return result, time.perf_counter() - begun


def quality(name: str, result: TrainResult) -> Iterator[Row]:
    """AUC and calibration slope of the chosen candidate, and of the best one."""
    found = result.trained
    chosen = found[found.chosen]
    test = len(found.windows.test)
    for metric in ("roc_auc", "calibration_slope"):
        m = chosen.metrics[metric]
        figure = f"{m.value:.3f} ({m.low:.3f} to {m.high:.3f})"
        yield f"{name}: {metric} of {found.chosen}", figure, f"newest {test:,} leads"
    best = max(found.candidates, key=lambda c: np.nan_to_num(c.metrics["roc_auc"].value))
    figure = f"{best.metrics['roc_auc'].value:.3f} ({best.kind})"
    yield f"{name}: best roc_auc with hindsight", figure, "same leads"


def x_education(home: Home) -> Iterator[Row]:
    """A real file of 9,240 leads, ordered by lead number."""
    result, seconds = trained("x-education", DATA / "x-education-leads.csv", home)
    yield "x-education: train, everything logged", f"{seconds:.1f} s", "whole of train_file"
    yield from quality("x-education", result)


def bank(home: Home) -> Iterator[Row]:
    """A real file of 41,188 contacts on which no model is safe."""
    result, seconds = trained("bank", DATA / "bank-additional-full.csv", home)
    yield "bank: train, everything logged", f"{seconds:.1f} s", "whole of train_file"
    yield from quality("bank", result)
    print(f"\nbank, verdict: {result.trained.verdict.text}\n", file=sys.stderr)


def demo(home: Home) -> Iterator[Row]:
    """The demo: how near to the best reachable, and how fast one lead is scored."""
    files = write_demo(home.demo, leads=DEFAULT_LEADS, seed=DEFAULT_SEED)
    begun = time.perf_counter()
    result = train_file(files.crm, home=home)
    yield "demo: train, everything logged", f"{time.perf_counter() - begun:.1f} s", "16,000 leads"
    yield from quality("demo", result)
    best = demo_reachable(
        files, result, leads=DEFAULT_LEADS, seed=DEFAULT_SEED, bar=ProgressBar("best reachable")
    )
    auc = result.trained[result.trained.chosen].metrics["roc_auc"].value
    snapshots = f"{best.snapshots:,} generated snapshots"
    yield "demo: best reachable roc_auc", f"{best.auc:.4f}", snapshots
    yield "demo: chosen / best reachable", f"{auc / best.auc:.4f}", "same leads"
    found = influence(result.trained, leads=DEFAULT_LEADS, seed=DEFAULT_SEED)
    yield from influence_rows("demo", found)
    promote(result.version, home=home)
    scorer = load_champion(home)
    yield from one_lead(scorer, result)
    kinds = [c.kind for c in result.trained.candidates if c.kind in ("scorecard", "boosted")]
    for kind in kinds:
        if kind != scorer.kind:
            yield from one_lead(_other(result, kind), result)


def influence_rows(name: str, found: Influence) -> Iterator[Row]:
    """How the points rank the fields beside the truth."""
    fields = f"{len(found.effects)} fields with an effect, centred"
    if found.without_points:
        fields += f"; no points: {', '.join(found.without_points)}"
    yield f"{name}: points against true effects, Spearman", f"{found.spearman:.2f}", fields
    shown = f"{found.spearman_as_shown:.2f}"
    yield f"{name}: the same, points as shown", shown, "not centred"
    field, points = found.worst_without
    most = f"{points:.1f} ({field})"
    yield f"{name}: most points without an effect", most, f"median real {found.median_real:.1f}"


def seeds(home: Home) -> Iterator[Row]:
    """The demo with seeds on which nothing was tuned."""
    for seed in UNTUNED_SEEDS:
        place = Home(home.root / f"seed-{seed}")
        files = write_demo(place.demo, leads=DEFAULT_LEADS, seed=seed)
        result = train_file(files.crm, home=place, replicates=50)
        best = demo_reachable(
            files, result, leads=DEFAULT_LEADS, seed=seed, bar=ProgressBar("best reachable")
        )
        chosen = result.trained[result.trained.chosen].metrics["roc_auc"].value
        figure = f"{chosen / best.auc:.4f}"
        kinds = f"{result.trained.chosen} {chosen:.4f}, best {best.auc:.4f}"
        yield f"seed {seed}: chosen / best reachable", figure, kinds
        found = influence(result.trained, leads=DEFAULT_LEADS, seed=seed)
        yield from influence_rows(f"seed {seed}", found)


def against_truth(home: Home, seeds: Sequence[int] = UNTUNED_SEEDS) -> Iterator[Row]:
    """Every kind of the ladder beside the best reachable, on fresh leads of known chances."""
    for seed in seeds:
        yield from demo_truth(seed)


def crm(home: Home, leads: int = LEADS) -> Iterator[Row]:
    """A million leads, and one lead with 200 activities."""
    yield from online(home.root / "online")
    yield from crm_in_full(home.root / "crm", leads=leads)


def crm_train(home: Home, leads: int = LEADS) -> Iterator[Row]:
    """Training on a million leads at all of their ages."""
    yield from training(home.root / "crm-train", leads=leads)


def one_lead(scorer: Scorer, result: TrainResult) -> Iterator[Row]:
    """One lead in process: complete, and with most answers missing; and beside it a batch."""
    whole = scorer.example
    part = dict(list(whole.items())[:8])
    for name, lead in (("complete", whole), ("mostly unanswered", part)):
        taken = median_ms(lambda lead=lead: scorer.score(lead), times=500)
        what = f"{scorer.kind}: one lead, {name}"
        yield f"{what}, score and reasons", f"{taken:.2f} ms", "median of 500"
        taken = median_ms(lambda lead=lead: scorer.explain(lead), times=500)
        yield f"{what}, every point", f"{taken:.2f} ms", "median of 500"
    single = median_ms(lambda: scorer.explain(whole), times=200)
    snapshot = result.trained.snapshot.take(result.trained.windows.test)
    begun = time.perf_counter()
    scorer.score_frame(snapshot.frame, snapshot.as_of, explain=True)
    explained = 1_000 * (time.perf_counter() - begun) / len(snapshot)
    begun = time.perf_counter()
    scorer.score_frame(snapshot.frame, snapshot.as_of)
    plain = 1_000 * (time.perf_counter() - begun) / len(snapshot)
    leads = f"{len(snapshot):,} leads"
    yield f"{scorer.kind}: one lead alone / one of a batch", f"{single / explained:.1f}", leads
    yield f"{scorer.kind}: explained batch / plain batch", f"{explained / plain:.1f}", leads


def _other(result: TrainResult, kind: str) -> Scorer:
    """The Scorer that another candidate would have been, on the same policy."""
    from dataclasses import replace

    found = result.trained
    candidate = found[kind]
    parts = replace(
        found.scorer.parts,
        estimator=candidate.estimator,
        calibration=candidate.calibration,
        policy=found.policy,
    )
    return Scorer(parts)


def flat(home: Home, leads: int = LEADS) -> Iterator[Row]:
    """A flat file of a million leads: drafted, checked and trained on."""
    yield from flat_in_full(home.root / "large", leads=leads)


def reading(home: Home) -> Iterator[Row]:
    """Encoding a file beside encoding its leads one by one, which must give the same bits."""
    from scoring_ml.data.files.data_file import read_table

    files = write_flat_leads(home.root / "flat", leads=4_000, seed=1)
    place = Home(home.root / "flat-home")
    promote(train_file(files.leads, home=place, replicates=20).version, home=place)
    scorer = load_champion(place)
    begun = time.perf_counter()
    snapshot = build_snapshot(read_table(files.leads), scorer.encoder.schema, for_training=False)
    X = scorer.encoder.encode(snapshot.frame, snapshot.as_of)
    batch = time.perf_counter() - begun
    rows = [
        {name: None if is_missing(value) else value for name, value in row.items()}
        for row in snapshot.frame.to_dict("records")
    ]
    begun = time.perf_counter()
    for row in rows:
        scorer.encoder.encode_one(row, None)
    single = time.perf_counter() - begun
    yield "encode one by one / read and encode a file", f"{single / batch:.1f}", f"{len(X):,} leads"


BENCHMARKS = {
    "demo": demo,
    "seeds": seeds,
    "demo_truth": against_truth,
    "crm": crm,
    "crm_train": crm_train,
    "flat": flat,
    "reading": reading,
    "x-education": x_education,
    "bank": bank,
}
SIZED = ("crm", "crm_train", "flat")
NEEDS_DATA = {"x-education": "x-education-leads.csv", "bank": "bank-additional-full.csv"}


def main() -> None:
    """Run the benchmarks named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help="all if none")
    parser.add_argument("--leads", type=int, default=LEADS, help=f"of {', '.join(SIZED)}")
    parser.add_argument("--seed", type=int, help="of demo_truth; three that nothing knows if none")
    given = parser.parse_args()
    names = given.names or list(BENCHMARKS)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        for name in names:
            data = NEEDS_DATA.get(name)
            if data is not None and not (DATA / data).exists():
                rows.append((name, "skipped", f"{data} is not there"))
                continue
            print(f"{name} ...", file=sys.stderr)
            sized = {"leads": given.leads} if name in SIZED else {}
            if name == "demo_truth" and given.seed is not None:
                sized = {"seeds": [given.seed]}
            rows += BENCHMARKS[name](home, **sized)
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())


if __name__ == "__main__":
    main()
