"""`export` writes a complete file or none, and its errors name the cause."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from exporter.errors import ExportError, OutputError, UsageError
from exporter.simulator.faults import parse_fault
from tests.history.harness import NOW, TODAY, Export, account, ago


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_failed_account_is_named_and_no_file_is_left(export: Export) -> None:
    export.accounts = [account("one"), account("two", key="sk-or-v1-rejected")]
    with pytest.raises(
        ExportError, match=r'^account "two": HTTP 401: .*; OpenRouter does not know this key.* was not written$'
    ):
        await export.run(first_day=ago(2))
    assert [] == left_in(export.folder)


async def test_failure_keeps_the_previous_file(export: Export) -> None:
    before = await export.run(first_day=ago(2))
    export.simulator.faults.replace(parse_fault("status-500"))
    with pytest.raises(ExportError, match="HTTP 500"):
        await export.run(first_day=ago(2))
    assert before == export.file.read_bytes()
    assert ["history.txt"] == left_in(export.folder)


async def test_day_with_an_unusable_row_fails(export: Export) -> None:
    export.simulator.faults.replace(parse_fault("bad-row"))
    with pytest.raises(ExportError, match=r"unusable rows: 1, such as .*; totals would be incomplete"):
        await export.run(first_day=ago(2))


async def test_truncated_response_fails_the_export(export: Export) -> None:
    export.simulator.faults.replace(parse_fault("truncated"))
    with pytest.raises(ExportError):
        await export.run(first_day=ago(2))
    assert [] == left_in(export.folder)


async def test_attempts_are_retried(export: Export) -> None:
    export.simulator.faults.replace(replace(parse_fault("status-500"), times=1))
    assert (await export.run(first_day=ago(2))).endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first_day": TODAY}, "--from 2026-11-20: this UTC day has not ended; the last one that has is 2026-11-19"),
        ({"last_day": TODAY}, "--to 2026-11-20: this UTC day has not ended"),
        ({"last_day": date(9999, 12, 31)}, "--to 9999-12-31: this UTC day has not ended"),
        ({"first_day": ago(3), "last_day": ago(4)}, "--to 2026-11-16 is before --from 2026-11-17"),
        ({"first_day": date(2020, 1, 1)}, "--from 2020-01-01: --format=openmetrics reaches back to "),
        ({"last_day": date(1, 1, 1)}, "--to 0001-01-01: --format=openmetrics reaches back to "),
        ({"account_names": ("nobody",)}, "--account nobody: not in the configuration, which has default"),
        ({"account_names": ("defualt",)}, r"--account defualt: not in the configuration; did you mean default\?"),
        ({"labels": (("job", "a"), ("job", "b"))}, "--label job: given more than once"),
    ],
)
async def test_impossible_options_are_refused_before_any_request(
    export: Export, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=f"^{message}"):
        await export.run(**options)
    assert [] == list(export.simulator.requests)
    assert [] == left_in(export.folder)


async def test_day_that_has_not_settled_is_refused(export: Export) -> None:
    export.clock.set(NOW.replace(hour=0, minute=10) + timedelta(days=1))
    with pytest.raises(ExportError, match="2026-11-20 is not complete yet: the latest completed day is 2026-11-19"):
        await export.run(last_day=ago(0))


async def test_error_for_a_missing_folder_names_it(export: Export) -> None:
    target = export.folder / "absent" / "history.txt"
    with pytest.raises(OutputError, match=f"can't write {target}: No such file or directory"):
        await export.run(first_day=ago(2), output=str(target))
    assert [] == list(export.simulator.requests)


async def test_error_for_a_target_that_is_a_folder_names_it(export: Export) -> None:
    with pytest.raises(OutputError, match="Is a directory"):
        await export.run(first_day=ago(2), output=str(export.folder))


async def test_symbolic_link_is_kept_and_its_target_is_written(export: Export) -> None:
    link = export.folder / "link.txt"
    link.symlink_to(export.file)
    assert (await export.run(first_day=ago(2), output=str(link))).endswith(b"# EOF\n")
    assert link.is_symlink()
    assert export.file.is_file()


async def test_output_to_a_device_is_written_directly(export: Export) -> None:
    with pytest.raises(OutputError, match="can't write /dev/full: No space left on device"):
        await export.run(first_day=ago(2), output="/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)  # noqa: PTH116 — it is not about a path
