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

from scoring_ml.data.yaml_file import packaged

VIEW_KEY: Final = "candidates"
VIEW_TAG: Final = f"mlflow.sharedViewState.{VIEW_KEY}"


def experiment_tags(experiment_id: str) -> dict[str, str]:
    """Return what an experiment tells its reader: a guide, and the view of the candidates."""
    guide = str(packaged("scoring_ml.tracking", "view.yaml")["guide"])
    return {
        "mlflow.note.content": guide.format(view=view_address(experiment_id)),
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
    state = packaged("scoring_ml.tracking", "view.yaml")["state"]
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    now = int(time.time() * 1000)
    view = {"name": "Candidates", "createdAt": now, "updatedAt": now, "state": f"deflate;{packed}"}
    return json.dumps(view)
