"""The ``scoring-ml policy`` command."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli_options import AsJson, HomeDir, home_given, show_result
from scoring_ml.errors import InputError

policy_app = typer.Typer(no_args_is_help=True, help="The policy: what hot and warm mean.")
_Amount = float | None


@policy_app.command("set")
def policy_set(
    method: Annotated[str, typer.Argument(help="match_matrix, capacity, economics or fixed.")],
    hot_share: Annotated[_Amount, typer.Option(help="capacity: share of hot leads.")] = None,
    warm_share: Annotated[_Amount, typer.Option(help="capacity: share of warm leads.")] = None,
    hot_per_week: Annotated[_Amount, typer.Option(help="capacity: hot leads a week.")] = None,
    warm_per_week: Annotated[_Amount, typer.Option(help="capacity: warm leads a week.")] = None,
    first_call: Annotated[_Amount, typer.Option(help="economics: cost of a first call.")] = None,
    sales_process: Annotated[
        _Amount, typer.Option(help="economics: cost of the full sales process.")
    ] = None,
    margin: Annotated[_Amount, typer.Option(help="economics: margin per win.")] = None,
    p_warm: Annotated[_Amount, typer.Option(help="fixed: probability of warm.")] = None,
    p_hot: Annotated[_Amount, typer.Option(help="fixed: probability of hot.")] = None,
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
    show_result(set_policy(method, home=home_given(home), options=options.get(method)), as_json)
