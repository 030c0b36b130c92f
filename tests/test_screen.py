"""Is there a screen: what the variables name has to answer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lmstudio_app.screen import has_screen, is_screen_named, wayland_answers


@pytest.mark.parametrize(
    ("environ", "platform", "answers", "expected"),
    [
        ({}, "linux", "xw", False),
        ({"DISPLAY": ":0"}, "linux", "x", True),
        ({"DISPLAY": ":0"}, "linux", "", False),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", "w", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", "", False),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "linux", "x", True),
        ({"QT_QPA_PLATFORM": "xcb"}, "linux", "xw", False),
        ({"QT_QPA_PLATFORM": "wayland;xcb", "DISPLAY": ":0"}, "linux", "x", True),
        ({"QT_QPA_PLATFORM": "wayland", "DISPLAY": ":0"}, "linux", "x", False),
        ({"QT_QPA_PLATFORM": "vnc:size=800x600"}, "linux", "", True),
        ({"QT_QPA_PLATFORM": "offscreen", "DISPLAY": ":0"}, "linux", "x", False),
        ({}, "darwin", "", True),
        ({}, "win32", "", True),
    ],
)
def test_a_screen_is_one_that_answers(environ: dict[str, str], platform: str, answers: str, expected: bool) -> None:
    found = has_screen(
        environ, platform, lambda: "x" in answers, lambda given: "w" in answers and "WAYLAND_DISPLAY" in given
    )
    assert found is expected


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="Wayland's sockets are Unix ones")
def test_a_wayland_socket_without_a_listener_is_no_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may not be long
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("wayland-0")
    here = {"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": "."}
    assert not wayland_answers(here)
    listener.listen()
    assert wayland_answers(here)
    assert wayland_answers({"WAYLAND_DISPLAY": os.fspath(Path("wayland-0").absolute())}) or len(str(tmp_path)) > 90
    listener.close()
    assert not wayland_answers(here)
    assert wayland_answers({"WAYLAND_SOCKET": "5"})
    assert not wayland_answers({})


def test_variables_that_make_a_try_worth_while() -> None:
    assert is_screen_named({"QT_QPA_PLATFORM": "offscreen"}, "linux")
    assert is_screen_named({"DISPLAY": ":0"}, "linux")
    assert is_screen_named({}, "darwin")
    assert not is_screen_named({"DISPLAY": "", "HOME": "/"}, "linux")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there always is a screen")
@pytest.mark.parametrize(
    "variables", [{}, {"DISPLAY": ":987"}, {"WAYLAND_DISPLAY": "gone"}, {"QT_QPA_PLATFORM": "xcb"}]
)
def test_the_window_without_a_screen_is_one_sentence(tmp_path: Path, variables: dict[str, str]) -> None:
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    done = subprocess.run(
        [sys.executable, "-m", "lmstudio_app", "--workspace", str(tmp_path / "new")],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: There is no screen to open the window on") and done.stderr.rstrip().endswith(
        "demo"
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is one way to show a window")
def test_a_way_to_show_windows_that_is_none_is_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lmstudio_app"],
        env={**os.environ, "QT_QPA_PLATFORM": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: Qt cannot open a window here: Could not find the Qt platform plugin")
