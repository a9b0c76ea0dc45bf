"""Ids that name nothing, and ids that are written in several ways."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring_ml.data.values.moments import Bools

_NO_GUID: Final = "00000000-0000-0000-0000-000000000000"
_VOID: Final = ("0", "-1", _NO_GUID, f"{{{_NO_GUID}}}", "0" * 15, "0" * 15 + "AAA")
_IN_ANY_CASE: Final = r"@|^\{?[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-"
_WHOLE: Final = r"^(-?\d+)\.0+$"


def coded_ids(ids: Any) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return ids as places among the different ones, -1 for none, and those.

    >>> coded_ids(pa.array(["a", None, "a"]))
    (array([ 0, -1,  0]), ('a',))
    """
    coded = ids if pa.types.is_dictionary(ids.type) else ids.dictionary_encode()
    codes = np.asarray(coded.indices.cast(pa.int64()).fill_null(-1))
    return codes.astype(np.int64), tuple(coded.dictionary.to_pylist())


def is_void(ids: Any) -> Bools:
    """Tell which ids stand for none, as CRMs write it: 0, -1, zeros alone; shape (n,).

    >>> is_void(pa.array(["7", "0", None])).tolist()
    [False, True, False]
    """
    return np.asarray(pc.is_in(ids, value_set=pa.array(_VOID, _text_type(ids))))


def same_ids(texts: Any) -> Any:
    """Write ids alike that are the same: 123.0 as 123, e-mail addresses and GUIDs in small letters.

    >>> same_ids(pa.array(["123.0", "Anna@Example.com", "aB", "1.10", None])).to_pylist()
    ['123', 'anna@example.com', 'aB', '1.10', None]
    """
    if pc.any(pc.match_substring(texts, ".0"), min_count=0).as_py():
        texts = pc.replace_substring_regex(texts, _WHOLE, r"\1")
    any_case = pc.match_substring_regex(texts, _IN_ANY_CASE)
    if pc.any(any_case, min_count=0).as_py():
        texts = pc.if_else(any_case, pc.utf8_lower(texts), texts)
    return texts


def spelt_out(ids: Any) -> Any:
    """Return ids as plain Arrow text, each as often as it stands there."""
    return ids.cast(_text_type(ids)).cast(pa.large_string())


def _text_type(ids: Any) -> Any:
    return ids.type.value_type if pa.types.is_dictionary(ids.type) else ids.type
