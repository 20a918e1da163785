"""What is read again while the daemon runs may have become something else; nothing of that makes anyone wait."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.collectors.registry import SECTION
from exporter.config.file_access import read_file
from exporter.config.load import load
from exporter.config.secret import LONGEST_KEY, FileSecret
from exporter.daemon.file_watch import content_hash
from exporter.errors import ConfigurationError, SecretError
from exporter.web.watched_files import LARGEST_FILE, Files

Place = Callable[[Path], None]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (os.mkfifo, "Not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "Not a regular file"),
        (Path.mkdir, "Is a directory"),
    ],
    ids=["pipe", "device", "folder"],
)
def test_a_key_is_in_a_regular_file(tmp_path: Path, place: Place, reason: str) -> None:
    """A pipe nobody writes to would stop the event loop for ever, and a device would fill the memory."""
    path = tmp_path / "key"
    place(path)
    with pytest.raises(SecretError, match=f"file {path}: {reason}"):
        FileSecret(path).read()


@pytest.mark.parametrize(("length", "fits"), [(LONGEST_KEY, True), (LONGEST_KEY + 1, False)])
def test_a_key_is_short(tmp_path: Path, length: int, *, fits: bool) -> None:
    """Somebody named the wrong file, and no server would take a header of that length."""
    path = tmp_path / "key"
    path.write_text("k" * length)
    if fits:
        assert len(FileSecret(path).read().reveal()) == length
    else:
        with pytest.raises(SecretError, match="this can't be a key"):
            FileSecret(path).read()


def test_a_configuration_that_became_a_pipe_is_empty(tmp_path: Path) -> None:
    """Nobody is waited for who might write to it: a reload that never ends would keep the process from ending."""
    path = tmp_path / "exporter.yaml"
    os.mkfifo(path)
    with pytest.raises(ConfigurationError):
        load(path, {}, collectors=SECTION)


def test_a_configuration_may_come_through_a_pipe() -> None:
    """As in `--config.file <(command)`; what the command is slow to write is waited for."""
    reading, writing = os.pipe()
    with open(reading, "rb"), open(writing, "wb") as command:  # noqa: PTH123 — descriptors have no path
        command.write(b"accounts: [{name: a, api_key_env: KEY}]")
        command.close()
        configuration = load(Path(f"/dev/fd/{reading}"), {"KEY": "sk-or-v1-test"}, collectors=SECTION)
    assert ["a"] == [account.name for account in configuration.accounts]


def test_looking_for_changes_takes_a_pipe_for_no_file(tmp_path: Path) -> None:
    """Reading it would take away what is meant for another, or wait for ever."""
    path = tmp_path / "key"
    before = content_hash([path])
    os.mkfifo(path)
    assert content_hash([path]) == before


def test_a_web_configuration_that_became_a_pipe_is_empty(tmp_path: Path) -> None:
    """It is read between two scrapes, which nothing may keep waiting."""
    path = tmp_path / "web.yaml"
    os.mkfifo(path)
    assert Files().read(path) == ""


def test_a_web_configuration_of_any_size_is_not_read(tmp_path: Path) -> None:
    """Somebody named the wrong file."""
    path = tmp_path / "web.yaml"
    path.touch()
    os.truncate(path, LARGEST_FILE + 1)
    with pytest.raises(OSError, match="File too large"):
        Files().read(path)


def test_no_more_is_read_than_shows_that_it_is_too_much(tmp_path: Path) -> None:
    """A gigabyte costs as little as a letter too many."""
    path = tmp_path / "big"
    path.write_bytes(b"x" * 100)
    assert read_file(path, 10) == b"x" * 11
