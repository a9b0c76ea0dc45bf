"""A Scorer as an MLflow model: code, text and JSON with a manifest; no pickle, no real row."""

from __future__ import annotations

import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Final

from scoring_ml.data.schema import Schema
from scoring_ml.scoring.saving import save_scorer
from scoring_ml.scoring.scorer import Scorer

PACKAGE: Final = "scoring-ml"
CODE_FILE: Final = Path(__file__).with_name("pyfunc_model.py")
SCORER_FOLDER: Final = ("artifacts", "scorer")
"""Where the Scorer lies inside a logged model."""


@contextmanager
def saved_model(scorer: Scorer, *, run_id: str, model_id: str) -> Iterator[Path]:
    """Save a Scorer as an MLflow model in a folder that is gone afterwards.

    Parameters
    ----------
    run_id, model_id : str
        Of the run and the logged model that it belongs to.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
        from mlflow.models import Model

    with tempfile.TemporaryDirectory() as temporary:
        source, folder = Path(temporary) / "scorer", Path(temporary) / "model"
        save_scorer(scorer, source)
        model = Model(
            run_id=run_id,
            model_uuid=model_id,
            model_id=model_id,
            metadata={PACKAGE: version(PACKAGE), "kind": scorer.kind, "version": scorer.version},
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mlflow.pyfunc.save_model(
                path=str(folder),
                python_model=str(CODE_FILE),
                artifacts={"scorer": str(source)},
                signature=_signature(scorer),
                pip_requirements=runtime_requirements(scorer.parts.estimator.needs),
                mlflow_model=model,
            )
        for cache in list(folder.rglob("__pycache__")):
            shutil.rmtree(cache, ignore_errors=True)
        # MLflow notes where code and artifacts lay before: paths of this machine.
        saved = Model.load(str(folder))
        flavor = saved.flavors["python_function"]
        flavor["model_code_path"] = CODE_FILE.name
        for item in flavor["artifacts"].values():
            item["uri"] = item["path"]
        saved.save(str(folder / "MLmodel"))
        yield folder


def runtime_requirements(needs: Sequence[str] = ()) -> list[str]:
    """Return the package's runtime dependencies pinned to what is installed, sorted.

    ``needs`` are the packages that a model needs beside them.
    The package itself is not named: it is in no registry, and a stranger could take the name.
    """
    names = set(needs)
    for line in requires(PACKAGE) or ():
        requirement, _, marker = line.partition(";")
        found = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
        if found and "extra" not in marker:
            names.add(found.group())
    return [f"{name}=={version(name)}" for name in sorted(names, key=str.casefold)]


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that numbers depend on, and of this package."""
    wanted = ("lightgbm", "mlflow", "numpy", "pandas", "scikit-learn", "scipy", "shap")
    found: dict[str, str] = {}
    for name in (PACKAGE, *wanted):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _signature(scorer: Scorer) -> Any:
    """Return the declared inputs, outputs and parameters.

    Every field is optional and of any type: the Scorer reads texts, numbers and dates itself,
    as the schema says, and names what it cannot read.
    """
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, ParamSchema, ParamSpec
    from mlflow.types.schema import Schema as Columns

    inputs = [
        ColSpec(AnyType(), name, required=False) for name in _input_names(scorer.encoder.schema)
    ]
    outputs = [ColSpec(kind, name, required=False) for name, kind in _OUTPUTS.items()]
    params = ParamSchema(
        [ParamSpec("as_of", "string", ""), ParamSpec("explain", "boolean", default=False)]
    )
    return ModelSignature(Columns(inputs), Columns(outputs), params)


_OUTPUTS: Final[Mapping[str, str]] = {
    "score": "long",
    "tier": "string",
    "action": "string",
    "probability": "double",
    "matrix_total": "long",
    "matrix_tier": "string",
    "completeness": "double",
    "warnings": "string",
    "model_version": "string",
    "error": "string",
}


def _input_names(schema: Schema) -> list[str]:
    names = [column.name for column in schema.used]
    beside = (schema.id, schema.order.column if schema.order.by == "time" else None)
    names += [name for name in beside if name is not None and name not in names]
    return names
