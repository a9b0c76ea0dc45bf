"""Tables written as CSV or Parquet files, whole or not at all."""

from __future__ import annotations

import uuid
from pathlib import Path

import pandas as pd

from scoring_ml.errors import InputError


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a CSV or Parquet file whole or not at all.

    The file is written under another name in the same folder, then renamed.

    Raises
    ------
    InputError
        If the name ends in neither ``.csv`` nor ``.parquet``, or cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise InputError(
            "The name of an output file must end in .csv or .parquet",
            found=path.name,
            do="Give another name",
        )
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        if ending == ".csv":
            frame.to_csv(part, index=False, encoding="utf-8", lineterminator="\n")
        else:
            frame.to_parquet(part, index=False)
        part.replace(path)
    except OSError as error:
        raise InputError(
            "The output file must be writable",
            found=f"{path}: {error.strerror or type(error).__name__}",
            do="Make its folder, or choose another place",
        ) from None
    finally:
        part.unlink(missing_ok=True)
