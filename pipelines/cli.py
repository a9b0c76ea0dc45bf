"""The ``scoring-ml`` command: thin, every step is a function of this package."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli_options import AsJson, HomeDir, home_given, show, show_result, warn
from pipelines.cli_policy import policy_app
from scoring_ml.errors import InputError, ScoringError
from scoring_ml.settings import Settings

app = typer.Typer(
    name="scoring-ml",
    help="One lead score, made of points that add up, that marketing and sales both believe.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(policy_app, name="policy")

Data = Annotated[
    Path,
    typer.Argument(metavar="DATA", help="A CSV or Parquet file, or a folder with a CRM export."),
]
SchemaFile = Annotated[
    Path | None, typer.Option("--schema", help="Schema file; schema.yaml beside DATA if not given.")
]
MappingFile = Annotated[
    Path | None, typer.Option("--mapping", help="Mapping of an export; its crm.yaml if not given.")
]
MatrixFile = Annotated[
    Path | None, typer.Option("--matrix", help="Matrix file; matrix.yaml beside DATA if not given.")
]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 3000 if not given.")]


def main() -> None:
    """Run the command; 0 done, 1 failed, 2 the input or the call is wrong."""
    # Read when OpenMP is loaded: threads that spin while they wait starve a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app()
    except ScoringError as error:
        print(f"scoring-ml: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)


def _target_value(meaning: str, *names: str) -> Any:
    return typer.Option(*names, help=f"A value of the target that means {meaning}; repeatable.")


@app.command()
def init(
    data: Data,
    target: Annotated[
        str | None, typer.Option(help="Column of a flat file that holds the outcome.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write; schema.yaml or crm.yaml with DATA if not given."),
    ] = None,
    won: Annotated[list[str] | None, _target_value("won")] = None,
    lost: Annotated[list[str] | None, _target_value("lost")] = None,
    still_open: Annotated[list[str] | None, _target_value("open", "--open")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of text that is no Unicode.")] = None,
    as_json: AsJson = False,
) -> None:
    """Draft the schema of a flat file or the mapping of a CRM export's folder, and a matrix."""
    from pipelines.init_folder import init_data
    from pipelines.progress import ProgressBar

    with closing(ProgressBar("init")) as bar:
        result = init_data(
            data,
            target=target,
            out=out,
            encoding=encoding,
            progress=bar.counted("audit", 0.1, 1.0),
            words={"won": won or (), "lost": lost or (), "still_open": still_open or ()},
        )
    show_result(result, as_json)


@app.command()
def check(
    data: Data, schema: SchemaFile = None, mapping: MappingFile = None, as_json: AsJson = False
) -> None:
    """Validate a file or a CRM export and audit it; exit 2 on what must not be trained on."""
    from pipelines.check import check_data
    from pipelines.inputs import Files
    from pipelines.progress import ProgressBar

    _refuse_other_door(data, schema=schema, mapping=mapping)
    with closing(ProgressBar("check")) as bar:
        result = check_data(data, Files(schema=schema, mapping=mapping), bar)
    show_result(result, as_json)
    raise typer.Exit(result.exit_code)


@app.command()
def train(
    data: Data,
    schema: SchemaFile = None,
    mapping: MappingFile = None,
    matrix: MatrixFile = None,
    as_of: Annotated[
        str | None, typer.Option(help="Train as if that moment were now, such as 2026-11-22.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="One split, each candidate once.")] = False,
    as_json: AsJson = False,
    home: HomeDir = None,
) -> None:
    """Compare all kinds of candidates block by block, log them, register the challenger."""
    files = _files(data, schema, mapping, matrix)
    _train(data, as_json, home=home_given(home), files=files, as_of=as_of, fast=fast)


@app.command()
def refit(
    data: Data,
    schema: SchemaFile = None,
    mapping: MappingFile = None,
    matrix: MatrixFile = None,
    as_json: AsJson = False,
    home: HomeDir = None,
) -> None:
    """Fit what is served again on newer labels, without choosing, and register it."""
    from pipelines.train import served_kind

    place = home_given(home)
    files = _files(data, schema, mapping, matrix)
    _train(data, as_json, home=place, files=files, kind=served_kind(place))


def _train(data: Path, as_json: bool, **given: Any) -> None:
    from pipelines.progress import ProgressBar
    from pipelines.train import train_file

    with closing(ProgressBar("train")) as bar:
        result = train_file(data, bar=bar, **given)
    show_result(result, as_json)


def _files(data: Path, schema: Path | None, mapping: Path | None, matrix: Path | None) -> Any:
    from pipelines.inputs import Files

    _refuse_other_door(data, schema=schema, mapping=mapping)
    return Files(schema=schema, mapping=mapping, matrix=matrix)


@app.command("compare")
def _compare(as_json: AsJson = False, home: HomeDir = None) -> None:
    """Print the candidates of the newest training, as MLflow holds them."""
    from pipelines.tables import candidates_text
    from pipelines.train import newest_training
    from scoring_ml.tracking import Store, logged_candidates, logged_verdict

    place = home_given(home)
    run_id, version = newest_training(place)
    store = Store(place)
    candidates = logged_candidates(store, run_id)
    if as_json:
        show({"run_id": run_id, "version": version, "candidates": candidates})
    else:
        show(candidates_text(candidates) + "\n\n" + logged_verdict(store, run_id))


@app.command("promote")
def _promote(
    version: Annotated[str, typer.Argument(help="A registered version.")],
    force: Annotated[bool, typer.Option(help="Overrule the gate; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why the gate is overruled.")] = None,
    as_json: AsJson = False,
    home: HomeDir = None,
) -> None:
    """Make a version the champion, with a report of the leads that change tier."""
    from pipelines.promotion import promote

    show_result(promote(version, home=home_given(home), force=force, reason=reason), as_json)


@app.command("rollback")
def _rollback(as_json: AsJson = False, home: HomeDir = None) -> None:
    """Serve the champion before this one again."""
    from pipelines.promotion import rollback

    show_result(rollback(home=home_given(home)), as_json)


@app.command()
def score(
    data: Data,
    out: Annotated[Path, typer.Option(help="CSV or Parquet file to write.")],
    explain: Annotated[bool, typer.Option(help="Add points and what to ask next.")] = False,
    as_of: Annotated[
        str | None, typer.Option(help="Moment at which the leads are seen, such as 2026-11-22.")
    ] = None,
    mapping: MappingFile = None,
    home: HomeDir = None,
) -> None:
    """Score a file, or the open leads of a CRM export: the same numbers as the endpoint."""
    from pipelines.progress import ProgressBar
    from pipelines.score import score_file

    with closing(ProgressBar("score")) as bar:
        result = score_file(
            data,
            out=out,
            home=home_given(home),
            explain=explain,
            as_of=as_of,
            mapping=mapping,
            bar=bar,
        )
    for text in result.warnings:
        warn(f"warning: {text}")
    if result.failed:
        warn(f"warning: {result.failed} row(s) could not be scored; see the column error")
    if result.not_due:
        warn(f"note: {result.not_due} lead(s) are not open at that moment and have no score")
    tiers = ", ".join(f"{count:,} {name}" for name, count in result.tiers.items())
    done = result.leads - result.failed - result.not_due
    show(f"{done:,} leads scored with version {result.version}: {tiers}\n{out}")


@app.command("serve")
def _serve(
    host: Annotated[str | None, typer.Option(help="Address; loopback if not given.")] = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option(help="Server processes; 1 if not given.")] = None,
    home: HomeDir = None,
) -> None:
    """Serve the champion to the CRM until Ctrl-C."""
    from serving.launch import serve

    settings = Settings()
    status = serve(
        home_given(home),
        host=host or settings.host,
        port=settings.port if port is None else port,
        workers=workers or settings.workers,
        when_up=lambda server: show(
            f"Serving on {server.url}: /score, /score_batch, /explain, /model, /openapi.json"
        ),
    )
    raise typer.Exit(status)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of the MLflow pages.")] = 5000,
    home: HomeDir = None,
) -> None:
    """Open MLflow on this home's runs, on loopback, until Ctrl-C."""
    from scoring_ml.tracking import Store
    from scoring_ml.tracking.pages import candidate_pages, serve_pages
    from serving.launch import free_port

    store = Store(home_given(home).check())
    port = free_port("127.0.0.1", port)
    for dataset, address in candidate_pages(store, port=port).items():
        show(f"Candidates of {dataset}: {address}")
    raise typer.Exit(serve_pages(store, port=port))


@app.command()
def report(
    name: Annotated[str, typer.Argument(metavar="NAME", help="explanations")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    lang: Annotated[str | None, typer.Option(help="Language of the pages: en, fa or ru.")] = None,
    home: HomeDir = None,
) -> None:
    """Write a report: two pages that stand alone, one for sales and one for marketing."""
    from pipelines.promotion import served_version
    from pipelines.train import newest_training
    from scoring_ml.data.names import nearest
    from scoring_ml.reports.explanations import write_explanations

    if name != "explanations":
        like = nearest(name, ["explanations"])
        raise InputError(
            "NAME must be a report: explanations",
            found=name,
            do=f"Write {like}" if like else "Write explanations",
        )
    place = home_given(home)
    run_id, version = newest_training(place)
    served = served_version(place)
    if served not in (None, version):
        warn(
            f"warning: the pages show version {version}, the newest training; "
            f"version {served} is served"
        )
    pages = write_explanations(place.runs / run_id, out, lang=lang or Settings().lang)
    show("\n".join(str(page) for page in pages))


@app.command()
def demo(
    leads: Annotated[int, typer.Option(min=500, help="Leads to make.")] = 16_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same leads.")] = 7,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Do all but serve.")] = False,
    port: Port = None,
    home: HomeDir = None,
) -> None:
    """Make demo data, train, compare, promote the first champion, and serve it."""
    from pipelines.demo import run_demo, what_now
    from pipelines.progress import ProgressBar
    from pipelines.tables import candidates_text

    place = home_given(home)
    with closing(ProgressBar("demo")) as bar:
        result = run_demo(place, leads=leads, seed=seed, bar=bar)
    show(candidates_text(result.training.to_json()["candidates"]))
    if no_serve:
        show(what_now(result, place, url=None))
        return
    from serving.launch import serve

    settings = Settings()
    status = serve(
        place,
        host=settings.host,
        port=settings.port if port is None else port,
        quiet=True,
        when_up=lambda server: show(what_now(result, place, url=server.url)),
    )
    raise typer.Exit(status)


def _refuse_other_door(data: Path, *, schema: Path | None, mapping: Path | None) -> None:
    """Refuse the option of the other door rather than leave it unread."""
    folder = data.is_dir()
    if (folder and schema is not None) or (not folder and mapping is not None):
        raise InputError(
            "A flat file goes with --schema, a folder with --mapping",
            found="--schema and a folder" if folder else "--mapping and no folder",
            do="Leave the option out, or name the other kind of data",
        )
