"""The code follows docs/architecture.md: every module is on the page, and imports go one way."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.pages import ROOT
from tests.docs.sources import nodes

PACKAGES = ("api", "collectors", "commands", "config", "daemon", "exposition", "history", "polling", "simulator", "web")
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
PATHS = [path for path in sorted((ROOT / "exporter").rglob("*.py")) if path.stem != "__init__"]


def allowed_imports() -> dict[str, set[str]]:
    """Return which modules each module may import, from the table on the page."""
    table = PAGE.partition("| module | may import |")[2].partition("\n\n")[0]
    allowed: dict[str, set[str]] = {}
    for row in re.findall(r"^\| (`.+?) \| (.*?) ?\|$", table, re.MULTILINE):
        modules, imported = (re.findall(r"`(\w+)`", cell) for cell in row)
        allowed |= {module: set(imported) for module in modules}
    return allowed


ALLOWED_IMPORTS = allowed_imports()


def top_level(module: str) -> str:
    """Return the top-level module or package below `exporter` that contains a module."""
    return [*module.split("."), "__init__"][1]


def imports(name: str) -> set[str]:
    """Return the top-level modules that a module or package imports; the package's own version does not count."""
    folder, file = ROOT / "exporter" / name, ROOT / "exporter" / f"{name}.py"
    imported: set[str] = set()
    for path in folder.rglob("*.py") if name in PACKAGES else [file]:
        for node in nodes(path):
            if isinstance(node, ast.Import):
                imported |= {top_level(alias.name) for alias in node.names if alias.name.startswith("exporter.")}
            elif isinstance(node, ast.ImportFrom) and node.module == "exporter":
                imported |= {alias.name for alias in node.names if not alias.name.startswith("__")}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("exporter."):
                imported.add(top_level(node.module or ""))
    return imported - {name}


def test_every_package_has_a_row_in_the_table() -> None:
    """Only the packages that may import anything are exempt."""
    assert set(PACKAGES) - {"commands"} == ALLOWED_IMPORTS.keys() & set(PACKAGES)


@pytest.mark.parametrize("name", ALLOWED_IMPORTS)
def test_modules_import_only_what_the_table_allows(name: str) -> None:
    assert set() == imports(name) - ALLOWED_IMPORTS[name]


def test_every_module_and_package_is_on_the_page() -> None:
    named = set(re.findall(r"`(?:exporter/)?([\w]+)(?:\.py|/)", PAGE))
    modules = {path.stem for path in (ROOT / "exporter").glob("*.py")} | set(PACKAGES)
    assert set() == modules - named - {"__init__", "__main__"}


def test_no_module_name_is_used_twice() -> None:
    """The name of a file identifies it."""
    names = [path.stem for path in PATHS]
    assert [] == sorted(name for name in set(names) if names.count(name) > 1)


def test_no_class_name_is_used_twice() -> None:
    """The name of a class identifies it."""
    names = [node.name for path in PATHS for node in nodes(path) if isinstance(node, ast.ClassDef)]
    assert [] == sorted(name for name in set(names) if names.count(name) > 1)
