"""The page on architecture says who imports whom; this holds the code to it."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.pages import ROOT

PACKAGES = ("api", "collectors", "commands", "config", "daemon", "exposition", "polling", "simulator", "web")
GROUND = {"__init__", "clock", "errors", "log", "status"}
MAY_IMPORT = {
    "clock": set(),
    "errors": set(),
    "log": set(),
    "status": set(),
    "config": {"errors"},
    "exposition": {"clock"},
    "api": {"config", "exposition"} | GROUND,
    "collectors": {"api", "config", "exposition"} | GROUND,
    "polling": {"api", "collectors", "config", "exposition"} | GROUND,
    "web": {"config"} | GROUND,
    "daemon": {"api", "collectors", "config", "exposition", "polling", "web"} | GROUND,
    "simulator": {"clock", "errors"},
}


def part(module: str) -> str:
    """The part of the package that a module is in: a package below it, or a module."""
    return [*module.split("."), "__init__"][1]


def imports(name: str) -> set[str]:
    """Which other parts the modules of a part import."""
    folder, file = ROOT / "exporter" / name, ROOT / "exporter" / f"{name}.py"
    found: set[str] = set()
    for path in folder.rglob("*.py") if name in PACKAGES else [file]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {part(alias.name) for alias in node.names if alias.name.startswith("exporter.")}
            elif isinstance(node, ast.ImportFrom) and node.module == "exporter":
                found |= {"__init__" if alias.name.startswith("__") else alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("exporter."):
                found.add(part(node.module or ""))
    return found - {name}


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_part_imports_only_what_it_may(name: str) -> None:
    """What is below calls nothing above it."""
    assert imports(name) <= MAY_IMPORT[name]


def test_every_module_has_its_place() -> None:
    """Each file and package of the exporter is named on the page."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:exporter/)?([\w]+)(?:\.py|/)", text))
    modules = {path.stem for path in (ROOT / "exporter").glob("*.py")} | set(PACKAGES)
    assert set() == modules - named - {"__init__", "__main__"}


def test_no_module_name_is_used_twice() -> None:
    """A file's name alone says which file is meant."""
    names = [path.stem for path in (ROOT / "exporter").rglob("*.py") if path.stem != "__init__"]
    assert [] == sorted(name for name in set(names) if names.count(name) > 1)


def test_no_class_name_is_used_twice() -> None:
    """A class's name alone says which class is meant."""
    names = [
        node.name
        for path in (ROOT / "exporter").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert [] == sorted(name for name in set(names) if names.count(name) > 1)
