"""A gzip scrape of 10,000 series: ours, prometheus-client's handler, and nginx with the bytes ready on disk.

Two clients measure: wrk with one connection, whose own cost is next to nothing, decides; a socket in Python is printed
beside it. Between two scrapes of one second, ours keeps its response; the cost of one that comes later, as Prometheus'
do, is a line of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.http_client import TEXT_ACCEPT, Client, body_of, head_of
from benchmarks.measures import Line, median, milliseconds, times
from benchmarks.processes import Running, daemon, free_port, listening, log_progress, simulator, started

PROGRAMS = ("nginx", "wrk")
ENDPOINTS = 345
ROUNDS = 5
SECONDS = 2
OWN_CLIENT_REQUESTS = {"ours": 1000, "nginx": 1000, "usual": 10}
COLD_SCRAPES = 5
COLD_PAUSE = 1.1
FASTER_THAN_USUAL = 100.0
SLOWER_THAN_NGINX = 3.0
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_NGINX = """\
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000; default_type text/plain;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {folder}; gzip_static on; }}
}}
"""


def measure() -> list[Line]:
    with (
        tempfile.TemporaryDirectory() as name,
        simulator(ENDPOINTS) as api,
        daemon(api.api) as ours,
    ):
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker may be another user
        plain, zipped = _polled(ours)
        (folder / "metrics").write_bytes(plain)
        (folder / "metrics.gz").write_bytes(zipped)
        series = sum(not line.startswith(b"#") for line in plain.splitlines())
        with _usual(folder / "metrics") as usual, _nginx(folder) as nginx:
            return _compare({"ours": ours, "usual": usual, "nginx": nginx}, series, len(zipped))


def _compare(servers: dict[str, Running], series: int, size: int) -> list[Line]:
    by_wrk: dict[str, list[float]] = {name: [] for name in servers}
    by_socket: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(ROUNDS):
        log_progress(f"scrape: round {number + 1} of {ROUNDS}")
        for name, server in servers.items():
            by_wrk[name].append(_wrk(server))
            by_socket[name].append(_socket(server, OWN_CLIENT_REQUESTS[name]))
    cold = _cold(servers["ours"])
    lines = []
    for client, rounds in (("wrk", by_wrk), ("a socket in Python", by_socket)):
        # Noise can only add: the quietest rounds say most on a shared machine.
        ours, usual, nginx = (min(rounds[name]) for name in ("ours", "usual", "nginx"))
        faster, slower = usual / ours, ours / nginx
        judged = client == "wrk"
        what = f"gzip scrape of {series:,} series ({size // 1024} KiB), p50 by {client}"
        lines += [
            Line(
                what,
                milliseconds(ours),
                f"prometheus-client's handler: {milliseconds(usual)}",
                times(faster) + " faster",
                f"≥ {FASTER_THAN_USUAL:.0f} times faster" if judged else "",
                faster >= FASTER_THAN_USUAL if judged else None,
            ),
            Line(
                what,
                milliseconds(ours),
                f"nginx, gzip_static: {milliseconds(nginx)}",
                times(slower) + " its time",
                f"≤ {SLOWER_THAN_NGINX:.0f} times its time" if judged else "",
                slower <= SLOWER_THAN_NGINX if judged else None,
            ),
        ]
    usual = median(by_socket["usual"])
    lines.append(
        Line(
            "the same, more than a second after the last one",
            milliseconds(cold),
            f"prometheus-client's handler: {milliseconds(usual)}",
            times(usual / cold) + " faster",
        )
    )
    return lines


def _polled(ours: Running) -> tuple[bytes, bytes]:
    """Wait for the first poll; return the exposition, plain and compressed."""
    with Client(ours.port) as client:
        while True:
            plain = body_of(client.get("/metrics", encoding="identity")[1])
            if b"\nopenrouter_activity_usage_usd{" in plain:
                break
            time.sleep(0.1)
        response = client.get("/metrics")[1]
        assert "Content-Encoding: gzip" in head_of(response)
        return plain, body_of(response)


def _wrk(server: Running) -> float:
    """Return the p50 that wrk sees on one connection."""
    headers = ["-H", "Accept-Encoding: gzip", "-H", f"Accept: {TEXT_ACCEPT}"]
    command = ["wrk", "-t1", "-c1", f"-d{SECONDS}s", "--latency", *headers, f"{server.origin}/metrics"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    match = re.search(r"50%\s+([\d.]+)(us|ms|s)", output)
    assert match is not None, output
    assert "Non-2xx" not in output, output
    return float(match[1]) * _UNITS[match[2]]


def _socket(server: Running, requests: int) -> float:
    with Client(server.port) as client:
        assert "content-encoding: gzip" in head_of(client.get("/metrics")[1]).lower()
        return median([client.get("/metrics")[0] for _ in range(requests)])


def _cold(server: Running) -> float:
    with Client(server.port) as client:
        seconds = []
        for _ in range(COLD_SCRAPES):
            time.sleep(COLD_PAUSE)
            seconds.append(client.get("/metrics")[0])
    return median(seconds)


@contextmanager
def _usual(text: Path) -> Iterator[Running]:
    with listening([sys.executable, "-m", "benchmarks.usual_handler", str(text)], "listening on") as running:
        yield running


@contextmanager
def _nginx(folder: Path) -> Iterator[Running]:
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=port), encoding="utf-8")
    with started(["nginx", "-e", "stderr", "-c", str(configuration)]) as process:
        for _ in range(500):
            try:
                Client(port).get("/metrics")
                break
            except OSError:
                time.sleep(0.01)
        yield Running(process.pid, port)
