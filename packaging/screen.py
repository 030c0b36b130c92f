"""Is there a screen that a window can be shown on?"""

import ctypes
import sys
from collections.abc import Callable, Mapping


def x_server_answers() -> bool:
    """Whether the X server that the variable DISPLAY names lets a program in."""
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return False
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    if display:
        x11.XCloseDisplay(ctypes.c_void_p(display))
    return bool(display)


def has_screen(
    environ: Mapping[str, str],
    platform: str = sys.platform,
    x_server_answers: Callable[[], bool] = x_server_answers,
) -> bool:
    """Whether a window can be shown: always on macOS and Windows, on Linux when a screen is named and answers."""
    if not platform.startswith("linux") or environ.get("WAYLAND_DISPLAY"):
        return True
    return bool(environ.get("DISPLAY")) and x_server_answers()
