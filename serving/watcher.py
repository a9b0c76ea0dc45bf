"""The watch on the champion: the model that a worker serves, changed while the worker runs.

A worker watches one file, ``HOME/serving/champion.json``::

    {"version": "7", "sha256": "<SHA-256 of HOME/serving/7/manifest.json>"}

When it changes, the new version is verified, tried in a process of its own, loaded beside the
old one and warmed up; then one attribute is swapped. Whatever goes wrong on the way leaves the
old version serving and is reported in the log and by ``GET /model``.
"""

from __future__ import annotations

import gc
import logging
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from scoring_ml.errors import IntegrityError, NothingServed, ScoringError
from scoring_ml.scoring.champion import Champion, champion_folder, read_champion, rehearse
from scoring_ml.scoring.saving import load_scorer
from scoring_ml.scoring.scorer import Scorer
from scoring_ml.settings import Home
from serving.logs import kind_and_place

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 30.0
"""Pause before a version that did not load is tried again."""

_WARM_UP: Final = 20


def warm_up(scorer: Scorer) -> None:
    """Score and explain the example a few times, so that the first lead need not wait."""
    for _ in range(_WARM_UP):
        scorer.score(scorer.example)
        scorer.explain(scorer.example)


@dataclass(frozen=True)
class ServedModel:
    """A version in service, and when it was loaded, in UTC without a zone."""

    scorer: Scorer
    version: str
    loaded_at: datetime


@dataclass(frozen=True)
class PendingError:
    """Why the version named in ``champion.json`` is not the one in service.

    Parameters
    ----------
    version : str or None
        The version named there, if it could be read.
    code : {"unreadable", "missing", "integrity", "does_not_load"}
    """

    version: str | None
    code: str
    since: datetime


class ChampionWatcher:
    """The champion of one worker, loaded whenever ``champion.json`` names another."""

    def __init__(self, home: Home) -> None:
        self.served: ServedModel | None = None
        self.pending_error: PendingError | None = None
        self._home = home
        self._seen: tuple[int, int, int] | None = None
        self._retry_at = 0.0
        self._current: Champion | None = None

    def refresh(self) -> bool:
        """Look at ``champion.json`` and load what it names, if that is new.

        Returns
        -------
        bool
            Whether another version is in service now. Never raises for a broken version.
        """
        mark = _mark(self._home.champion_file)
        retry = self.pending_error is not None and time.monotonic() >= self._retry_at
        if mark == self._seen and not retry:
            return False
        self._seen = mark
        if mark is None and self.served is None:
            return False  # nothing was ever promoted: no error, just not ready
        return self._change()

    def _change(self) -> bool:
        named: Champion | None = None
        try:
            named = read_champion(self._home)
            if self._current == named:
                self.pending_error = None
                return False
            folder = champion_folder(self._home, named)
            rehearse(folder, named.version)
            scorer = load_scorer(folder)
            warm_up(scorer)
        except NothingServed as error:
            self._report(named, "missing", error)
        except IntegrityError as error:
            self._report(named, self._code(named), error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the old version goes on
            self._report(named, "does_not_load", error)
        else:
            # The collector need not walk the imported libraries again: pauses of 0.2-0.9 s.
            gc.collect()
            gc.freeze()
            self.served = ServedModel(scorer, named.version, _now())
            self._current = named
            self.pending_error = None
            logger.info("version %s is in service", named.version)
            return True
        return False

    def _code(self, named: Champion | None) -> str:
        if named is None:
            return "unreadable"
        return "integrity" if (self._home.serving / named.version).is_dir() else "missing"

    def _report(self, named: Champion | None, code: str, error: Exception) -> None:
        version = named.version if named else None
        old = self.pending_error
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if old is not None and (old.version, old.code) == (version, code):
            return  # reported already
        self.pending_error = PendingError(version, code, _now())
        goes_on = f"version {self.served.version} goes on" if self.served else "nothing is served"
        # Our own errors name files and versions; other errors may quote anything.
        why = str(error) if isinstance(error, ScoringError) else kind_and_place(error)
        logger.error("version %s cannot be served (%s); %s. %s", version, code, goes_on, why)


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is replaced; ``None`` if there is none."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
