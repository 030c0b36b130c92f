"""Is there a screen that a window can be shown on?

Knows the standard library alone, since the set-up asks it before anything is installed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

IN_MEMORY = frozenset({"offscreen", "minimal"})
"""Qt's ways to draw a window that nobody sees."""


def x_server_answers() -> bool:
    """Whether the X server that the variable DISPLAY names lets a program in."""
    import ctypes

    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return False
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    if display:
        x11.XCloseDisplay(ctypes.c_void_p(display))
    return bool(display)


def wayland_answers(environ: Mapping[str, str]) -> bool:
    """Whether somebody listens at the Wayland socket that the variables name."""
    if environ.get("WAYLAND_SOCKET"):  # a connection that is open already
        return True
    name = environ.get("WAYLAND_DISPLAY")
    if not name:
        return False
    import socket

    try:
        with socket.socket(socket.AF_UNIX) as ours:
            ours.connect(os.path.join(environ.get("XDG_RUNTIME_DIR") or "/", name))  # noqa: PTH118
    except OSError:
        return False
    return True


def has_screen(
    environ: Mapping[str, str],
    platform: str = sys.platform,
    x_server_answers: Callable[[], bool] = x_server_answers,
    wayland_answers: Callable[[Mapping[str, str]], bool] = wayland_answers,
) -> bool:
    """Whether a window can be seen: always on macOS and Windows, on Linux when a screen is named and answers.

    Where QT_QPA_PLATFORM names ways to show it, one of these has to do; those that are neither X11 nor Wayland ("vnc",
    "linuxfb") are taken at their word.
    """
    if not platform.startswith("linux"):
        return True
    for way in _ways(environ) or ["wayland", "xcb"]:
        if way.startswith("wayland"):
            answers = wayland_answers(environ)
        elif way == "xcb":
            answers = bool(environ.get("DISPLAY")) and x_server_answers()
        else:
            answers = way not in IN_MEMORY
        if answers:
            return True
    return False


def is_screen_named(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether it is worth while to try and open a window: looks at the variables alone, and asks nobody.

    A window in memory counts, where QT_QPA_PLATFORM asks for that.
    """
    named = ("DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "QT_QPA_PLATFORM")
    return not platform.startswith("linux") or any(environ.get(name) for name in named)


def _ways(environ: Mapping[str, str]) -> list[str]:
    return [way.partition(":")[0] for way in environ.get("QT_QPA_PLATFORM", "").split(";") if way]
