"""The file that names the version being served, and the folder of verified versions beside it.

Workers watch only this file. It is replaced atomically, after the version's folder is complete
and a child process has loaded it and scored its example lead.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scoring_ml.errors import IntegrityError, NothingServed
from scoring_ml.scoring.saving import (
    ACCEPTED_FILE,
    load_scorer,
    manifest_sha256,
    verified_files,
    write_json,
)
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home

_TEST_LOAD: Final = (
    "import sys; from pathlib import Path; from scoring_ml.scoring.scorer import Scorer; "
    "scorer = Scorer.load(Path(sys.argv[1])); scorer.explain(scorer.example)"
)


@dataclass(frozen=True)
class Champion:
    """The version being served.

    Parameters
    ----------
    version : str
    sha256 : str
        Of the version's manifest, which stands for all its files.
    """

    version: str
    sha256: str


def read_champion(home: Home) -> Champion:
    """Return which version is to be served.

    Raises
    ------
    NothingServed
        If none has been promoted.
    IntegrityError
        If the file is not what a promotion writes.
    """
    try:
        content = json.loads(home.champion_file.read_bytes())
        return Champion(str(content["version"]), str(content["sha256"]))
    except FileNotFoundError:
        raise NothingServed(str(home.root.name)) from None
    except (ValueError, KeyError, TypeError):
        raise IntegrityError(
            "champion.json must name a version and its SHA-256",
            found="something else",
            do="Promote a version again",
        ) from None


def load_champion(home: Home) -> Scorer:
    """Return the verified Scorer that is to be served.

    Raises
    ------
    NothingServed
        If none has been promoted.
    IntegrityError
        If its files are not what the champion file says.
    """
    champion = read_champion(home)
    folder = home.serving / champion.version
    if not folder.is_dir() or manifest_sha256(folder) != champion.sha256:
        raise IntegrityError(
            "The champion's files must be those that were promoted",
            found=f"others in serving/{champion.version}",
            do="Promote a version again",
        )
    return load_scorer(folder)


def export_champion(home: Home, folder: Path, version: str) -> Champion:
    """Copy a saved Scorer to the serving folder, try it out, and name it champion.

    Parameters
    ----------
    home : Home
    folder : Path
        A saved Scorer.
    version : str

    Raises
    ------
    IntegrityError
        If the files are not what their manifest says, or a child process cannot load them and
        score the example lead. What was served before is then served on.
    """
    verified_files(folder)
    target = home.serving / version
    home.serving.mkdir(parents=True, exist_ok=True)
    temporary = home.serving / f".{version}.new"
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(folder, temporary)
    try:
        _test_load(temporary, version)
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    accept_fields(home, load_scorer(target).accepted_names)
    champion = Champion(version, manifest_sha256(target))
    write_json(home.champion_file, {"version": champion.version, "sha256": champion.sha256})
    return champion


def accept_fields(home: Home, names: tuple[str, ...]) -> None:
    """Remember field names, so that a promotion never breaks yesterday's request."""
    home.serving.mkdir(parents=True, exist_ok=True)
    path = home.serving / ACCEPTED_FILE
    known = set(json.loads(path.read_text("utf-8"))) if path.exists() else set()
    if not known >= set(names):
        write_json(path, sorted(known | set(names)))


def _test_load(folder: Path, version: str) -> None:
    """Load a Scorer in a child process: a broken model text ends the process that reads it."""
    done = subprocess.run(
        [sys.executable, "-c", _TEST_LOAD, str(folder)], capture_output=True, check=False
    )
    if done.returncode != 0:
        raise IntegrityError(
            "A version must load and score its example lead before it is served",
            found=f"version {version} ended with status {done.returncode}",
            do="Train again; what was served before is served on",
        )
