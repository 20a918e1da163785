"""systemd: notifications, the watchdog, sockets, and reloads without a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from exporter.simulator.application import Running
from tests.daemon.conftest import KEY, environment, samples, serving, value


async def test_systemd_is_notified_of_ready_reloading_watchdog_and_stopping(
    simulator: Running, write_configuration: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_configuration(simulator.url)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.bind(str(tmp_path / "notify"))
        notifications.setblocking(False)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "exporter", "serve", f"--config.file={path}", "--web.listen-address=127.0.0.1:0"),
            env=environment(OPENROUTER_API_KEY=KEY, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000"),
            stderr=asyncio.subprocess.DEVNULL,
        )
        loop = asyncio.get_running_loop()

        async def until(wanted: str) -> None:
            async with asyncio.timeout(20):
                while wanted not in (await loop.sock_recv(notifications, 1024)).decode():
                    pass

        try:
            await until("READY=1")
            await until("WATCHDOG=1")
            process.send_signal(signal.SIGHUP)
            await until("RELOADING=1\nMONOTONIC_USEC=")
            await until("READY=1")
            process.terminate()
            await until("STOPPING=1")
            assert 0 == await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def test_daemon_serves_on_a_socket_passed_by_systemd(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """It listens on no other address."""
    path = write_configuration(simulator.url)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        # The shell puts the socket on descriptor 3 and its own process id, which exec keeps, into LISTEN_PID.
        command = (
            f"exec env LISTEN_FDS=1 LISTEN_PID=$$ {sys.executable} -m exporter serve "
            f"--config.file={path} --web.systemd-socket 3<&{listening.fileno()}"
        )
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", command),
            pass_fds=[listening.fileno()],
            env=environment(OPENROUTER_API_KEY=KEY),
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            async with asyncio.timeout(20):
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            assert head.startswith(b"HTTP/1.1 200")
            assert value(samples(body.decode()), "openrouter_up") is not None
        finally:
            os.kill(process.pid, signal.SIGTERM)
            assert 0 == await process.wait()


async def test_changed_files_are_reloaded_with_an_auto_reload_interval(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """An invalid file is logged once."""
    path = write_configuration(simulator.url)
    async with serving(path, "--config.auto-reload-interval=100ms") as daemon:
        await daemon.until(lambda result: value(result, "openrouter_up") == 1)
        path.write_text(path.read_text().replace("name: default", "name: renamed"))
        await daemon.until(lambda result: value(result, "openrouter_up", account="renamed") == 1)
        path.write_text("accounts: []\n")
        await daemon.until_logged("reload_failed")
        before = simulator.counts["/api/v1/activity"]
        await daemon.until(lambda _: simulator.counts["/api/v1/activity"] > before + 1)
    assert 1 == sum(event["event"] == "reload_failed" for event in daemon.events)
    assert 1 == sum(event["event"] == "reloaded" for event in daemon.events)


async def test_log_level_changes_on_reload(simulator: Running, write_configuration: Callable[..., Path]) -> None:
    """`log.level` in the file takes precedence over the command line."""
    path = write_configuration(simulator.url)
    reloaded = "openrouter_exporter_config_last_reload_success_timestamp_seconds"
    async with serving(path) as daemon:
        started = value(await daemon.scrape(), reloaded)
        path.write_text(path.read_text() + "log: {level: warning}\n")
        daemon.process.send_signal(signal.SIGHUP)
        await daemon.until(lambda result: value(result, reloaded) != started)

        lines, polled = len(daemon.lines), simulator.counts["/api/v1/activity"]
        await daemon.until(lambda _: simulator.counts["/api/v1/activity"] > polled + 1)
        assert [] == daemon.lines[lines:]

        path.write_text(path.read_text().replace("level: warning", "level: debug"))
        daemon.process.send_signal(signal.SIGHUP)
        await daemon.until_logged("reloaded")
