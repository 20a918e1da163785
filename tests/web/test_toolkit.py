"""`--web.config.file`: what is taken, what is refused and in which words, and that promtool says the same.

The files in `web_config/` speak for themselves: those that are refused begin with what is said about them. `good` and
`bad` are so for promtool too; `newer` holds keys that came after promtool 2.42; of `stricter` promtool doesn't mind.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from exporter.errors import ConfigurationError
from exporter.web.token_bucket import BucketLimit
from exporter.web.web_config import WebConfiguration, read_web_configuration
from tests.web.certificates import certificates_in

SAMPLES = Path(__file__).with_name("web_config")
HASH = "$2y$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"


def samples(*kinds: str) -> list[str]:
    return sorted(str(path.relative_to(SAMPLES)) for kind in kinds for path in (SAMPLES / kind).glob("*.yml"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, flat, with the certificates that they name beside them."""
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
def test_good_files_are_taken(folder: Path, sample: str) -> None:
    """Whatever of the format can be honoured is."""
    read_web_configuration(folder / Path(sample).name)


@pytest.mark.parametrize("sample", samples("bad", "stricter"))
def test_bad_files_are_refused_with_every_mistake(folder: Path, sample: str) -> None:
    """Each with line, column and what was expected, as the file's first lines say."""
    path = folder / Path(sample).name
    with pytest.raises(ConfigurationError) as caught:
        read_web_configuration(path)
    expected = [line[2:] for line in path.read_text().splitlines() if line.startswith("# ")]
    assert [str(mistake).removeprefix(f"{path}:") for mistake in caught.value.mistakes] == expected


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool isn't installed")
@pytest.mark.parametrize("sample", samples("good", "bad", "stricter"))
def test_promtool_agrees(folder: Path, sample: str) -> None:
    """A file that Prometheus' own exporters take is taken here, and the other way round."""
    command = ["promtool", "check", "web-config", str(folder / Path(sample).name)]
    verdict = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (verdict.returncode == 0) == (not sample.startswith("bad/")), verdict.stdout + verdict.stderr


def test_settings_arrive(folder: Path) -> None:
    """Headers, users, names of clients, and the rate."""
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
    assert configuration.rate_limit == BucketLimit(90.5, 20)
    assert configuration.allowed_sans == {"prometheus", "::1"}
    assert configuration.tls is not None


def test_certificate_and_key_may_be_inline(folder: Path) -> None:
    """As PEM in the file itself, mixed with files at will."""
    pem = (folder / "server.key").read_text().replace("\n", "\n    ")
    text = f"tls_server_config:\n  cert_file: server.crt\n  key: |\n    {pem}\n"
    assert read(folder, text).tls is not None


def test_certificate_is_given_once(folder: Path) -> None:
    """Inline and by name is one too many."""
    text = "tls_server_config: {cert_file: server.crt, cert: x, key_file: server.key}\n"
    assert mistakes(folder, text) == [
        "1:50: tls_server_config: cert and cert_file exclude each other",
    ]


def test_names_of_clients_need_certificates_that_are_verified(folder: Path) -> None:
    """A list that would check nobody is refused."""
    text = "tls_server_config: {cert_file: server.crt, key_file: server.key, client_allowed_sans: [a]}\n"
    told = "1:87: tls_server_config: client_allowed_sans means nothing without a client_auth_type that verifies"
    assert mistakes(folder, text) == [f"{told} certificates"]


def test_duplicate_keys_are_mistakes(folder: Path) -> None:
    """The second one does not win in silence."""
    assert mistakes(folder, "rate_limit:\nrate_limit:\n") == [
        "2:1: rate_limit: duplicate key (first defined on line 1)"
    ]


def test_no_yaml_is_a_mistake(folder: Path) -> None:
    """With the place where it stops being YAML."""
    assert mistakes(folder, "tls_server_config: {")[0].startswith("1:21: not YAML")


@pytest.mark.parametrize("value", ["soon", "1 s", "-1s", "1h30"])
def test_rate_needs_a_duration(folder: Path, value: str) -> None:
    """As Go writes them."""
    assert "expected a duration such as 100ms or 1m30s" in mistakes(folder, f"rate_limit: {{interval: {value}}}")[0]


def test_rate_needs_a_whole_burst(folder: Path) -> None:
    """No half requests."""
    assert "expected a whole number" in mistakes(folder, "rate_limit: {interval: 1s, burst: 1.5}")[0]


def test_secrets_are_not_repeated(folder: Path) -> None:
    """Neither a password in the wrong place nor a broken key shows up in an error."""
    text = "basic_auth_users: {alice: hunter2}\ntls_server_config: {cert_file: server.crt, key: hunter2}\n"
    told = mistakes(folder, text)
    assert len(told) == 2
    assert "hunter2" not in "".join(told)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.yml: can't be read: No such file"):
        read_web_configuration(tmp_path / "nowhere.yml")


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    """A certificate in DER given as the configuration, say."""
    path = tmp_path / "binary.yml"
    path.write_bytes(b"\x30\x82\xff")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        read_web_configuration(path)


def test_users_need_bcrypt(tmp_path: Path) -> None:
    """Without the optional package, the error says how to get it."""

    def importer(name: str) -> ModuleType:
        raise ImportError(name)

    path = tmp_path / "users.yml"
    path.write_text(f"basic_auth_users: {{alice: {HASH}}}")
    with pytest.raises(ConfigurationError, match=r"pip install 'openrouter-exporter\[auth\]'"):
        read_web_configuration(path, importer=importer)


def test_a_curve_that_this_python_lacks_is_named(folder: Path) -> None:
    """Before 3.11.4 it can't offer X25519; that is a mistake with its line, and no crash."""
    text = "tls_server_config: {cert_file: server.crt, key_file: server.key, curve_preferences: [X25519]}\n"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ecdh_curve("X25519")
    except ssl.SSLError:
        assert "this Python can't offer X25519" in mistakes(folder, text)[0]
    else:
        assert read(folder, text).tls is not None
