"""What Qt needs from the operating system that pip cannot install: libraries, fonts, and on Debian Python's venv.

Everything is found out by trying (loading the library, asking fontconfig for a font), never by asking a package
database. On macOS and Windows the wheels bring all of it. On Debian and its relatives root gets the missing packages
installed and everybody else is told the one command; on other Linux systems the libraries are named.
"""

import ctypes
import ctypes.util
import importlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from messages import FAILED, SetUpError, say

from lmstudio_app.screen import has_screen

GLIB = "libglib2.0-0"
GLIB_RENAMED = "libglib2.0-0t64"
"""The same package's name since Debian 13 and Ubuntu 24.04."""
RELEASES_BEFORE_RENAMING = {"buster", "bullseye", "bookworm", "bionic", "focal", "jammy"}

LIBRARIES = {
    # Without these PySide6 cannot be imported, not even without a screen.
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
    "libzstd.so.1": "libzstd1",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libglib-2.0.so.0": GLIB,
    "libgthread-2.0.so.0": GLIB,
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libbrotlidec.so.1": "libbrotli1",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    # Without these there is no window. A package that links to others brings them, so that the command stays short.
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-image.so.0": "libxcb-cursor0",
    "libxcb-render-util.so.0": "libxcb-cursor0",
    "libxcb-render.so.0": "libxcb-cursor0",
    "libxcb-util.so.1": "libxcb-cursor0",
    "libxcb-shm.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-xkb.so.1": "libxkbcommon-x11-0",
}
"""Shared library that Qt loads → Debian package that brings it."""

WAYLAND_LIBRARIES = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
}
"""The same for a screen that speaks only Wayland."""

FONTS = (
    # fontconfig pattern, Debian package, its name elsewhere, whether the application is unusable without
    (":lang=zh-cn", "fonts-wqy-microhei", "a font with Chinese characters", True),
    (":family=DejaVu Sans Mono", "fonts-dejavu-core", "the font DejaVu Sans Mono", False),
    (":family=Inter", "fonts-inter", "the font Inter", False),
)


@dataclass(frozen=True)
class Need:
    """One thing that the system lacks: its Debian package, its name elsewhere, and whether set-up must stop for it."""

    package: str
    what: str
    required: bool = True


@dataclass(frozen=True)
class System:
    """The operating system as far as installing packages goes."""

    is_linux: bool
    is_debian: bool = False
    is_root: bool = False
    has_sudo: bool = False
    release: str = ""

    @classmethod
    def here(cls) -> "System":
        """The system this script runs on."""
        if not sys.platform.startswith("linux"):
            return cls(is_linux=False)
        try:
            release = platform.freedesktop_os_release()
        except OSError:
            release = {}
        family = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
        return cls(
            is_linux=True,
            is_debian=bool(family & {"debian", "ubuntu"}) and shutil.which("apt-get") is not None,
            is_root=os.geteuid() == 0,
            has_sudo=shutil.which("sudo") is not None,
            release=release.get("UBUNTU_CODENAME") or release.get("VERSION_CODENAME", ""),
        )


def loads(library: str) -> bool:
    """Whether the dynamic loader finds a shared library and everything that it needs in turn."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_font(pattern: str) -> bool:
    """Whether fontconfig, which is what Qt asks, knows a font of this pattern (such as ``:lang=zh-cn``)."""
    try:
        fontconfig = ctypes.CDLL("libfontconfig.so.1")
    except OSError:
        return False
    for name in ("FcNameParse", "FcObjectSetCreate", "FcFontList"):
        getattr(fontconfig, name).restype = ctypes.c_void_p
    fontconfig.FcInitReinitialize()  # a font may have been installed a moment ago
    wanted = ctypes.c_void_p(fontconfig.FcNameParse(pattern.encode()))
    columns = ctypes.c_void_p(fontconfig.FcObjectSetCreate())
    found = fontconfig.FcFontList(None, wanted, columns)
    # The answer is a record that begins with the number of fonts.
    count = ctypes.c_int.from_address(found).value if found else 0
    fontconfig.FcObjectSetDestroy(columns)
    fontconfig.FcPatternDestroy(wanted)
    if found:
        fontconfig.FcFontSetDestroy(ctypes.c_void_p(found))
    return count > 0


def venv_package() -> str:
    """The Debian package that lets the running Python make a virtual environment."""
    system_python = os.path.realpath("/usr/bin/python3")
    if os.path.realpath(getattr(sys, "_base_executable", sys.executable)) == system_python:
        return "python3-venv"
    return f"python{sys.version_info.major}.{sys.version_info.minor}-venv"


def can_make_venv() -> bool:
    """Whether this Python has what a virtual environment with pip is made from (Debian ships it apart)."""
    importlib.invalidate_caches()
    return all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))


def missing(
    environ: Mapping[str, str],
    *,
    for_tests: bool,
    for_venv: bool,
    loads: Callable[[str], bool] = loads,
    has_font: Callable[[str], bool] = has_font,
) -> list[Need]:
    """What this Linux system lacks, in the order of the tables.

    ``for_tests`` adds the virtual screen (indispensable only where there is no real one), ``for_venv`` what making
    ``.venv`` takes. ``loads`` and ``has_font`` are the two ways of trying.
    """
    needs = []
    if for_venv and not can_make_venv():
        needs.append(Need(venv_package(), "Python's own modules venv and ensurepip"))
    wayland_only = bool(environ.get("WAYLAND_DISPLAY")) and not environ.get("DISPLAY")
    libraries = {**LIBRARIES, **(WAYLAND_LIBRARIES if wayland_only else {})}
    needs += [Need(package, name) for name, package in libraries.items() if not loads(name)]
    needs += [Need(package, what, required) for pattern, package, what, required in FONTS if not has_font(pattern)]
    if for_tests and shutil.which("Xvfb") is None:
        needs.append(Need("xvfb", "Xvfb, a screen in memory", required=not has_screen(environ)))
    return needs


def packages(needs: Iterable[Need], release: str) -> list[str]:
    """The Debian packages that meet ``needs``, each once, under the names that the release uses."""
    glib = GLIB if release in RELEASES_BEFORE_RENAMING else GLIB_RENAMED
    return list(dict.fromkeys(glib if need.package == GLIB else need.package for need in needs))


def command(names: Iterable[str], *, sudo: str = "") -> str:
    """The one command line that installs Debian packages."""
    return f"{sudo}apt-get update && {sudo}apt-get install --yes --no-install-recommends {' '.join(names)}"


def advice(needs: list[Need], system: System) -> str:
    """What the person has to do so that ``needs`` are met."""
    if system.is_debian:
        who = "run this command" if system.has_sudo or system.is_root else "run this command as root"
        sudo = "sudo " if system.has_sudo and not system.is_root else ""
        return f"{who}:\n\n    {command(packages(needs, system.release), sudo=sudo)}\n"
    return f"install {'; '.join(need.what for need in needs)} with your system's package manager"


def provide(find: Callable[[], list[Need]], system: System, *, first_time: bool) -> None:
    """Meet what ``find`` says is missing. Afterwards nothing required is missing, or ``SetUpError`` said what to do.

    What is only nice to have is tried and mentioned the first time alone, so that later starts stay quick and quiet.
    """
    if not system.is_linux:
        return
    needs = find()
    required = [need for need in needs if need.required]
    if not required and not (needs and first_time):
        return
    if system.is_debian and system.is_root:
        apt_install(needs, system)
        required = [need for need in find() if need.required]
        if required:
            absent = ", ".join(need.what for need in required)
            raise SetUpError(f"Still missing after apt-get: {absent}. Please {advice(required, system)}", FAILED)
    elif required:
        raise SetUpError(f"Parts of the system are missing. Please {advice(needs, system)}\nThen start again.")
    else:
        say(f"The window looks best with one thing more. When you like, {advice(needs, system)}")


def apt_install(needs: list[Need], system: System) -> None:
    """Install Debian packages, saying so; a package that is only nice to have may fail quietly."""
    names = packages(needs, system.release)
    say(f"Installing system packages with apt-get: {' '.join(names)}")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    wait = ["-o", "DPkg::Lock::Timeout=120"]
    run_quietly(["apt-get", "update", *wait], environ)  # install tells whether what came in is enough
    required = packages((need for need in needs if need.required), system.release)
    wanted = [name for name in names if name in required or is_offered(name, environ)]
    if not wanted:
        return
    options = ["--yes", "--no-install-recommends", *wait]
    code, tail = run_quietly(["apt-get", "install", *options, *wanted], environ)
    if code and required:
        raise SetUpError(f"apt-get failed: {tail}\nOnce that is solved, {advice(needs, system)}", FAILED)


def is_offered(package: str, environ: Mapping[str, str]) -> bool:
    """Whether apt knows a package of this name."""
    return run_quietly(["apt-cache", "show", "--quiet", package], environ)[0] == 0


def run_quietly(arguments: list[str], environ: Mapping[str, str]) -> tuple[int, str]:
    """Run a program without showing its output; return its exit code and the line that tells most about a failure."""
    done = subprocess.run(
        arguments,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "Err:"))]
    return done.returncode, (errors or lines or ["it said nothing"])[0 if errors else -1]
