"""Which tests are fast, and that none of them can start a process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import FAST, SLOW_FOLDERS

ROOT = Path(__file__).parents[1]


def test_fast_test_cannot_start_a_process() -> None:
    with pytest.raises(RuntimeError, match=r"test_fast_test_cannot_start_a_process starts a process"):
        subprocess.run([sys.executable, "-c", ""], check=True)


async def test_fast_test_cannot_start_a_process_by_asyncio() -> None:
    with pytest.raises(RuntimeError, match=r"mark it with pytest\.mark\.slow"):
        await asyncio.create_subprocess_exec(sys.executable, "-c", "")


@pytest.mark.slow
def test_slow_test_can_start_a_process() -> None:
    assert 0 == subprocess.run([sys.executable, "-c", ""], check=False).returncode


def test_slow_folders_exist() -> None:
    assert [] == [name for name in SLOW_FOLDERS if not list((ROOT / "tests" / name).glob("test_*.py"))]


def test_make_test_fast_runs_every_test_that_is_not_marked_slow() -> None:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ntest-fast:")[2].partition("\n\n")[0]
    assert "-m pytest" in recipe
    assert f"-m '{FAST}'" in recipe
