"""A Scorer on disk: JSON, LightGBM's own text and a manifest of SHA-256 sums; never a pickle.

A truncated LightGBM text ends the process without an exception, so nothing is parsed before
every file has been verified.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any, Final

import numpy as np

from scoring_ml.data.files.writing import whole_file, whole_folder
from scoring_ml.data.schema import Schema
from scoring_ml.errors import IntegrityError
from scoring_ml.estimators.calibration import Calibration
from scoring_ml.estimators.ladder import estimator_class
from scoring_ml.features.criteria import Matrix
from scoring_ml.features.encoder import Encoder
from scoring_ml.scoring.policy import Policy
from scoring_ml.scoring.reference import Reference
from scoring_ml.scoring.scorer import Parts, Scorer

FORMAT: Final = 1
SCORER_FILE: Final = "scorer.json"
TEXT_FILE: Final = "model.txt"
MANIFEST_FILE: Final = "manifest.json"
ACCEPTED_FILE: Final = "accepted_fields.json"
"""Beside the versions: field names of every registered one."""

_REMEDY: Final = "Train again, or go back to another version with scoring-ml rollback"


def save_scorer(scorer: Scorer, folder: Path) -> None:
    """Write a Scorer into a folder, which appears whole or not at all.

    It is replaced if it exists.
    """
    parts = scorer.parts
    estimator = parts.estimator.dump()
    text = estimator.pop("text", None)
    content = {
        "format": FORMAT,
        "schema": parts.encoder.schema.dump(),
        "matrix": parts.encoder.matrix.dump(),
        "levels": parts.encoder.levels,
        "kind": parts.estimator.kind,
        "estimator": estimator,
        "calibration": parts.calibration.dump(),
        "policy": None if parts.policy is None else parts.policy.dump(),
        "reference": parts.reference.dump(),
        "card": parts.card,
    }
    files = {SCORER_FILE: json.dumps(content, ensure_ascii=False, indent=1)}
    if text is not None:
        files[TEXT_FILE] = text
    sums = {}
    with whole_folder(folder) as temporary:
        for name, body in files.items():
            data = body.encode("utf-8")
            (temporary / name).write_bytes(data)
            sums[name] = hashlib.sha256(data).hexdigest()
        write_json(temporary / MANIFEST_FILE, {"format": FORMAT, "sha256": sums})


def load_scorer(folder: Path) -> Scorer:
    """Read a Scorer that :func:`save_scorer` wrote.

    Raises
    ------
    IntegrityError
        If a file is missing, changed or of an unknown format.
    """
    files = verified_files(folder)
    try:
        return _restored(folder, files)
    except (ValueError, KeyError, TypeError, AttributeError):
        must = "A saved model must hold what this version of the software reads"
        raise _damaged(must, f"something else in {folder.name}") from None


def _restored(folder: Path, files: dict[str, bytes]) -> Scorer:
    content = json.loads(files[SCORER_FILE])
    schema = Schema.read(content["schema"], source=SCORER_FILE)
    matrix = Matrix.read(content["matrix"], schema, source=SCORER_FILE)
    encoder = Encoder(schema, matrix, content["levels"])
    estimator = dict(content["estimator"])
    if TEXT_FILE in files:
        estimator["text"] = files[TEXT_FILE].decode("utf-8")
    return Scorer(
        Parts(
            encoder=encoder,
            estimator=estimator_class(content["kind"]).restore(estimator, encoder.columns),
            calibration=Calibration.restore(content["calibration"]),
            policy=None if content["policy"] is None else Policy.restore(content["policy"]),
            reference=Reference.restore(content["reference"]),
            card=content["card"],
        ),
        also_accepted=accepted_fields(folder.parent / ACCEPTED_FILE),
    )


def accepted_fields(path: Path) -> tuple[str, ...]:
    """Return the field names of all registered versions that a file holds; none if there is none.

    Raises
    ------
    IntegrityError
        If the file holds no list of names.
    """
    if not path.exists():
        return ()
    try:
        names = json.loads(path.read_bytes())
        if not isinstance(names, list):
            raise TypeError
        return tuple(map(str, names))
    except (ValueError, TypeError):
        raise IntegrityError(
            f"{ACCEPTED_FILE} must hold a list of names",
            found="something else",
            do="Remove it and promote a version again",
        ) from None


def verified_files(folder: Path) -> dict[str, bytes]:
    """Return the content of a saved Scorer's files, each equal to its manifest.

    Raises
    ------
    IntegrityError
        If the manifest cannot be read, or a file is missing or changed.
    """
    try:
        manifest = json.loads(_manifest(folder))
        sums = dict(manifest["sha256"])
        version = manifest["format"]
    except (ValueError, KeyError, TypeError):
        raise _no_manifest(folder) from None
    if version != FORMAT:
        raise _damaged(f"A saved model must have format {FORMAT}", f"format {version}")
    files = {}
    for name, wanted in sums.items():
        path = folder / Path(name).name
        if not path.is_file():
            raise _damaged("A saved model must have the files of its manifest", f"no {name}")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != wanted:
            found = f"{name} of {folder.name} has another SHA-256"
            raise _damaged("A saved model's files must be as they were written", found)
        files[name] = data
    if SCORER_FILE not in files:
        raise _damaged("A saved model must have a scorer.json", "none")
    return files


def _manifest(folder: Path) -> bytes:
    try:
        return (folder / MANIFEST_FILE).read_bytes()
    except OSError:
        raise _no_manifest(folder) from None


def _no_manifest(folder: Path) -> IntegrityError:
    return _damaged("A saved model must have a manifest", f"none readable in {folder.name}")


def _damaged(must: str, found: str) -> IntegrityError:
    return IntegrityError(must, found=found, do=_REMEDY)


def manifest_sha256(folder: Path) -> str:
    """Return the SHA-256 of a saved Scorer's manifest, which stands for all its files.

    Raises
    ------
    IntegrityError
        If there is no manifest.
    """
    return hashlib.sha256(_manifest(folder)).hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Write JSON into a file that is replaced whole."""
    with whole_file(path) as unfinished:
        text = json.dumps(content, ensure_ascii=False, indent=1)
        unfinished.write_text(text, encoding="utf-8")


def json_ready(content: Any) -> Any:
    """Return JSON-ready values: what is not finite becomes ``None``, tuples become lists."""
    if isinstance(content, dict):
        return {str(key): json_ready(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [json_ready(value) for value in content]
    if isinstance(content, (float, np.floating)):
        return float(content) if math.isfinite(content) else None
    if isinstance(content, np.integer):
        return int(content)
    return content
