"""`--web.config.file`: which files are accepted, which are rejected and with which messages. promtool agrees.

The files in `web_config/` that are rejected begin with their messages. promtool accepts `good` and rejects `bad` too;
`newer` has keys that promtool 2.42 does not know, and `stricter` has files that only the exporter rejects.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.errors import ConfigurationError
from exporter.web.web_config import WebConfiguration, read_web_configuration
from exporter.web.web_config_format import RateLimitConfig
from tests.support import examples
from tests.web.certificates import certificates_in

SAMPLES = Path(__file__).with_name("web_config")
HASH = "$2y$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"


def samples(*kinds: str) -> list[str]:
    return sorted(str(path.relative_to(SAMPLES)) for kind in kinds for path in (SAMPLES / kind).glob("*.yml"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the samples and the certificates that they name."""
    folder = tmp_path_factory.mktemp("web_config")
    certificates_in(folder)
    for sample in samples("good", "bad", "newer", "stricter"):
        shutil.copy(SAMPLES / sample, folder)
    return folder


def read(folder: Path, text: str) -> WebConfiguration:
    path = folder / "written.yml"
    path.write_text(text)
    return read_web_configuration(path)


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text)
    return [str(mistake).removeprefix(f"{folder}/written.yml:") for mistake in caught.value.mistakes]


@pytest.mark.parametrize("sample", samples("good", "newer"))
def test_valid_file_is_accepted(folder: Path, sample: str) -> None:
    read_web_configuration(folder / Path(sample).name)


@pytest.mark.parametrize("sample", samples("bad", "stricter"))
def test_every_mistake_of_the_web_configuration_is_reported(folder: Path, sample: str) -> None:
    """The comments at the beginning of each file list them."""
    path = folder / Path(sample).name
    with pytest.raises(ConfigurationError) as caught:
        read_web_configuration(path)
    expected = [line[2:] for line in path.read_text().splitlines() if line.startswith("# ")]
    assert [str(mistake).removeprefix(f"{path}:") for mistake in caught.value.mistakes] == expected


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool isn't installed")
@pytest.mark.parametrize("sample", samples("good", "bad", "stricter"))
def test_promtool_accepts_and_rejects_the_same_files(folder: Path, sample: str) -> None:
    command = ["promtool", "check", "web-config", str(folder / Path(sample).name)]
    verdict = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (verdict.returncode == 0) == (not sample.startswith("bad/")), verdict.stdout + verdict.stderr


def test_web_configuration_settings_are_read(folder: Path) -> None:
    configuration = read(
        folder,
        "http_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: 1}}\n"
        f"basic_auth_users: {{alice: {HASH}}}\n"
        "rate_limit: {interval: 1m30.5s, burst: 20}\n"
        "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: client_ca.pem,\n"
        "  client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [prometheus, '::0001']}\n",
    )
    assert configuration.headers == {"X-Frame-Options": "deny", "X-XSS-Protection": "1"}
    assert configuration.users == {b"alice": HASH.encode()}
    assert configuration.rate_limit == RateLimitConfig(interval=90.5, burst=20)
    assert configuration.allowed_sans == {"prometheus", "::1"}
    assert configuration.tls is not None


def test_certificate_and_key_may_be_inline(folder: Path) -> None:
    pem = (folder / "server.key").read_text().replace("\n", "\n    ")
    text = f"tls_server_config:\n  cert_file: server.crt\n  key: |\n    {pem}\n"
    assert read(folder, text).tls is not None


def test_certificate_as_text_and_file_is_a_mistake(folder: Path) -> None:
    text = "tls_server_config: {cert_file: server.crt, cert: x, key_file: server.key}\n"
    assert mistakes(folder, text) == [
        "1:50: tls_server_config: cert and cert_file exclude each other",
    ]


def test_allowed_names_without_verified_certificates_are_a_mistake(folder: Path) -> None:
    """The list would have no effect."""
    text = "tls_server_config: {cert_file: server.crt, key_file: server.key, client_allowed_sans: [a]}\n"
    messages = "1:87: tls_server_config: client_allowed_sans means nothing without a client_auth_type that verifies"
    assert mistakes(folder, text) == [f"{messages} certificates"]


def test_duplicate_key_is_a_mistake(folder: Path) -> None:
    assert mistakes(folder, "rate_limit:\nrate_limit:\n") == [
        "2:1: rate_limit: duplicate key (first defined on line 1)"
    ]


def test_invalid_yaml_is_a_mistake(folder: Path) -> None:
    assert mistakes(folder, "tls_server_config: {")[0].startswith("1:21: not YAML")


@pytest.mark.parametrize("value", ["soon", "1 s", "-1s", "1h30", "9" * 4000, "9" * 400 + "h"])
def test_invalid_rate_interval_is_a_mistake(folder: Path, value: str) -> None:
    assert "expected a duration such as 100ms or 1m30s" in mistakes(folder, f"rate_limit: {{interval: {value}}}")[0]


def test_fractional_burst_is_a_mistake(folder: Path) -> None:
    assert "expected a whole number" in mistakes(folder, "rate_limit: {interval: 1s, burst: 1.5}")[0]


def test_message_of_the_web_configuration_has_no_secret(folder: Path) -> None:
    text = "basic_auth_users: {alice: hunter2}\ntls_server_config: {cert_file: server.crt, key: hunter2}\n"
    messages = mistakes(folder, text)
    assert len(messages) == 2
    assert "hunter2" not in "".join(messages)


def test_missing_web_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yml: can't be read: No such file"):
        read_web_configuration(tmp_path / "nowhere.yml")


def test_binary_web_configuration_is_a_mistake(tmp_path: Path) -> None:
    """An example is a certificate in DER."""
    path = tmp_path / "binary.yml"
    path.write_bytes(b"\x30\x82\xff")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        read_web_configuration(path)


def test_missing_bcrypt_is_reported_with_the_remedy(tmp_path: Path) -> None:

    def importer(name: str) -> ModuleType:
        raise ImportError(name)

    path = tmp_path / "users.yml"
    path.write_text(f"basic_auth_users: {{alice: {HASH}}}")
    with pytest.raises(ConfigurationError, match=r"pip install 'openrouter-exporter\[auth\]'"):
        read_web_configuration(path, importer=importer)


def test_unsupported_curve_is_a_mistake(folder: Path) -> None:
    """Python before 3.11.4 cannot offer X25519."""
    text = "tls_server_config: {cert_file: server.crt, key_file: server.key, curve_preferences: [X25519]}\n"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ecdh_curve("X25519")
    except ssl.SSLError:
        assert "this Python can't offer X25519" in mistakes(folder, text)[0]
    else:
        assert read(folder, text).tls is not None


@settings(max_examples=examples(100), deadline=None)
@given(
    st.sampled_from(["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"]),
    st.recursive(st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner)),
)
def test_any_value_of_any_section_is_accepted_or_reported(folder: Path, section: str, value: object) -> None:
    """JSON is valid YAML."""
    with contextlib.suppress(ConfigurationError):
        read(folder, json.dumps({section: value}))
