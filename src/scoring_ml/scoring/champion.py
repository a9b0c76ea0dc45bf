"""The file that names the version being served, and the folder of verified versions beside it.

Workers watch only this file. It is replaced atomically, after a child process has loaded the
version and scored its example lead, and after the version's folder is complete.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from scoring_ml.data.files.writing import whole_folder
from scoring_ml.errors import IntegrityError, NothingServed
from scoring_ml.scoring.saving import (
    ACCEPTED_FILE,
    accepted_fields,
    load_scorer,
    manifest_sha256,
    verified_files,
    write_json,
)
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home

REHEARSAL_SECONDS: Final = 120.0
"""Most time that a trial in a process of its own may take."""

_REHEARSAL: Final = (
    "import sys; from pathlib import Path; from scoring_ml.scoring.saving import load_scorer; "
    "scorer = load_scorer(Path(sys.argv[1])); scorer.explain(scorer.example)"
)
_VERSION: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Champion:
    """The version to be served, as ``champion.json`` names it.

    Parameters
    ----------
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
        champion = Champion(str(content["version"]), str(content["sha256"]).lower())
        if not _VERSION.fullmatch(champion.version):
            raise ValueError("a version is the plain name of a folder")
    except FileNotFoundError:
        raise NothingServed(str(home.root.name)) from None
    except (ValueError, KeyError, TypeError):
        raise IntegrityError(
            "champion.json must name a version and its SHA-256",
            found="something else",
            do="Promote a version again",
        ) from None
    return champion


def name_champion(home: Home, champion: Champion) -> None:
    """Write ``champion.json``; workers then serve that version."""
    write_json(home.champion_file, asdict(champion))


def champion_folder(home: Home, champion: Champion) -> Path:
    """Return the folder of a champion, whose manifest is the one that was promoted.

    Raises
    ------
    IntegrityError
        If there is none, or its manifest is another.
    """
    folder = home.serving / champion.version
    if manifest_sha256(folder) != champion.sha256:
        raise IntegrityError(
            "The champion's files must be those that were promoted",
            found=f"others in serving/{champion.version}",
            do="Promote a version again",
        )
    return folder


def load_champion(home: Home) -> Scorer:
    """Return the verified Scorer that is to be served.

    Raises
    ------
    NothingServed
        If none has been promoted.
    IntegrityError
        If its files are not what the champion file says.
    """
    return load_scorer(champion_folder(home, read_champion(home)))


def export_version(home: Home, folder: Path, version: str) -> Champion:
    """Copy a saved Scorer that :func:`rehearse` has tried to the serving folder.

    Raises
    ------
    IntegrityError
        If the files, or their copies, are not what their manifest says.
    """
    if not _VERSION.fullmatch(version):
        raise IntegrityError(
            "A version must be the plain name of a folder",
            found="another text",
            do="Name a registered version",
        )
    files = verified_files(folder)
    target = home.serving / version
    # A version that is being served keeps its folder: a worker may be reading it.
    if not _holds(target, files):
        with whole_folder(target) as temporary:
            shutil.copytree(folder, temporary, dirs_exist_ok=True)
            verified_files(temporary)
    return Champion(version, manifest_sha256(target))


def accept_fields(home: Home, names: tuple[str, ...]) -> None:
    """Remember field names, so that a promotion never breaks yesterday's request."""
    home.serving.mkdir(parents=True, exist_ok=True)
    path = home.serving / ACCEPTED_FILE
    known = set(accepted_fields(path))
    if not known >= set(names):
        write_json(path, sorted(known | set(names)))


def _holds(folder: Path, files: dict[str, bytes]) -> bool:
    try:
        return verified_files(folder) == files
    except IntegrityError:
        return False


def rehearse(folder: Path, version: str) -> None:
    """Load a saved Scorer in a process of its own, and score its example there.

    A damaged model text can end the process that reads it, without an exception.

    Raises
    ------
    IntegrityError
        If that process does not end well.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", _REHEARSAL, str(folder)],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=REHEARSAL_SECONDS,
        )
        ending = f"status {done.returncode}" if done.returncode else ""
    except subprocess.TimeoutExpired:
        ending = f"no end after {REHEARSAL_SECONDS:.0f} s"
    if ending:
        raise IntegrityError(
            "A version must load and score its example lead before it is served",
            found=f"{ending} with version {version}",
            do="Train again; what was served before is served on",
        )


def load_rehearsed(folder: Path, version: str) -> Scorer:
    """Load a saved Scorer into this process, after a process of its own has tried it out.

    Raises
    ------
    IntegrityError
        If the files are not what their manifest says, or the trial does not end well.
    """
    verified_files(folder)
    rehearse(folder, version)
    return load_scorer(folder)
