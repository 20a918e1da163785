from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from exporter.collectors.activity.activity_settings import ActivityFilters, ActivitySettings
from exporter.collectors.registry import SECTION, configured
from exporter.config.configuration import Account, Backoff, Configuration, Retries, Upstream
from exporter.config.dump import describe
from exporter.config.fields import every_key
from exporter.config.file_format import file_format
from exporter.config.load import load, parse
from exporter.config.schema import schema
from exporter.config.secret import EnvironmentSecret, FileSecret, Secret
from tests.support import examples

CONFIG = Path(__file__).parents[2] / "config"
ENVIRONMENT = {"KEY": "sk-or-v1-test"}
VALIDATOR = Draft202012Validator(schema(SECTION))


def milliseconds(least: int, most: int) -> st.SearchStrategy[float]:
    return st.integers(least, most).map(lambda number: number / 1000)


printable = st.text(min_size=1, max_size=9).filter(
    lambda text: text.isprintable() and text == text.strip() and "sk-or-" not in text
)
numberlike = st.from_regex(r"[-+0-9.:_exo]{1,6}", fullmatch=True)
expressions = st.lists(
    st.sampled_from(["openai/.*", ".*:free", "a|b", "[a-z]+", "no", "0:0", "1e5", "08", "5", "(?i)x"]).map(re.compile)
).map(tuple)
activities = st.builds(
    ActivitySettings,
    enabled=st.booleans(),
    interval=milliseconds(1000, 10**6),
    stale_after=milliseconds(10**6, 10**9) | st.just(float("inf")),
    settle_delay=milliseconds(0, 10**6),
    empty_day_after=milliseconds(10**6, 86_400_000),
    windows=st.lists(st.sampled_from(["1d", "9d", "10d", "30d", "month_to_date"]), unique=True).map(tuple),
    filters=st.builds(
        ActivityFilters,
        api_key_hash=st.none() | st.from_regex("[0-9a-f]{64}", fullmatch=True),
        user_id=st.none()
        | st.sampled_from(["no", "~", "true", "=", "<<", "me@example.org", "# b"])
        | printable
        | numberlike,
        workspace_id=st.none() | st.uuids().map(str),
    ),
    split_by=st.sampled_from(["none", "workspace"]),
    member_labels=st.lists(st.sampled_from(["name", "email", "role"]), unique=True).map(tuple),
    include=expressions,
    exclude=expressions,
    drop_labels=st.lists(st.sampled_from(["model", "provider", "endpoint_id"]), unique=True).map(tuple),
    max_endpoints=st.integers(1, 10**6),
)
upstreams = st.builds(
    Upstream,
    base_url=st.sampled_from(["https://example.org", "http://localhost:1/api", "http://[::1]:80"]),
    timeout=milliseconds(1, 10**7),
    max_response_bytes=st.integers(1024, 2**32),
    retries=st.builds(
        Retries,
        strategy=st.sampled_from(["backoff", "none"]),
        backoff=st.builds(Backoff, max_interval=milliseconds(500, 10**7), exponent=st.floats(1, 100)),
        status_codes=st.lists(st.sampled_from(["400", "599", "4XX", "5XX"]), unique=True).map(tuple),
    ),
)


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    names = draw(
        st.lists(st.sampled_from(["a", "no", "1", "0x1", "null", "# b", "été", "c: d"]), min_size=1, unique=True)
    )
    key = EnvironmentSecret("KEY", ENVIRONMENT)
    accounts = [Account(name=name, key=key, collectors=configured(draw(activities))) for name in names]
    return Configuration(upstream=draw(upstreams), accounts=tuple(accounts))


@settings(max_examples=examples(60), deadline=None)
@given(configurations())
def test_dumped_configuration_loads_as_the_same(configuration: Configuration) -> None:
    """The dump is complete, and valid by the schema."""
    described = describe(configuration)
    assert list(VALIDATOR.iter_errors(described)) == []
    assert configuration == parse(yaml.safe_dump(described), "test.yaml", ENVIRONMENT, collectors=SECTION)
    assert configuration == parse(json.dumps(described), "test.yaml", ENVIRONMENT, collectors=SECTION)


def test_section_shared_by_all_accounts_is_dumped_once(environment: Mapping[str, str]) -> None:
    key = EnvironmentSecret("KEY", environment)
    accounts = tuple(Account(name=name, key=key, collectors=SECTION()) for name in ("a", "b"))
    described = describe(Configuration(accounts=accounts))
    assert list(described) == ["upstream", "accounts", "collectors", "thresholds", "budgets", "catalogue", "log"]
    assert described["accounts"] == [{"name": "a", "api_key_env": "KEY"}, {"name": "b", "api_key_env": "KEY"}]


def test_dump_has_the_source_of_a_key_instead_of_the_key() -> None:
    """This includes sources other than the environment or a file."""

    class Vault:
        def read(self) -> Secret:
            return Secret("sk-or-v1-test")

    configuration = Configuration(
        accounts=(
            Account(name="a", key=FileSecret(Path("/run/secrets/key")), collectors=SECTION()),
            Account(name="b", key=Vault(), collectors=SECTION()),
        )
    )
    described = describe(configuration)["accounts"]
    assert described == [{"name": "a", "api_key_file": "/run/secrets/key"}, {"name": "b", "api_key": "<secret>"}]


@pytest.mark.parametrize("name", ["minimal.yaml", "example.yaml"])
def test_shipped_files_have_the_default_values(name: str, environment: Mapping[str, str]) -> None:
    account = Account(name="default", key=EnvironmentSecret("OPENROUTER_API_KEY", environment), collectors=SECTION())
    assert Configuration(accounts=(account,)) == load(CONFIG / name, environment, collectors=SECTION)


def test_example_has_every_key() -> None:
    """Keys of a second account are in a comment; keys of list entries appear in an entry."""
    example = (CONFIG / "example.yaml").read_text(encoding="utf-8")
    keys = {path for path, _ in every_key(file_format(SECTION)) if "[]." not in path}
    assert keys == set(_paths(yaml.safe_load(example)))
    assert all(f" {name}: " in example or f" {name}:\n" in example for name in ("name", "api_key_env", "api_key_file"))


def test_commented_part_of_the_example_loads(tmp_path: Path, environment: Mapping[str, str]) -> None:
    example = (CONFIG / "example.yaml").read_text(encoding="utf-8")
    (tmp_path / "research.key").write_text("sk-or-v1-test")
    file = tmp_path / "exporter.yaml"
    file.write_text(example.replace("  # - name", "  - name").replace("  #   ", "    "), encoding="utf-8")
    account, *_ = load(file, environment, collectors=SECTION).accounts
    assert account.collectors.of(ActivitySettings).split_by == "workspace"


def _paths(node: object, path: str = "") -> list[str]:
    if not isinstance(node, dict):
        return [path]
    below = [_paths(value, f"{path}.{name}" if path else name) for name, value in node.items()]
    return [*([path] if path else []), *(inner for paths in below for inner in paths)]
