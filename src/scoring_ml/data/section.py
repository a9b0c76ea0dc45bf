"""Sections of a settings file: dataclasses that pydantic reads, and one translation of its errors.

A section states each key once, as the field of a frozen dataclass. From that statement come the
reading of a file, its refusal with the place in it, the writing back, and the JSON Schema.
Only :meth:`Section.read` checks; whoever builds a section in code answers for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from inspect import getdoc
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from pydantic import (
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails, core_schema

from scoring_ml.data.names import nearest
from scoring_ml.data.yaml_file import read_yaml, yaml_text
from scoring_ml.errors import SchemaError

_PLACE: Final = "{at}"


class Fault(ValueError):
    """Something that cannot be at a place of a settings file.

    Parameters
    ----------
    must : str
        What must hold; ``{at}`` in it stands for the place.
    """

    def __init__(self, must: str, found: object = "none", do: str = "Correct it") -> None:
        super().__init__(must)
        self.must = must
        self.found = str(found)[:200]
        self.do = do


def unknown_key(key: object, allowed: tuple[str, ...], at: str = _PLACE) -> Fault:
    """Return the fault of a key that is none of the allowed ones."""
    like = nearest(str(key), allowed)
    do = f"Write {like}" if like else "Remove it"
    return Fault(f"{at} may hold only {', '.join(allowed)}", key, do)


def choose(value: Any, allowed: tuple[str, ...], at: str = _PLACE) -> str:
    """Return one of the allowed words.

    Raises
    ------
    Fault
        With the nearest of them.
    """
    if value not in allowed:
        like = nearest(str(value), allowed)
        do = f"Write {like}" if like else "Choose one of them"
        raise Fault(f"{at} must be one of {', '.join(allowed)}", value, do)
    return str(value)


def names_and_values(content: Any, at: str = _PLACE) -> Mapping[Any, Any]:
    """Return a mapping, as it is.

    Raises
    ------
    Fault
        If it is something else.
    """
    if not isinstance(content, Mapping):
        raise Fault(f"{at} must hold names and values", type(content).__name__)
    return content


class Section:
    """Named keys of a settings file; a subclass is a frozen dataclass.

    A key with nothing behind it counts as left out.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    TITLE: ClassVar[str] = "the file"
    """What messages call it where it is the whole file."""
    FILE: ClassVar[str] = ""
    """Usual name of the file that it is the whole of."""
    UNWRITTEN: ClassVar[tuple[str, ...]] = ()
    """Fields that stand in no file."""
    ALWAYS: ClassVar[tuple[str, ...]] = ()
    """Keys that are written though they have their default."""
    WHOLE: ClassVar[bool] = False
    """Whether all keys are."""

    @classmethod
    def load(cls, path: Path, context: Any = None) -> Self:
        """Read a file that holds the section.

        Raises
        ------
        SchemaError
            If the file is missing, is not YAML, or as :meth:`read` does.
        """
        content = read_yaml(path, what=cls.kind_name())
        return cls.read(content, context, source=path.name)

    @classmethod
    def read(cls, content: Any, context: Any = None, *, source: str = "") -> Self:
        """Build the section from what a file holds.

        Raises
        ------
        SchemaError
            Naming the file, the place in it and the nearest allowed word.
        """
        try:
            section: Self = _adapter(cls).validate_python(content, context=context)
        except ValidationError as error:
            first, source = error.errors(include_url=False)[0], source or cls.FILE
            raise _refusal(first, content, cls.TITLE, source) from None
        return section

    def dump(self) -> dict[str, Any]:
        """Return what a file holds, JSON-ready; :meth:`read` undoes it."""
        content = {}
        # What several sections share comes last.
        own = type(self).__annotations__
        items = fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass
        for item in sorted(items, key=lambda item: item.name not in own):
            value = getattr(self, item.name)
            usual = item.default if item.default_factory is MISSING else item.default_factory()
            written = self.WHOLE or item.name in self.ALWAYS or value != usual
            if written and item.name not in self.UNWRITTEN:
                content[_key(item)] = _plain(value)
        return content

    def yaml(self) -> str:
        """Return the text of a YAML file that holds the section."""
        return yaml_text(self.dump())

    @classmethod
    def key_names(cls) -> tuple[str, ...]:
        """Return the keys that a file may hold."""
        written = (item for item in fields(cls) if item.name not in cls.UNWRITTEN)  # type: ignore[arg-type]
        return tuple(_key(item) for item in written)

    @classmethod
    def complete(cls, content: dict[str, Any], context: Any) -> None:
        """Fill in keys whose default depends on others."""

    def check(self) -> None:
        """Refuse what keys say of one another by raising :class:`Fault`."""

    @classmethod
    def kind_name(cls) -> str:
        """Return what the whole file is called, such as mapping."""
        return cls.TITLE.removeprefix("the ")

    @classmethod
    def form_name(cls) -> str:
        """Return the name of the file that holds its JSON Schema."""
        return cls.FILE.replace(".yaml", ".json")

    @classmethod
    def json_schema(cls) -> str:
        """Return the JSON Schema (2020-12) of a file that holds this section, as text."""
        form = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        form |= _adapter(cls).json_schema()
        return json.dumps(form, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def _read(
        cls,
        content: Any,
        validate: core_schema.ValidatorFunctionWrapHandler,
        info: core_schema.ValidationInfo,
    ) -> Self:
        if isinstance(content, cls):
            return content
        given = {k: v for k, v in names_and_values(content).items() if v is not None}
        for key in given:
            if key not in cls.key_names() + cls.UNWRITTEN:
                raise unknown_key(key, cls.key_names())
        cls.complete(given, info.context)
        section: Self = validate(given)
        section.check()
        return section

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_wrap_validator_function(cls._read, handler(source))

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe each key by what the docstrings say of the field."""
        reference = handler(schema)
        form = handler.resolve_ref_schema(reference)
        form["description"] = _plain_text((getdoc(cls) or "").partition("\n\n")[0])
        keys = {item.name: _key(item) for item in fields(cls)}  # type: ignore[arg-type]
        for section in reversed(cls.__mro__):
            for names, text in _DESCRIBED.findall(getdoc(section) or ""):
                for name in names.split(", "):
                    if keys.get(name) in form["properties"]:
                        form["properties"][keys[name]]["description"] = _plain_text(text)
        return reference


@dataclass(frozen=True)
class ByName:
    """Marks a tuple of sections that a file holds as a mapping from their names.

    Parameters
    ----------
    only : tuple of str
        The names there may be, and their order; any names in the file's order if empty.
    """

    section: type[Section]
    only: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        inner = core_schema.dict_schema(
            core_schema.str_schema(), handler.generate_schema(self.section)
        )
        named = core_schema.no_info_before_validator_function(self._named, inner)
        return core_schema.no_info_after_validator_function(lambda found: (*found.values(),), named)

    def _named(self, content: Any) -> dict[str, Any]:
        if not isinstance(content, Mapping):
            raise Fault("{at} must map names to what is said of them", type(content).__name__)
        for name in content:
            if name is None or isinstance(name, bool):
                raise Fault("A name in {at} must be text", name, "Write it in quotes")
            if self.only and name not in self.only:
                raise unknown_key(name, self.only)
        named = {}
        for name in self.only or content:
            spec = names_and_values(content.get(name) or {}, f"{_PLACE}.{name}")
            if "name" in spec:
                raise unknown_key("name", self.section.key_names(), f"{_PLACE}.{name}")
            named[str(name)] = {**spec, "name": str(name)}
        return named


@dataclass(frozen=True)
class ReadAs:
    """Marks a value that a file holds as a section, and that code holds in a simpler form."""

    section: type[Section]
    simplify: Callable[[Any], Any]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        inner = handler.generate_schema(self.section)
        return core_schema.no_info_after_validator_function(self.simplify, inner)


_ADAPTERS: Final[dict[Any, TypeAdapter[Any]]] = {}


def _adapter(section: type[Section]) -> TypeAdapter[Any]:
    """Return the reader of a section, made once."""
    if section not in _ADAPTERS:
        _ADAPTERS[section] = TypeAdapter(section)
    return _ADAPTERS[section]


_DESCRIBED: Final = re.compile(r"^(\w+(?:, \w+)*) : .*\n((?: {4}.*\n?)+)", re.MULTILINE)


def _plain_text(text: str) -> str:
    """Return a docstring's words without its marks."""
    return " ".join(re.sub(r":\w+:`(?:\w+\.)*(\w+)`", r"\1", text).replace("``", "`").split())


def _key(item: Field[Any]) -> str:
    """Return what a file calls a field of a section."""
    return str(item.metadata.get("alias", item.name))


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return value.dump()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value


_RULES: Final = {
    "bool_type": "true or false",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number, {ge:g} or more",
    "less_than_equal": "a number, {le:g} or less",
    "literal_error": "{expected}",
    "tuple_type": "a list",
    "list_type": "a list",
    "too_short": "a list of at least {min_length}",
    "dict_type": "a mapping of names to values",
    "mapping_type": "a mapping of names to values",
}
"""What pydantic's errors ask for, in our words."""


def _refusal(error: ErrorDetails, content: Any, title: str, source: str) -> SchemaError:
    """Translate the first of pydantic's errors."""
    context, found = error.get("ctx", {}), error["input"]
    cause = context.get("error")
    if isinstance(cause, Fault):
        fault = cause
    elif error["type"] == "missing":
        fault = Fault(f"{_place(error['loc'][:-1], content) or title} must have {error['loc'][-1]}")
    else:
        rule = _RULES.get(error["type"], error["msg"]).format(**context)
        plain = isinstance(found, (str, int, float))
        fault = Fault(f"{_PLACE} must be {rule}", found if plain else type(found).__name__)
    must = fault.must.replace(_PLACE, _place(error["loc"], content) or title)
    return SchemaError(must, found=f"{fault.found} in {source}", do=fault.do)


def _place(loc: tuple[int | str, ...], content: Any) -> str:
    """Return a place as people write it, such as ``tables.deals[1].file``."""
    place = ""
    for key in loc:
        if key == "[key]" or (isinstance(key, int) and isinstance(content, Mapping)):
            continue  # One thing stands where several may.
        place += f"[{key}]" if isinstance(key, int) else f".{key}" if place else key
        try:
            content = content[key]
        except (KeyError, IndexError, TypeError):
            content = None
    return place
