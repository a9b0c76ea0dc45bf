"""Single values of crm.yaml: zones, moments, rising numbers, and names that are text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import available_timezones

from scoring_ml.data.schema import Place, nearest
from scoring_ml.data.values.moments import moment_of

_MOST_DAYS: Final = 36_500


def zone_name(name: Any, where: Place) -> str:
    """Return the name of a zone (IANA).

    Raises
    ------
    SchemaError
        If there is no such zone.
    """
    if not isinstance(name, str) or name not in available_timezones():
        like = nearest(str(name), available_timezones())
        raise where.error(
            "timezone must be the name of a zone, such as Asia/Tehran",
            str(name),
            f"Write {like}" if like else "Choose one",
        )
    return str(name)


def extraction_moment(raw: Any, *, timezone: str, day_first: bool, where: Place) -> int | None:
    """Return ``extracted_at`` in microseconds since 1970, UTC; ``None`` where it is not said.

    Raises
    ------
    SchemaError
        If it is no moment.
    """
    if raw is None:
        return None
    try:
        return moment_of(raw, timezone=timezone, day_first=day_first)
    except ValueError:
        raise where.error(
            "extracted_at must be a moment, such as 2026-11-01T00:00:00Z", str(raw)
        ) from None


def rising(raw: Any, at: str, where: Place) -> tuple[float, ...]:
    """Return numbers of 0 or more, each larger than the one before.

    Raises
    ------
    SchemaError
        If they are none, or do not rise.
    """
    if not isinstance(raw, (list, tuple)) or not raw:
        raise where.error(f"{at} must be a list of numbers", str(raw))
    numbers = tuple(where.number(item, at) for item in raw)
    if any(number > _MOST_DAYS for number in numbers):
        raise where.error(f"{at} must be at most {_MOST_DAYS} days", f"{max(numbers):g}")
    if any(number < 0 for number in numbers) or list(numbers) != sorted(set(numbers)):
        raise where.error(f"{at} must rise from 0 or more", str(list(raw)))
    return numbers


def texts(content: Any, at: str, where: Place) -> dict[str, str]:
    """Return a mapping of text to text; YAML's own yes and no are ambiguous as names.

    Raises
    ------
    SchemaError
        Naming the key that is no text, or whose value is none.
    """
    content = content or {}
    where.check_keys(content, content, at)
    for key, value in content.items():
        if isinstance(key, bool) or isinstance(value, bool):
            raise where.error(f"{at} must hold text", f"{key}: {value}", "Write it in quotes")
        if value is None or isinstance(value, (Mapping, list)):
            raise where.error(f"{at}.{key} must be text", type(value).__name__)
    return {str(key): str(value) for key, value in content.items()}


def reasons(content: Any, where: Place) -> dict[str, str]:
    """Return written reasons by the computed feature that they allow.

    Raises
    ------
    SchemaError
        If a reason is not written.
    """
    if not isinstance(content, Mapping):
        raise where.error(
            "features.allow must map a feature to a written reason", type(content).__name__
        )
    for name, reason in content.items():
        if not (isinstance(reason, str) and reason.strip()):
            raise where.error(f"features.allow.{name} must hold a written reason", "no text")
    return {str(name): str(reason) for name, reason in content.items()}
