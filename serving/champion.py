"""The model that a worker serves, and how it changes while the worker runs.

A worker watches one file, ``HOME/serving/champion.json``::

    {"version": "7", "sha256": "<SHA-256 of HOME/serving/7/manifest.json>"}

When it changes, the new version is verified, tried in a process of its own, loaded beside the
old one and warmed up; then one attribute is swapped. Whatever goes wrong on the way leaves the
old version serving and is told in the log and by ``GET /model``.
"""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, cast

from scoring_ml.errors import IntegrityError, ScoringError
from scoring_ml.scoring.lead import LeadField
from scoring_ml.settings import Home
from serving.logs import where

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 30.0
"""Pause before a version that did not load is tried again."""

REHEARSAL_SECONDS: Final = 120.0
"""Most time that a trial in a process of its own may take."""

_WARM_UP: Final = 20
_VERSION: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


class LeadScoring(Protocol):
    """What the service needs of a Scorer."""

    @property
    def card(self) -> dict[str, Any]:
        """What is serving, in JSON-ready values."""

    @property
    def model(self) -> dict[str, Any]:
        """Name, version, kind and policy, as every answer carries them."""

    @property
    def example(self) -> dict[str, Any]:
        """A made-up lead that can be posted as it is."""

    @property
    def fields(self) -> tuple[LeadField, ...]:
        """Fields that a lead may carry."""

    @property
    def accepted_names(self) -> tuple[str, ...]:
        """Every name that may stand in a request, used or not."""

    def score(self, lead: Mapping[str, Any], *, as_of: datetime, lang: str) -> dict[str, Any]:
        """Return the answer for one lead."""

    def explain(self, lead: Mapping[str, Any], *, as_of: datetime, lang: str) -> dict[str, Any]:
        """Return the answer for one lead with every contribution."""


def load_scorer(folder: Path) -> LeadScoring:
    """Load the Scorer saved in a folder; the one place where the service does so.

    Raises
    ------
    IntegrityError
        If a file is not what the folder's manifest says.
    """
    from scoring_ml.scoring.scorer import Scorer  # slow to import, and only workers need it

    return cast(LeadScoring, Scorer.load(folder))


def rehearse(folder: Path) -> None:
    """Load and use a saved Scorer in a process of its own.

    A damaged model file can end the process that reads it, without an exception.

    Raises
    ------
    IntegrityError
        If that process does not end well.
    """
    command = [sys.executable, "-m", "serving.rehearsal", str(folder)]
    root = Path(__file__).parents[1]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            timeout=REHEARSAL_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ending = "" if done.returncode == 0 else f"exit code {done.returncode}"
    except subprocess.TimeoutExpired:
        ending = f"no end after {REHEARSAL_SECONDS:.0f} s"
    if ending:
        raise IntegrityError(
            "A version must load and score its own example in a process of its own",
            found=f"{ending} with version {folder.name}",
            do="Promote another version, or train anew",
        )


def warm_up(scorer: LeadScoring) -> None:
    """Score and explain the example a few times, so that the first lead need not wait."""
    as_of = datetime.now(UTC).replace(tzinfo=None)
    for _ in range(_WARM_UP):
        scorer.score(scorer.example, as_of=as_of, lang="en")
        scorer.explain(scorer.example, as_of=as_of, lang="en")


@dataclass(frozen=True)
class Served:
    """A version in service.

    Parameters
    ----------
    scorer : LeadScoring
    version : str
        Name of its folder.
    loaded_at : datetime
        In UTC, without a zone.
    used : frozenset of str
        Names of the fields that it looks at.
    """

    scorer: LeadScoring
    version: str
    loaded_at: datetime
    used: frozenset[str]


@dataclass(frozen=True)
class PendingError:
    """Why the version named in ``champion.json`` is not the one in service.

    Parameters
    ----------
    version : str or None
        The version named there, if it could be read.
    code : {"unreadable", "missing", "integrity", "does_not_load"}
    since : datetime
        In UTC, without a zone.
    """

    version: str | None
    code: str
    since: datetime


@dataclass(frozen=True)
class _Named:
    version: str
    sha256: str


class Champion:
    """The champion of one worker.

    Parameters
    ----------
    home : Home
    load : callable
        From a version's folder to its Scorer.
    rehearse : callable
        Raises if the version in a folder cannot be used.
    clock : callable
        Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        home: Home,
        *,
        load: Callable[[Path], LeadScoring] = load_scorer,
        rehearse: Callable[[Path], None] = rehearse,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.served: Served | None = None
        self.pending_error: PendingError | None = None
        self._home = home
        self._load = load
        self._rehearse = rehearse
        self._clock = clock
        self._seen: tuple[int, int, int] | None = None
        self._retry_at = 0.0
        self._current: _Named | None = None

    def refresh(self) -> bool:
        """Look at ``champion.json`` and load what it names, if that is new.

        Returns
        -------
        bool
            Whether another version is in service now. Never raises for a broken version.
        """
        mark = _mark(self._home.champion_file)
        retry = self.pending_error is not None and self._clock() >= self._retry_at
        if mark == self._seen and not retry:
            return False
        self._seen = mark
        if mark is None and self.served is None:
            return False  # nothing was ever promoted: no error, just not ready
        return self._change()

    def _change(self) -> bool:
        named: _Named | None = None
        try:
            named = _read(self._home.champion_file)
            if self._current == named:
                self.pending_error = None
                return False
            folder = self._home.serving / named.version
            _verify(folder, named.sha256)
            self._rehearse(folder)
            scorer = self._load(folder)
            warm_up(scorer)
        except FileNotFoundError as error:
            self._report(named, "missing", error)
        except IntegrityError as error:
            self._report(named, "integrity", error)
        except (ValueError, KeyError, TypeError) as error:
            self._report(named, "unreadable" if named is None else "does_not_load", error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the old version goes on
            self._report(named, "does_not_load", error)
        else:
            # The collector need not walk the imported libraries again: pauses of 0.2-0.9 s.
            gc.collect()
            gc.freeze()
            used = frozenset(field.name for field in scorer.fields if field.used)
            self.served = Served(scorer, named.version, _now(), used)
            self._current = named
            self.pending_error = None
            logger.info("version %s is in service", named.version)
            return True
        return False

    def _report(self, named: _Named | None, code: str, error: Exception) -> None:
        version = named.version if named else None
        old = self.pending_error
        self._retry_at = self._clock() + RETRY_SECONDS
        if old is not None and (old.version, old.code) == (version, code):
            return  # told already
        self.pending_error = PendingError(version, code, _now())
        goes_on = f"version {self.served.version} goes on" if self.served else "nothing is served"
        # Our own errors name files and versions; other errors may quote anything.
        why = str(error) if isinstance(error, ScoringError) else where(error)
        logger.error("version %s cannot be served (%s); %s. %s", version, code, goes_on, why)


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is replaced; ``None`` if there is none."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _read(path: Path) -> _Named:
    content = json.loads(path.read_text(encoding="utf-8"))
    version, sha256 = str(content["version"]), str(content["sha256"])
    if not _VERSION.fullmatch(version):
        raise ValueError("version must be the plain name of a folder")
    return _Named(version, sha256.lower())


def _verify(folder: Path, sha256: str) -> None:
    found = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    if found != sha256:
        raise IntegrityError(
            "A version's manifest must be the one that was promoted",
            found=f"another SHA-256 for version {folder.name}",
            do="Promote the version again",
        )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
