"""Files that the daemon reads again may have been replaced by pipes or devices, and reading them must not block."""

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
from exporter.web.web_config import LARGEST_FILE, read_text

Maker = Callable[[Path], None]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "Not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "Not a regular file"),
        (Path.mkdir, "Is a directory"),
    ],
    ids=["pipe", "device", "folder"],
)
def test_key_file_must_be_a_regular_file(tmp_path: Path, make: Maker, reason: str) -> None:
    """A pipe without a writer would block the event loop, and a device would fill the memory."""
    path = tmp_path / "key"
    make(path)
    with pytest.raises(SecretError, match=f"file {path}: {reason}"):
        FileSecret(path).read()


@pytest.mark.parametrize(("length", "fits"), [(LONGEST_KEY, True), (LONGEST_KEY + 1, False)])
def test_key_file_has_a_maximum_size(tmp_path: Path, length: int, *, fits: bool) -> None:
    path = tmp_path / "key"
    path.write_text("k" * length)
    if fits:
        assert len(FileSecret(path).read().reveal()) == length
    else:
        with pytest.raises(SecretError, match="this can't be a key"):
            FileSecret(path).read()


def test_configuration_replaced_by_a_pipe_is_empty(tmp_path: Path) -> None:
    """A reload that waits for a writer would keep the process from ending."""
    path = tmp_path / "exporter.yaml"
    os.mkfifo(path)
    with pytest.raises(ConfigurationError):
        load(path, {}, collectors=SECTION)


def test_configuration_is_read_from_a_pipe_with_a_writer() -> None:
    """An example is `--config.file <(command)`."""
    reading, writing = os.pipe()
    with open(reading, "rb"), open(writing, "wb") as command:  # noqa: PTH123 — descriptors have no path
        command.write(b"accounts: [{name: a, api_key_env: KEY}]")
        command.close()
        configuration = load(Path(f"/dev/fd/{reading}"), {"KEY": "sk-or-v1-test"}, collectors=SECTION)
    assert ["a"] == [account.name for account in configuration.accounts]


def test_check_for_changes_ignores_a_pipe(tmp_path: Path) -> None:
    """Reading it would block, or take data from its reader."""
    path = tmp_path / "key"
    before = content_hash([path])
    os.mkfifo(path)
    assert content_hash([path]) == before


def test_web_configuration_replaced_by_a_pipe_is_empty(tmp_path: Path) -> None:
    """It is read between scrapes and must not block them."""
    path = tmp_path / "web.yaml"
    os.mkfifo(path)
    assert read_text(path) == ""


def test_web_configuration_has_a_maximum_size(tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.touch()
    os.truncate(path, LARGEST_FILE + 1)
    with pytest.raises(OSError, match="File too large"):
        read_text(path)


def test_reading_stops_one_byte_after_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * 100)
    assert read_file(path, 10) == b"x" * 11
