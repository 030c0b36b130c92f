"""What set-up does about libraries and fonts that the system lacks."""

import ctypes
import sys

import pytest

from tests.packaging.scripts import messages, system_needs

Need = system_needs.Need
ROOT_ON_DEBIAN = system_needs.System(is_linux=True, is_debian=True, is_root=True, release="bookworm")
USER_ON_DEBIAN = system_needs.System(is_linux=True, is_debian=True, has_sudo=True, release="bookworm")
USER_WITHOUT_SUDO = system_needs.System(is_linux=True, is_debian=True, release="bookworm")
ELSEWHERE = system_needs.System(is_linux=True)
MACOS = system_needs.System(is_linux=False)

EGL = Need("libegl1", "libEGL.so.1")
CHINESE = Need("fonts-wqy-microhei", "a font with Chinese characters")
INTER = Need("fonts-inter", "the font Inter", required=False)


def find_missing(environ=None, *, for_tests=False, for_venv=False, loads=lambda _: True, has_font=lambda _: True):
    return system_needs.missing(environ or {}, for_tests=for_tests, for_venv=for_venv, loads=loads, has_font=has_font)


class FakeApt:
    """Stands in for running apt: remembers the calls; ``install`` ends with the code it is given."""

    def __init__(self, install_code=0, offered=lambda _: True):
        self.calls = []
        self.install_code = install_code
        self.offered = offered

    def __call__(self, arguments, environ):
        assert environ["DEBIAN_FRONTEND"] == "noninteractive"
        self.calls.append(arguments)
        if arguments[0] == "apt-cache":
            return (0 if self.offered(arguments[-1]) else 100), ""
        return (self.install_code, "E: no network") if arguments[1] == "install" else (0, "")

    @property
    def installed(self):
        [call] = [call for call in self.calls if call[:2] == ["apt-get", "install"]]
        return call[call.index("DPkg::Lock::Timeout=120") + 1 :]


@pytest.fixture
def apt(monkeypatch):
    fake = FakeApt()
    monkeypatch.setattr(system_needs, "run_quietly", fake)
    return fake


def appearing(*needs):
    """A finder that reports ``needs`` the first time and nothing afterwards, as after a successful installation."""
    answers = iter([list(needs)])
    return lambda: next(answers, [])


def test_nothing_is_missing_when_everything_loads():
    assert find_missing() == []


def test_a_library_that_does_not_load_names_its_package():
    assert find_missing(loads=lambda name: name != "libxcb-cursor.so.0") == [
        Need("libxcb-cursor0", "libxcb-cursor.so.0")
    ]


def test_wayland_libraries_matter_only_where_wayland_is_the_only_screen():
    def no_wayland(name):
        return "wayland" not in name

    assert find_missing({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, loads=no_wayland) == []
    assert len(find_missing({"WAYLAND_DISPLAY": "wayland-0"}, loads=no_wayland)) == 3


def test_a_chinese_font_is_indispensable_and_the_drawn_fonts_are_not():
    needs = find_missing(has_font=lambda _: False)
    assert {need.package: need.required for need in needs} == {
        "fonts-wqy-microhei": True,
        "fonts-dejavu-core": False,
        "fonts-inter": False,
    }


@pytest.mark.parametrize(("for_tests", "expected"), [(True, ["xvfb"]), (False, [])])
def test_a_screen_in_memory_is_for_tests_alone(monkeypatch, for_tests, expected):
    monkeypatch.setattr(system_needs.shutil, "which", lambda _: None)
    needs = find_missing(for_tests=for_tests)
    assert [need.package for need in needs] == expected
    assert all(need.required for need in needs)


def test_with_a_real_screen_the_one_in_memory_is_not_indispensable(monkeypatch):
    monkeypatch.setattr(system_needs.shutil, "which", lambda _: None)
    monkeypatch.setattr(system_needs, "has_screen", lambda environ: True)
    [need] = find_missing({}, for_tests=True)
    assert not need.required


@pytest.mark.parametrize("executable", ["/usr/bin/python3", "/opt/python3.13/bin/python3"])
def test_debian_ships_venv_apart(monkeypatch, executable):
    monkeypatch.setattr(system_needs.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name)
    monkeypatch.setattr(sys, "_base_executable", executable)
    assert find_missing() == []
    [need] = find_missing(for_venv=True)
    own = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    assert need.package == ("python3-venv" if executable == "/usr/bin/python3" else own)


@pytest.mark.parametrize(
    ("release", "glib"),
    [
        ("bookworm", "libglib2.0-0"),
        ("jammy", "libglib2.0-0"),
        ("trixie", "libglib2.0-0t64"),
        ("noble", "libglib2.0-0t64"),
    ],
)
def test_glib_has_the_name_of_the_release_and_stands_there_once(release, glib):
    needs = [Need("libglib2.0-0", "libglib-2.0.so.0"), Need("libglib2.0-0", "libgthread-2.0.so.0"), EGL]
    assert system_needs.packages(needs, release) == [glib, "libegl1"]


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (USER_ON_DEBIAN, "run this command:\n\n    sudo apt-get update && sudo apt-get install --yes "),
        (USER_WITHOUT_SUDO, "run this command as root:\n\n    apt-get update && apt-get install --yes "),
    ],
)
def test_a_person_who_is_not_root_is_told_one_command(apt, system, expected):
    with pytest.raises(messages.SetUpError) as stopped:
        system_needs.provide(appearing(EGL, CHINESE, INTER), system, first_time=True)
    assert expected in stopped.value.sentence
    assert stopped.value.sentence.count("apt-get install") == 1
    assert "libegl1 fonts-wqy-microhei fonts-inter\n" in stopped.value.sentence
    assert stopped.value.code == 2
    assert apt.calls == []


def test_other_linux_systems_are_told_the_names_of_the_libraries(apt):
    with pytest.raises(messages.SetUpError, match=r"libEGL\.so\.1; a font with Chinese characters") as stopped:
        system_needs.provide(appearing(EGL, CHINESE), ELSEWHERE, first_time=True)
    assert "apt-get" not in stopped.value.sentence
    assert apt.calls == []


def test_macos_and_windows_are_not_even_asked():
    def find():
        raise AssertionError("nothing is to be looked for here")

    system_needs.provide(find, MACOS, first_time=True)


def test_root_on_debian_gets_the_packages_installed_and_is_told(apt, capsys):
    system_needs.provide(appearing(EGL, INTER), ROOT_ON_DEBIAN, first_time=True)
    assert [call[:2] for call in apt.calls if call[0] == "apt-get"] == [["apt-get", "update"], ["apt-get", "install"]]
    assert apt.installed == ["libegl1", "fonts-inter"]
    assert capsys.readouterr().out == "Installing system packages with apt-get: libegl1 fonts-inter\n"


def test_a_font_that_the_release_does_not_offer_stops_nobody(apt):
    apt.offered = lambda name: name != "fonts-inter"
    system_needs.provide(appearing(EGL, INTER), ROOT_ON_DEBIAN, first_time=True)
    assert apt.installed == ["libegl1"]


def test_a_failing_apt_is_quoted(apt):
    apt.install_code = 100
    with pytest.raises(messages.SetUpError, match="E: no network") as stopped:
        system_needs.provide(appearing(EGL), ROOT_ON_DEBIAN, first_time=True)
    assert stopped.value.code == 1


def test_what_apt_does_not_cure_is_named(apt):
    with pytest.raises(messages.SetUpError, match=r"Still missing after apt-get: libEGL\.so\.1"):
        system_needs.provide(lambda: [EGL], ROOT_ON_DEBIAN, first_time=True)


@pytest.mark.parametrize("system", [ROOT_ON_DEBIAN, USER_ON_DEBIAN])
def test_what_is_only_nice_to_have_is_mentioned_once(apt, capsys, system):
    system_needs.provide(lambda: [INTER], system, first_time=True)
    assert "fonts-inter" in capsys.readouterr().out
    apt.calls.clear()
    system_needs.provide(lambda: [INTER], system, first_time=False)
    assert capsys.readouterr().out == ""
    assert apt.calls == []


def test_a_library_is_found_by_loading_it():
    assert not system_needs.loads("libnobody-has-this.so.77")
    if sys.platform.startswith("linux"):
        assert system_needs.loads("libc.so.6")


def test_a_font_is_found_by_asking_fontconfig():
    try:
        ctypes.CDLL("libfontconfig.so.1")
    except OSError:
        pytest.skip("no fontconfig on this system")
    assert not system_needs.has_font(":family=A Family That Nobody Drew")


def test_the_error_line_of_a_program_is_what_is_quoted():
    script = "print('Reading'); print('E: Unable to locate package x'); print('done'); raise SystemExit(100)"
    assert system_needs.run_quietly([sys.executable, "-c", script], {}) == (100, "E: Unable to locate package x")
    assert system_needs.run_quietly([sys.executable, "-c", ""], {}) == (0, "it said nothing")
