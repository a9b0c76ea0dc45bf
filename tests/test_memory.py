"""Freed memory given back where the system can take it."""

import ctypes
from types import SimpleNamespace

import pytest

from pipelines.memory import give_back


def test_memory_is_given_back_by_glibc_and_kept_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    for library in (SimpleNamespace(malloc_trim=asked.append), SimpleNamespace()):
        monkeypatch.setattr(ctypes, "CDLL", lambda name, found=library: found)
        monkeypatch.setattr("sys.platform", "linux")
        give_back()
    monkeypatch.setattr("sys.platform", "darwin")
    give_back()
    assert asked == [0]
