from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated

import pytest

from exporter.config.diagnostics import Position
from exporter.config.fields import Settings, every_key, keys_of
from exporter.config.file_format import WrittenFile
from exporter.config.value_types import ValueType
from exporter.config.yaml_nodes import Scalar


def test_every_default_is_a_valid_value() -> None:
    """Defaults are within their bounds and do not contradict each other."""
    for path, key in every_key(WrittenFile):
        if isinstance(key.holds, ValueType) and key.default is not None:
            written = str(key.holds.show(key.default))
            plain = written.lower() if isinstance(key.default, bool) else written
            assert key.holds.read(Scalar(Position(1, 1), plain, plain=True)) == key.default, path
        if isinstance(key.holds, type) and not path.startswith("accounts"):
            assert key.holds().conflicts() == (), path


def test_key_without_a_value_type_is_an_error() -> None:

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Forgotten(Settings):
        size: Annotated[int, "How many."] = 1

    with pytest.raises(TypeError, match=r"size: .*int.* needs a value type beside it"):
        keys_of(Forgotten)


@pytest.mark.slow
def test_loading_imports_no_heavy_library() -> None:
    """The program must start quickly, and without packages that only tests need."""
    code = "import sys, exporter.config.load; print({'jsonschema', 'msgspec', 'aiohttp', 'asyncio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
