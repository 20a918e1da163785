"""The progress line of an export on a terminal."""

from __future__ import annotations

import io
import os

import pytest

from exporter.history.output import Output
from exporter.history.progress import Progress
from tests.history.harness import ago
from tests.support import FakeClock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def output() -> Output:
    return Output(os.open(os.devnull, os.O_WRONLY), compressed=False)


def test_progress_shows_account_day_and_bytes(output: Output) -> None:
    terminal, clock = Terminal(), FakeClock()
    with Progress(terminal, output, 2, clock) as progress:
        progress.start("one")
        output.write(b"x" * 1_500_000)
        clock.advance(1)
        progress.day(ago(3), ago(1))
        assert terminal.getvalue().endswith(f"account 1 of 2 (one): day {ago(3)}, up to {ago(1)}, 1.5 MB written\x1b[K")


def test_progress_clears_its_line_at_the_end(output: Output) -> None:
    terminal = Terminal()
    with Progress(terminal, output, 1, FakeClock()) as progress:
        progress.start("one")
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_progress_is_updated_at_a_limited_rate(output: Output) -> None:
    terminal, clock = Terminal(), FakeClock()
    progress = Progress(terminal, output, 1, clock)
    for _ in range(10):
        progress.show("writing", hurried=True)
        clock.advance(0.1)
    assert 5 == terminal.getvalue().count("writing")


def test_progress_is_shown_only_on_a_terminal(output: Output) -> None:
    stream = io.StringIO()
    with Progress(stream, output, 1, FakeClock()) as progress:
        progress.start("one")
    assert "" == stream.getvalue()
