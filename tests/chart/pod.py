"""The files and the command line of the pod, as Kubernetes makes them from the manifests."""

from __future__ import annotations

import base64
from pathlib import Path

import trustme

from tests.chart.rendering import Manifest, container, of_kind, workload
from tests.daemon.conftest import run

FOLDER = "/etc/openrouter-exporter"
INJECTED = "/vault/secrets"  # where one of the variants has a key that something else mounts
FOUND = "/etc/openrouter/keys"  # where another one finds its accounts
ANY_KEY = "sk-or-v1-0123456789abcdef"


def command_line(manifests: list[Manifest], folder: Path | None = None) -> list[str]:
    """Return the exporter's arguments. If `folder` is given, it replaces the directory of the pod's files."""
    arguments: list[str] = container(manifests)["args"]
    return [text.replace(FOLDER, str(folder)) for text in arguments] if folder else arguments


async def check_config(manifests: list[Manifest], folder: Path) -> tuple[int, str]:
    """Write the pod's files, let the exporter check them, and return its exit code and output."""
    lay_out(manifests, folder)
    files = [text for text in command_line(manifests, folder) if text.partition("=")[0].endswith("config.file")]
    code, out, err = await run("check-config", *files)
    return code, out + err


def option(arguments: list[str], name: str) -> str | None:
    """Return the value of an option, or None if it is not given."""
    matching = [text.partition("=")[2] for text in arguments if text.partition("=")[0] == name]
    return matching[0] if matching else None


def lay_out(manifests: list[Manifest], folder: Path) -> None:
    """Write the files of the projected volume. Secrets that the chart does not create have plausible content."""
    _write(folder / "injected/openrouter", ANY_KEY.encode())
    _write(folder / "found/team-a.key", ANY_KEY.encode())
    volume = _volume(manifests)
    for source in volume["sources"] if volume else []:
        ((kind, reference),) = source.items()
        data = _data(kind, reference["name"], manifests)
        for item in reference["items"]:
            content = data[item["key"]] if data else _of_others(item["key"])
            for mounted, name in ((INJECTED, "injected"), (FOUND, "found")):
                content = content.replace(mounted.encode(), bytes(folder / name))
            _write(folder / item["path"], content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o400)


def _volume(manifests: list[Manifest]) -> Manifest | None:
    volumes = workload(manifests)["spec"]["template"]["spec"].get("volumes", [])
    matching = [volume["projected"] for volume in volumes if volume["name"] == "configuration"]
    return matching[0] if matching else None


def _data(kind: str, name: str, manifests: list[Manifest]) -> dict[str, bytes]:
    kinds = {"configMap": "ConfigMap", "secret": "Secret"}
    data: dict[str, bytes] = {}
    for manifest in of_kind(kinds[kind], manifests):
        if manifest["metadata"]["name"] == name:
            plain = manifest.get("stringData", {}) | (manifest.get("data", {}) if kind == "configMap" else {})
            data |= {key: text.encode() for key, text in plain.items()}
            encoded = manifest.get("data", {}) if kind == "secret" else {}
            data |= {key: base64.b64decode(text) for key, text in encoded.items()}
    return data


_AUTHORITY = trustme.CA()
_CERTIFICATE = _AUTHORITY.issue_cert("openrouter-exporter")


def _of_others(key: str) -> bytes:
    match key:
        case "tls.crt":
            return b"".join(blob.bytes() for blob in _CERTIFICATE.cert_chain_pems)
        case "tls.key":
            return _CERTIFICATE.private_key_pem.bytes()
        case "ca.crt":
            return _AUTHORITY.cert_pem.bytes()
        case _:
            return ANY_KEY.encode()
