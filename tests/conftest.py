"""What holds for every test: nothing reaches beyond this machine."""

from __future__ import annotations

import gc
import ipaddress
import socket
import sys
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("suite", max_examples=40)
hypothesis.settings.load_profile("suite")  # `--hypothesis-profile default` draws more

_MANY_MODULES = 20
_looked_over = 0


@pytest.fixture(autouse=True)
def imported_for_good() -> None:
    """Modules stay, so the collector of garbage need not look them over again: with torch, that is a fifth of a second
    for each test of the window."""
    global _looked_over  # noqa: PLW0603
    if len(sys.modules) > _looked_over + _MANY_MODULES:
        _looked_over = len(sys.modules)
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection but those inside this machine (loopback, UNIX sockets), and every look-up of a name."""
    connect = socket.socket.connect
    connect_ex = socket.socket.connect_ex

    def checked(one: socket.socket, address: Any) -> None:
        if one.family == getattr(socket, "AF_UNIX", None):
            return
        host = str(address[0])
        assert host == "localhost" or ipaddress.ip_address(host).is_loopback, f"a connection to {address}"

    def checked_connect(one: socket.socket, address: Any) -> None:
        checked(one, address)
        connect(one, address)

    def checked_connect_ex(one: socket.socket, address: Any) -> int:
        checked(one, address)
        return connect_ex(one, address)

    def no_look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        raise AssertionError(f"a look-up of {host}")

    monkeypatch.setattr(socket.socket, "connect", checked_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", checked_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", no_look_up)
