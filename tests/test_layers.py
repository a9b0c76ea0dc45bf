"""The rooms of the project import only what the architecture allows."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {
    "errors": set(),
    "settings": {"errors"},
    "texts": {"errors", "settings"},
    "statistics": {"errors"},
    "data": {"errors", "settings", "texts"},
    "features": {"data"},
    "demo": {"features", "statistics"},
    "estimators": {"features", "statistics"},
    "scoring": {"estimators"},
    "evaluation": {"scoring", "statistics"},
    "tracking": {"evaluation"},
    "reports": {"data", "scoring", "statistics"},
}
ONLY_IN = {
    "lightgbm": {"estimators"},
    "catboost": {"estimators"},
    "mlflow": {"tracking"},
    "bentoml": {"serving"},
    "shap": {"tracking"},
}


def reachable(room: str) -> set[str]:
    found = {room}
    for other in ROOMS[room]:
        found |= reachable(other)
    return found


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return names


def sources() -> list[tuple[str, Path]]:
    package = ROOT / "src" / "scoring_ml"
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).parts
        found.append((parts[0].removesuffix(".py"), path))
    for top in ("pipelines", "serving"):
        found += [(top, path) for path in sorted((ROOT / top).rglob("*.py"))]
    return found


@pytest.mark.parametrize(
    ("room", "path"), sources(), ids=lambda item: getattr(item, "name", None) or str(item)
)
def test_a_room_imports_only_the_rooms_below_it(room, path):
    if room in ("pipelines", "__init__"):
        return
    if room == "serving":
        allowed = {"errors", "settings", "texts", "data", "scoring", "reports"}
    else:
        allowed = reachable(room)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "scoring_ml" and len(parts) > 1 and parts[1] in ROOMS:
            assert parts[1] in allowed, f"{path.name} of {room} imports {name}"
        assert parts[0] not in ("pipelines", "tests"), f"{path.name} imports {name}"
        if room != "serving":
            assert parts[0] != "serving", f"{path.name} imports {name}"


@pytest.mark.parametrize("lower", ["values", "files"])
def test_values_and_files_know_nothing_of_a_crm_export(lower):
    for path in (ROOT / "src" / "scoring_ml" / "data" / lower).rglob("*.py"):
        names = [name for name in imported(path) if name.startswith("scoring_ml.data.crm")]
        assert names == [], f"{path.name} imports {names}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_heavy_library_is_imported_in_one_room(library):
    rooms = {
        room
        for room, path in sources()
        if any(name.split(".")[0] == library for name in imported(path))
    }
    assert rooms <= ONLY_IN[library]


def test_every_room_of_the_table_exists_and_none_is_missing_from_it():
    package = ROOT / "src" / "scoring_ml"
    found = {path.name.removesuffix(".py") for path in package.iterdir() if path.name[0] != "_"}
    assert found - {"py.typed"} == set(ROOMS)
