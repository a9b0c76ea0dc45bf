"""Memory that is no longer used, given back to the operating system."""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa


def give_back() -> None:
    """Let Arrow and the allocator return what was freed, where they can (glibc).

    An export of a million leads leaves gigabytes behind that are free, but still held.
    """
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
