"""FOCUS 1.2 files checked by the FinOps foundation's validator, which has its own Python environment."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from pathlib import Path

import pytest

from exporter.options import DEFAULT_STEP
from tests.history.harness import Export, account
from tests.servers.programs import required

pytestmark = pytest.mark.slow

# Where .ci/install-focus-validator put the program.
VALIDATOR = "OPENROUTER_TEST_FOCUS_VALIDATOR"
# Conditions of FOCUS rules that apply to OpenRouter. docs/export.md explains why others do not.
CRITERIA = (
    "ACCOUNT_NAMING_SUPPORTED",
    "MULTIPLE_SUB_ACCOUNT_TYPES_SUPPORTED",
    "PUBLIC_PRICE_LIST_SUPPORTED",
    "SUB_ACCOUNT_SUPPORTED",
    "TAGGING_SUPPORTED",
    "UNIT_PRICING_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
)
# The validator does not know whether there is an invoice: of this rule and InvoiceId-C-004-C one always fails.
NOT_APPLICABLE = {"InvoiceId-C-005-C"}
_FAILED = re.compile(r"^- ([A-Za-z]+-[CD]-\d{3}-[MCO]): ", re.MULTILINE)
_TOTAL = re.compile(r"^Total: \d+ \| Pass: (\d+) \| Fail: (\d+)", re.MULTILINE)


def validated(file: Path, *more: str) -> tuple[set[str], int]:
    """Return the rules that a file fails, and the number of rules that it passes."""
    program = Path(required(os.environ.get(VALIDATOR), "focus-validator"))
    (packages,) = program.parents[1].glob("lib/python3.*/site-packages")
    arguments = ("--block-download", "--validate-version", "1.2.0.1", "--focus-dataset", "CostAndUsage")
    report = subprocess.run(
        [program, *arguments, "--applicability-criteria", ",".join(CRITERIA), "--data-file", file, *more],
        cwd=packages,  # it opens a file of its own by a relative path
        capture_output=True,
        text=True,
        check=False,
    )
    total = _TOTAL.search(report.stdout)
    assert total is not None, report
    failed = set(_FAILED.findall(report.stdout))
    assert int(total[2]) == len(failed)
    return failed, int(total[1])


async def test_file_passes_every_rule_that_applies(tmp_path: Path, export: Export) -> None:
    file = tmp_path / "focus.csv"
    export.accounts = [account("a"), account("b", split_by="workspace"), account("c", split_by="api_key")]
    labels = (("team", "ml"), ("cost_center", "4711"))
    await export.run(export_format="focus", step=DEFAULT_STEP, labels=labels, output=str(file))
    failed, passed = await asyncio.to_thread(validated, file)
    assert NOT_APPLICABLE == failed
    assert 200 <= passed


async def test_broken_file_fails(tmp_path: Path, export: Export) -> None:
    file = tmp_path / "focus.csv"
    content = await export.run(export_format="focus", step=DEFAULT_STEP, output=str(file))
    file.write_bytes(content.replace(b"Usage-Based", b"Sometimes"))
    failed, _ = await asyncio.to_thread(validated, file, "--filter-rules", "ChargeFrequency")
    assert "ChargeFrequency-C-003-M" in failed
