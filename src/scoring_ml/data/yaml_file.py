"""Reading of a YAML file that holds one mapping, each key once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from scoring_ml.errors import SchemaError


class _KeyTwice(yaml.constructor.ConstructorError):
    """A key stands twice in one mapping; YAML alone would keep the last."""


class _EachKeyOnce(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            name = getattr(key, "value", None)
            if isinstance(name, str) and name != "<<" and name in seen:
                raise _KeyTwice(None, None, name, key.start_mark)
            if isinstance(name, str):
                seen.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, *, what: str) -> Mapping[str, Any]:
    """Read a YAML file that holds one mapping.

    Raises
    ------
    SchemaError
        If there is no such file, or it holds no mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_EachKeyOnce)
    except FileNotFoundError:
        raise SchemaError(
            f"The {what} file must exist", found=f"no file {path}", do="Give its right name"
        ) from None
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        # PyYAML lets the errors of dates, numbers and depth through as they are.
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        if isinstance(error, _KeyTwice):
            raise SchemaError(
                f"Every name may stand once in its place of the {what} file",
                found=f"{error.problem} a second time{where} of {path.name}",
                do="Remove one of the two",
            ) from None
        raise SchemaError(
            f"The {what} file must be YAML in UTF-8",
            found=f"{path.name} cannot be read{where}",
            do="Correct that line",
        ) from None
    if not isinstance(content, Mapping):
        raise SchemaError(
            f"The {what} file must hold a mapping of names to values",
            found=f"{path.name} holds {type(content).__name__}",
            do="See models/examples for the form",
        )
    return content


@cache
def packaged(package: str, name: str) -> Mapping[str, Any]:
    """Return what a YAML file beside a package's code holds; it is read once."""
    return dict(yaml.safe_load(files(package).joinpath(name).read_text(encoding="utf-8")))


def reviewed_text(name: str) -> str:
    """Return the text of a file of ``models/``, comments and all."""
    return (files("models") / name).read_text(encoding="utf-8")


def reviewed(name: str) -> dict[str, Any]:
    """Return what a YAML file of ``models/`` holds."""
    return dict(yaml.safe_load(reviewed_text(name)))


def for_editors(text: str, form: str | None) -> str:
    """Return a YAML text with the line that names its JSON Schema to editors, or without any.

    Parameters
    ----------
    form : str or None
        Path of the JSON Schema from the file's own folder.
    """
    text = re.sub(r"\A# yaml-language-server:.*\n", "", text)
    return text if form is None else f"# yaml-language-server: $schema={form}\n{text}"


def yaml_text(content: Mapping[str, Any]) -> str:
    """Return a mapping as the text of a YAML file that reads back the same."""
    text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=96)
    if "\x85" in text:
        # PyYAML writes this line break so that it reads as spaces, unless it is escaped.
        text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=False, width=96)
    return text


def line_text(value: Any) -> str:
    """Return a value on one line of YAML.

    >>> line_text({"one_of": ["a", 1]}), line_text("no")
    ('{one_of: [a, 1]}', "'no'")
    """
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")
