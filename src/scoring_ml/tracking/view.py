"""A ready view of the candidates for MLflow's pages: its columns, filter and order.

MLflow shows no metric until somebody picks its column. A saved view is an experiment tag in the
form that its "Save as new view" writes; should that form change, the view is merely not offered.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from typing import Final

VIEW_KEY: Final = "candidates"
VIEW_TAG: Final = f"mlflow.sharedViewState.{VIEW_KEY}"

_COLUMNS: Final = (
    "attributes.`Models`",
    "metrics.`roc_auc`",
    "metrics.`roc_auc_low`",
    "metrics.`roc_auc_high`",
    "metrics.`auc_calibrate`",
    "metrics.`pr_auc`",
    "metrics.`log_loss`",
    "metrics.`brier`",
    "metrics.`calibration_slope`",
    "metrics.`ece`",
    "metrics.`lift_10`",
    "metrics.`captured_20`",
    "metrics.`wins_per_100`",
    "metrics.`tier_hot`",
    "metrics.`tier_warm`",
    "tags.`chosen`",
    "tags.`reason`",
)


def experiment_tags(experiment_id: str) -> dict[str, str]:
    """Return what an experiment tells its reader: a guide, and the view of the candidates."""
    guide = (
        f"**[Compare the candidates]({view_address(experiment_id)})** - also under *Views* - and "
        "sort by any column. Every training is one run that holds a run per candidate, all judged "
        "on the same newest leads; every figure has its 95 % interval beside it (`roc_auc_low`, "
        "`roc_auc_high`). The choice was made by `auc_calibrate`; the newest window only "
        "reports. A training's own run holds the verdict, the model card and plots of all "
        "candidates together. Under *Models* stand the same candidates, ready to be loaded."
    )
    return {
        "mlflow.note.content": guide,
        "mlflow.experimentKind": "custom_model_development",
        VIEW_TAG: _saved_view(),
    }


def view_address(experiment_id: str) -> str:
    """Return the part of the view's address behind the server's own."""
    return (
        f"#/experiments/{experiment_id}/runs?workflowType=machine_learning"
        f"&viewStateShareKey={VIEW_KEY}"
    )


def _saved_view() -> str:
    state = {
        "searchFilter": "tags.role = 'candidate'",
        "orderByKey": "metrics.`roc_auc`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(_COLUMNS),
        "columnOrder": [],
        "columnWidths": {},
        "runsHiddenMode": "FIRST_10_RUNS",
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": False,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    now = int(time.time() * 1000)
    view = {"name": "Candidates", "createdAt": now, "updatedAt": now, "state": f"deflate;{packed}"}
    return json.dumps(view)
