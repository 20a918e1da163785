"""Notifications to systemd over its datagram socket (sd_notify(3)). Without that socket, nothing is sent."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from exporter import log

SOCKET_VARIABLE = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE = "WATCHDOG_USEC"
WATCHDOG_PID_VARIABLE = "WATCHDOG_PID"


class Systemd:
    """Reports the state of the service to systemd."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get(SOCKET_VARIABLE, "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog = _watchdog_seconds(environment)

    def ready(self) -> None:
        """Report that the service is ready."""
        self._send("READY=1")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Report that a reload has begun and, at the end of the context, that it has ended, successfully or not."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
        try:
            yield
        finally:
            self.ready()

    def stopping(self) -> None:
        """Report that the service is stopping."""
        self._send("STOPPING=1")

    async def watch(self, healthy: Callable[[], bool]) -> None:
        """Feed the watchdog twice per period while the service is healthy; return if there is no watchdog."""
        while self._address and self._watchdog:
            if healthy():
                self._send("WATCHDOG=1")
            await asyncio.sleep(self._watchdog / 2)

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as datagrams:
                datagrams.setblocking(False)
                datagrams.sendto(message.encode(), self._address)
        except OSError as error:
            log.logger().warning("systemd_notify_failed", message=message.splitlines()[0], error=error.strerror)


def _watchdog_seconds(environment: Mapping[str, str]) -> float:
    """Return the watchdog's period in seconds, 0 if there is none or it is for another process."""
    microseconds = environment.get(WATCHDOG_VARIABLE, "")
    if not microseconds.isdecimal() or environment.get(WATCHDOG_PID_VARIABLE, str(os.getpid())) != str(os.getpid()):
        return 0.0
    return int(microseconds) / 1_000_000
