"""The house stays in order: small modules, no circles, one meaning for each public name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_layers import ROOT, imported

MOST_SHARE = 0.20
MOST_LINES = 400
RIDDLE = re.compile(r"(What|Whether|Which|How|Where|When|Who|Why)\b")
UNCLEAR = {"told", "said", "strange", "again", "there", "theirs", "ours"}
LOGGERS = {"logger"}


def modules() -> list[Path]:
    tops = (ROOT / "src" / "scoring_ml", ROOT / "pipelines", ROOT / "serving")
    return [path for top in tops for path in sorted(top.rglob("*.py"))]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "src" else parts
    return ".".join(part for part in parts if part != "__init__")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def room_of(path: Path) -> str:
    return path.parent.relative_to(ROOT).as_posix()


def public_names(path: Path) -> Iterator[str]:
    for node in tree(path).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (item.id for item in node.targets if isinstance(item, ast.Name))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_is_short_says_what_it_is_and_names_its_locals_by_nouns(path):
    assert lines(path) <= MOST_LINES
    headline = (ast.get_docstring(tree(path)) or "").split("\n")[0]
    assert headline or not path.read_text(encoding="utf-8").strip()
    assert not RIDDLE.match(headline)
    nodes = list(ast.walk(tree(path)))
    names = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    names |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    assert not names & UNCLEAR


def test_a_public_name_has_one_meaning():
    owners = defaultdict(list)
    for path in modules():
        for name in set(public_names(path)) - LOGGERS:
            if not name.startswith("_"):
                owners[name].append(name_of(path))
    assert {name: places for name, places in owners.items() if len(places) > 1} == {}


def test_no_room_holds_more_than_a_fifth_of_the_product():
    sizes: dict[str, int] = defaultdict(int)
    for path in modules():
        sizes[room_of(path)] += lines(path)
    assert max(sizes.values()) <= MOST_SHARE * sum(sizes.values())


def test_no_module_imports_itself_in_a_circle():
    names = {name_of(path): path for path in modules()}
    imports = {name: {m for m in imported(path) if m in names} for name, path in names.items()}

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            fresh = imports[ahead.pop()] - seen
            seen |= fresh
            ahead += fresh
        return seen

    assert [name for name in names if name in reached(name)] == []


def expectations() -> Iterator[tuple[str, ast.Call]]:
    """Yield where the tests expect an error or a warning."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func).rpartition(".")[2]
                if called in {"raises", "warns", "deprecated_call"}:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_expected_error_says_what_it_tells():
    places = list(expectations())
    assert len(places) > 100
    without = [place for place, call in places if "match" not in {k.arg for k in call.keywords}]
    assert without == []
