"""Addresses of MLflow's artifacts, which follow their home when it moves.

MLflow writes the absolute address of an experiment's folder into its database and derives the
addresses of runs and models from it. A home that was moved, copied or mounted elsewhere therefore
has them rewritten when it is next opened, so that nothing is read from or written to its old place.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlparse

_FOLDER: Final = re.compile(r"/artifacts/(\d+(?:/0)?)$")
"""How the address of a home's experiment ends: the number of its folder; MLflow's own is 0/0."""

_ADDRESSES: Final = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
"""Tables and columns that hold an experiment's address, or one below it."""


def local_path(address: str) -> Path:
    """Return the folder of a ``file:`` address or plain path.

    >>> local_path("file:///a/b%20c").as_posix(), local_path("/a/b c").as_posix()
    ('/a/b c', '/a/b c')
    """
    parsed = urlparse(address)
    return Path(unquote(parsed.path)) if parsed.scheme == "file" else Path(address)


def follow_home(database: Path, artifacts: Path) -> None:
    """Rewrite addresses of another place to the present one, all or none.

    The experiments that a person has put elsewhere stay as they are. An old address that leads to
    the same folder, as through a link, stays too.

    Parameters
    ----------
    database : Path
        MLflow's SQLite file, which no other process of the home opens meanwhile.
    artifacts : Path
        Folder of the home's artifacts.
    """
    with closing(sqlite3.connect(database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        moved = _moved(connection, artifacts) if "experiments" in tables else {}
    if not moved:
        return
    if database.stat().st_nlink > 1:
        # A copy by hard links shares this file with its original, which is not to be changed.
        own = database.with_suffix(".own")
        shutil.copy2(database, own)
        os.replace(own, database)
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        for old, new in moved.items():
            for table, column in _ADDRESSES:
                if table in tables:
                    connection.execute(
                        f"UPDATE {table} SET {column} = :new || substr({column}, :n + 1)"
                        f" WHERE {column} = :old OR substr({column}, 1, :n + 1) = :old || '/'",
                        {"old": old, "new": new, "n": len(old)},
                    )


def _moved(connection: sqlite3.Connection, artifacts: Path) -> dict[str, str]:
    """Return old and new address of each experiment that lies in another home's artifacts."""
    moved: dict[str, str] = {}
    for (address,) in connection.execute("SELECT artifact_location FROM experiments"):
        found = _FOLDER.search(address or "")
        folder = local_path(address or "")
        if found and folder.is_absolute():
            before = Path(str(folder).removesuffix(f"/{found[1]}"))
            if before != artifacts and not _same(before, artifacts):
                moved[address] = (artifacts / found[1]).as_uri()
    return moved


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
