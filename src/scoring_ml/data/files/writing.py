"""Files and folders written whole or not at all, and tables written so as CSV or Parquet."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from scoring_ml.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield another name in a file's folder; what is written there takes its place at the end.

    Nothing is left where the block fails.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield another folder; what is written there takes its place at the end."""
    part = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.part")
    part.mkdir(parents=True)
    try:
        yield part
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a CSV or Parquet file whole or not at all.

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
    try:
        with whole_file(path) as part:
            if ending == ".csv":
                frame.to_csv(part, index=False, encoding="utf-8", lineterminator="\n")
            else:
                frame.to_parquet(part, index=False)
    except OSError as error:
        raise InputError(
            "The output file must be writable",
            found=f"{path}: {error.strerror or type(error).__name__}",
            do="Make its folder, or choose another place",
        ) from None
