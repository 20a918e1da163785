"""buildah and podman, with a store of their own that goes when the tests have ended."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 60.0
MEMORY = 96 * 1024 * 1024
# As restricted as Kubernetes would have it; the machine that tests may have no network for containers but its own.
RESTRICTED = (
    "--net=host",
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    f"--memory={MEMORY}",
)
# Limits that a container without rights may have everywhere, and no timer, which only systemd could run.
PORTABLE = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--no-healthcheck")


def run(*command: str | Path, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; a failure shows its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not may_fail:
        assert 0 == done.returncode, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done


@dataclass(frozen=True)
class Engine:
    """The two programs on one store."""

    folder: Path

    def command(self, program: str, *arguments: str | Path) -> tuple[str | Path, ...]:
        return (program, "--root", self.folder / "store", "--runroot", self.folder / "run", *arguments)

    def podman(self, *arguments: str | Path, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        return run(*self.command("podman", *arguments), may_fail=may_fail)

    def build(self, context: Path, base: str, name: str, **arguments: str) -> None:
        """Build the image as a user of BuildKit would, with the authorities that this machine trusts."""
        options: list[str | Path] = ["--isolation=chroot", "--format=docker", "--pull-never", f"--tag={name}"]
        options += [f"--volume={path}:{path}:ro" for path in ("/etc/ssl/certs", "/etc/pip.conf") if Path(path).exists()]
        options += [f"--build-arg={key}={text}" for key, text in {"BASE_IMAGE": base, **arguments}.items()]
        run(*self.command("buildah", "bud", *options, context))

    def once(self, image: str, *arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command in a fresh container, to its end."""
        return self.podman("run", "--rm", *PORTABLE, *RESTRICTED, *options, image, *arguments, may_fail=True)

    def start(self, image: str, *arguments: str, options: tuple[str, ...] = RESTRICTED) -> Container:
        """Start a container that stays."""
        started = self.podman("run", "--detach", *PORTABLE, *options, image, *arguments)
        return Container(self, started.stdout.strip())

    def settings(self, image: str) -> dict[str, Any]:
        """Return the configuration of an image."""
        result: dict[str, Any] = json.loads(self.podman("image", "inspect", image).stdout)[0]
        return result

    def changes(self, image: str, base: str | None = None) -> set[str]:
        """Return the files in which an image differs from its base, or a container from its image."""
        return set(self.podman("diff", image, *([base] if base else [])).stdout.split("\n")) - {""}

    def remove_containers(self) -> None:
        self.podman("rm", "--all", "--force", "--time=1")


@dataclass(frozen=True)
class Container:
    """A container that runs, or has run."""

    engine: Engine
    name: str

    def inspect(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.engine.podman("inspect", self.name).stdout)[0]
        return result

    def logs(self) -> str:
        done = self.engine.podman("logs", self.name)
        return done.stdout + done.stderr

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self.engine.podman("exec", self.name, *command, may_fail=True)

    def process_status(self) -> dict[str, str]:
        """Return the kernel's status of the container's first process."""
        text = Path(f"/proc/{self.inspect()['State']['Pid']}/status").read_text(encoding="utf-8")
        return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}

    def until(self, url: str, wanted: Callable[[str], bool]) -> str:
        """Request until the response satisfies `wanted`, and return it."""
        end, text = time.monotonic() + PATIENCE, ""
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 — on loopback
                    text = response.read().decode()
            except OSError:
                text = ""
            if wanted(text):
                return text
            assert self.inspect()["State"]["Running"], self.logs()
            time.sleep(0.2)
        raise AssertionError(f"{url}: {text}\n{self.logs()}")

    def until_logged(self, words: str) -> str:
        """Return the log once it contains this text."""
        end = time.monotonic() + PATIENCE
        while words not in (text := self.logs()):
            assert time.monotonic() < end, text
            time.sleep(0.2)
        return text

    def stop(self) -> int:
        """Stop the container as an orchestrator does, and return its exit code."""
        self.engine.podman("stop", "--time=30", self.name)
        code: int = self.inspect()["State"]["ExitCode"]
        return code
