"""The house stays in order: no room too large, no circles, every error told."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.test_layers import ROOT, imported

MOST_SHARE = 0.20


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
