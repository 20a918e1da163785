"""The format of log lines, and that they contain no key."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import log
from exporter.log import configure, hide, set_level, without_secrets

KEY = "sk-or-v1-demo"


class Terminal(io.StringIO):
    """A stream that someone looks at."""

    def isatty(self) -> bool:
        return True


@dataclass
class Written:
    """The text written since the format was chosen."""

    stream: io.StringIO

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.text.splitlines()]


Writing = Callable[..., Written]


@pytest.fixture
def writing() -> Iterator[Writing]:
    """Send the log to a stream, and restore all loggers afterwards."""
    root = logging.getLogger()
    names = ("apscheduler", "aiohttp.access", "asyncio")
    before = root.handlers[:], root.level, [logging.getLogger(name).level for name in names]

    def write(format_: str = "json", level: str = "info", stream: io.StringIO | None = None) -> Written:
        written = Written(stream or io.StringIO())
        configure(level, format_, written.stream)
        return written

    yield write
    structlog.reset_defaults()
    root.handlers[:], level, levels = before
    root.setLevel(level)
    for name, level_before in zip(names, levels, strict=True):
        logging.getLogger(name).setLevel(level_before)


def test_json_line_begins_with_time_level_and_event(writing: Writing) -> None:
    written = writing()
    log.logger(account="default").info("poll_failed", status=503, reasons={"a": 1}, hint=None, parts=[1.5, "x"])
    line = written.lines[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert {
        "level": "info",
        "event": "poll_failed",
        "account": "default",
        "status": 503,
        "reasons": {"a": 1},
        "hint": None,
        "parts": [1.5, "x"],
    } == line
    assert written.text.startswith('{"timestamp": ')


def test_json_keeps_letters_and_escapes_line_breaks(writing: Writing) -> None:
    written = writing()
    log.logger().info("note", text="Größe\n模型")
    assert (1, "Größe\n模型", True) == (len(written.lines), written.lines[0]["text"], "模型" in written.text)


def test_logfmt_quotes_values_where_necessary(writing: Writing) -> None:
    written = writing("logfmt")
    log.logger(account="default").warning("poll_failed", error='HTTP 503: "Busy"\nlater', quiet=True, status=503)
    fields = written.text.partition(" ")[2]
    expected = (
        'level=warning event=poll_failed account=default error="HTTP 503: \\"Busy\\"\\nlater" quiet=true status=503\n'
    )
    assert expected == fields


def test_console_format_in_a_pipe_has_no_colours(writing: Writing) -> None:
    written = writing("console")
    log.logger(account="default").info("started", accounts=1)
    assert ("\x1b" in written.text, True) == (False, "started" in written.text and "accounts=1" in written.text)


@pytest.mark.parametrize("format_", ["json", "logfmt", "console"])
def test_control_characters_do_not_reach_the_terminal(writing: Writing, format_: str) -> None:
    """Text from a request could clear the screen or reverse a line."""
    written = writing(format_)
    text = "/\x1b[2J\r\x9b31m\u202e\u2028\x00\ud800"
    log.logger().warning("auth_failed", path=text, parts=[text], keys={text: text})
    logging.getLogger("aiohttp").warning("no such path: %s", text)
    assert written.text.replace("\n", "").isprintable()


@pytest.mark.parametrize(("stream", "is_json"), [(io.StringIO(), True), (Terminal(), False)])
def test_auto_format_is_console_on_a_terminal_and_json_elsewhere(
    writing: Writing, stream: io.StringIO, *, is_json: bool
) -> None:
    written = writing("auto", stream=stream)
    log.logger().info("started")
    assert is_json is written.text.startswith("{")


@pytest.mark.parametrize(
    ("level", "expected"),
    [("debug", ["d", "i", "w", "e"]), ("info", ["i", "w", "e"]), ("warning", ["w", "e"]), ("error", ["e"])],
)
def test_lines_below_the_level_are_not_written(writing: Writing, level: str, expected: list[str]) -> None:
    written = writing(level=level)
    logger = log.logger()
    logger.debug("d")
    logger.info("i")
    logger.warning("w")
    logger.error("e")
    assert expected == [line["event"] for line in written.lines]


def test_changed_level_applies_to_existing_loggers(writing: Writing) -> None:
    """No line is written twice."""
    written = writing(level="error")
    logger = log.logger()
    logger.info("before")
    configure("info", "json", written.stream)
    logger.info("after")
    set_level("error")
    logger.warning("not any more")
    logging.getLogger("asyncio").warning("neither this")
    assert ["after"] == [line["event"] for line in written.lines]


def test_lines_of_other_loggers_have_their_name_and_arguments(writing: Writing) -> None:
    written = writing()
    logging.getLogger("aiohttp.server").error("Error handling request from %s", "127.0.0.1")
    line = written.lines[0]
    assert ("error", "Error handling request from 127.0.0.1", "aiohttp.server") == (
        line["level"],
        line["event"],
        line["logger"],
    )


@pytest.mark.parametrize(
    ("name", "level", "chosen", "expected"),
    [
        ("apscheduler.scheduler", logging.WARNING, "info", 0),
        ("apscheduler.scheduler", logging.INFO, "debug", 0),
        ("apscheduler.executors.default", logging.ERROR, "info", 1),
        ("asyncio", logging.INFO, "debug", 0),
        ("asyncio", logging.WARNING, "info", 1),
        ("asyncio", logging.WARNING, "error", 0),
        ("aiohttp.access", logging.INFO, "debug", 0),
        ("aiohttp.access", logging.WARNING, "error", 0),
    ],
)
def test_verbose_libraries_are_logged_from_a_higher_level(
    writing: Writing, name: str, level: int, chosen: str, expected: int
) -> None:
    """Skipped polls are counted, and would be one line per interval in an outage."""
    written = writing(level=chosen)
    logging.getLogger(name).log(level, "something")
    assert expected == len(written.lines)


@pytest.mark.parametrize("format_", ["json", "logfmt", "console"])
def test_line_contains_no_key(writing: Writing, format_: str) -> None:
    """It may be in the event, in nested values, in names, in objects or in arguments of other loggers."""
    written = writing(format_, stream=Terminal() if format_ == "console" else None)
    logger = log.logger(account=KEY)
    event = f"got {KEY}"
    logger.info(event, error=f"wrong key {KEY}", deep={"a": [{"b": (KEY, {KEY: 1})}]}, odd=ValueError(KEY))
    logger.info("bytes", raw=KEY.encode(), kinds={KEY}, header=f"Bearer {KEY}", other="Authorization: bearer abc.def")
    logging.getLogger("other").error("refused %s", KEY)
    assert (False, False, True) == (KEY in written.text, "abc.def" in written.text, "<secret>" in written.text)


@pytest.mark.parametrize("format_", ["json", "logfmt", "console"])
def test_traceback_contains_no_key(writing: Writing, format_: str) -> None:
    """This includes causes and the standard library's loggers."""
    written = writing(format_, stream=Terminal() if format_ == "console" else None)

    def fail() -> None:
        raise RuntimeError(f"outer {KEY}") from ValueError(f"inner {KEY}")

    try:
        fail()
    except RuntimeError as error:
        log.logger().error("poll_crashed", exc_info=error)
        log.logger().exception("again")
        logging.getLogger("other").exception("theirs")
    assert (False, 3) == (KEY in written.text, written.text.count("RuntimeError: outer <secret>"))
    assert "ValueError: inner <secret>" in written.text


@pytest.mark.parametrize("format_", ["json", "logfmt", "console"])
def test_traceback_contains_no_email_address(writing: Writing, format_: str) -> None:
    """An error may quote a row that names a person."""
    written = writing(format_)
    try:
        float("ada@example.com")
    except ValueError as error:
        log.logger().error("poll_crashed", exc_info=error)
    assert "ValueError: could not convert string to float: '<e-mail>'" in written.text
    assert "ada@" not in written.text


def test_key_of_any_form_is_hidden_once_known(writing: Writing) -> None:
    hide("another-form-of-key")
    written = writing()
    log.logger().info("got another-form-of-key", where="in:another-form-of-key!")
    assert ("got <secret>", "in:<secret>!") == (written.lines[0]["event"], written.lines[0]["where"])


def test_longest_hidden_text_is_replaced_first() -> None:
    """Otherwise a part of it would be left."""
    hide("one-form-of-key")
    hide("one-form-of-key-and-more")
    assert "<secret>!" == without_secrets("one-form-of-key-and-more!")


@pytest.mark.parametrize("text", ["", "a", "key"])
def test_text_too_short_for_a_key_is_not_hidden(text: str) -> None:
    hide(text)
    assert "a key is a key" == without_secrets("a key is a key")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@settings(deadline=None)
@given(VALUES, st.text(), st.text())
def test_key_in_any_value_is_hidden(value: Any, before: str, after: str) -> None:
    held = {"value": value, before: [f"{before} {KEY} {after}", {f"{KEY} {after}": (value, KEY)}]}
    assert KEY not in repr(without_secrets(held))


@settings(deadline=None)
@given(VALUES)
def test_value_without_secrets_is_unchanged(value: Any) -> None:
    if "sk-or-" not in repr(value) and "bearer" not in repr(value).lower():
        assert value == without_secrets(value)
