"""The ``scoring-ml`` command: thin, every step is a function of this package."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from scoring_ml.errors import InputError, ScoringError
from scoring_ml.settings import Home, Settings

app = typer.Typer(
    name="scoring-ml",
    help="One lead score, made of points that add up, that marketing and sales both believe.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
policy_app = typer.Typer(no_args_is_help=True, help="The policy: what hot and warm mean.")
app.add_typer(policy_app, name="policy")

Data = Annotated[
    Path,
    typer.Argument(metavar="DATA", help="A CSV or Parquet file, or a folder with a CRM export."),
]
HomeDir = Annotated[
    Path | None,
    typer.Option("--home", help="Folder that holds everything; SCORING_HOME, else .scoring."),
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
_Number = float | None
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 3000 if not given.")]


class _Result(Protocol):
    """The result of a command that prints text or one JSON document."""

    def render(self) -> str: ...

    def to_json(self) -> dict[str, Any]: ...


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
    _show_result(result, as_json)


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
    _show_result(result, as_json)
    raise typer.Exit(result.exit_code)


@app.command()
def train(
    data: Data,
    schema: SchemaFile = None,
    mapping: MappingFile = None,
    matrix: MatrixFile = None,
    as_json: AsJson = False,
    home: HomeDir = None,
) -> None:
    """Compare matrix, scorecard and boosted model, log them, register the challenger."""
    from pipelines.inputs import Files
    from pipelines.progress import ProgressBar
    from pipelines.train import train_file

    _refuse_other_door(data, schema=schema, mapping=mapping)
    files = Files(schema=schema, mapping=mapping, matrix=matrix)
    with closing(ProgressBar("train")) as bar:
        result = train_file(data, home=_home(home), files=files, bar=bar)
    _show_result(result, as_json)


@app.command("compare")
def _compare(as_json: AsJson = False, home: HomeDir = None) -> None:
    """Print the candidates of the newest training, as MLflow holds them."""
    from pipelines.tables import candidates_text
    from pipelines.train import newest_training
    from scoring_ml.tracking import Store, logged_candidates, logged_verdict

    place = _home(home)
    run_id, version = newest_training(place)
    store = Store(place)
    candidates = logged_candidates(store, run_id)
    if as_json:
        _show({"run_id": run_id, "version": version, "candidates": candidates})
    else:
        _show(candidates_text(candidates) + "\n\n" + logged_verdict(store, run_id))


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

    _show_result(promote(version, home=_home(home), force=force, reason=reason), as_json)


@app.command("rollback")
def _rollback(as_json: AsJson = False, home: HomeDir = None) -> None:
    """Serve the champion before this one again."""
    from pipelines.promotion import rollback

    _show_result(rollback(home=_home(home)), as_json)


@policy_app.command("set")
def policy_set(
    method: Annotated[str, typer.Argument(help="match_matrix, capacity, economics or fixed.")],
    hot_share: Annotated[_Number, typer.Option(help="capacity: share of hot leads.")] = None,
    warm_share: Annotated[_Number, typer.Option(help="capacity: share of warm leads.")] = None,
    hot_per_week: Annotated[_Number, typer.Option(help="capacity: hot leads a week.")] = None,
    warm_per_week: Annotated[_Number, typer.Option(help="capacity: warm leads a week.")] = None,
    first_call: Annotated[_Number, typer.Option(help="economics: cost of a first call.")] = None,
    sales_process: Annotated[
        _Number, typer.Option(help="economics: cost of the full sales process.")
    ] = None,
    margin: Annotated[_Number, typer.Option(help="economics: margin per win.")] = None,
    p_warm: Annotated[_Number, typer.Option(help="fixed: probability of warm.")] = None,
    p_hot: Annotated[_Number, typer.Option(help="fixed: probability of hot.")] = None,
    as_json: AsJson = False,
    home: HomeDir = None,
) -> None:
    """Change what hot and warm mean, with a report of the leads that change tier."""
    from pipelines.promotion import set_policy

    options = {
        "capacity": {
            "hot_share": hot_share,
            "warm_share": warm_share,
            "hot_per_week": hot_per_week,
            "warm_per_week": warm_per_week,
        },
        "economics": {
            "cost_of_first_call": first_call,
            "cost_of_sales_process": sales_process,
            "margin_per_win": margin,
        },
        "fixed": {"p_warm": p_warm, "p_hot": p_hot},
    }
    for name, values in options.items():
        if name != method and any(value is not None for value in values.values()):
            raise InputError(
                "Options must belong to the method",
                found=f"options of {name} for {method}",
                do="Leave them out, or choose the other method",
            )
    _show_result(set_policy(method, home=_home(home), options=options.get(method)), as_json)


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
            data, out=out, home=_home(home), explain=explain, as_of=as_of, mapping=mapping, bar=bar
        )
    for text in result.warnings:
        _warn(f"warning: {text}")
    if result.failed:
        _warn(f"warning: {result.failed} row(s) could not be scored; see the column error")
    if result.not_due:
        _warn(f"note: {result.not_due} lead(s) are not open at that moment and have no score")
    tiers = ", ".join(f"{count:,} {name}" for name, count in result.tiers.items())
    done = result.leads - result.failed - result.not_due
    _show(f"{done:,} leads scored with version {result.version}: {tiers}\n{out}")


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
        _home(home),
        host=host or settings.host,
        port=settings.port if port is None else port,
        workers=workers or settings.workers,
        when_up=lambda server: _show(
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

    store = Store(_home(home).check())
    port = free_port("127.0.0.1", port)
    for dataset, address in candidate_pages(store, port=port).items():
        _show(f"Candidates of {dataset}: {address}")
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
    place = _home(home)
    run_id, version = newest_training(place)
    served = served_version(place)
    if served not in (None, version):
        _warn(
            f"warning: the pages show version {version}, the newest training; "
            f"version {served} is served"
        )
    pages = write_explanations(place.runs / run_id, out, lang=lang or Settings().lang)
    _show("\n".join(str(page) for page in pages))


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

    place = _home(home)
    with closing(ProgressBar("demo")) as bar:
        result = run_demo(place, leads=leads, seed=seed, bar=bar)
    _show(candidates_text(result.training.to_json()["candidates"]))
    if no_serve:
        _show(what_now(result, place, url=None))
        return
    from serving.launch import serve

    settings = Settings()
    status = serve(
        place,
        host=settings.host,
        port=settings.port if port is None else port,
        quiet=True,
        when_up=lambda server: _show(what_now(result, place, url=server.url)),
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


def _home(given: Path | None) -> Home:
    return Home(given if given is not None else Settings().home)


def _show(content: str | dict[str, Any]) -> None:
    if not isinstance(content, str):
        content = json.dumps(content, ensure_ascii=False, indent=1)
    print(content.rstrip("\n"), flush=True)


def _warn(text: str) -> None:
    print(text, file=sys.stderr)


def _show_result(result: _Result, as_json: bool) -> None:
    _show(result.to_json() if as_json else result.render())
