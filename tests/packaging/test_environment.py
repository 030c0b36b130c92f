"""When ``.venv`` is made, completed, made anew or left alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.scripts import environment, messages

State = environment.State
HERE = list(sys.version_info[:2])
LOCKS = {"requirements.lock": "a" * 64}


def stamp(**changes):
    return {"complete": True, "folder": str(Path("/app/.venv")), "python": HERE, "locks": LOCKS} | changes


def decide(stamp, *, version=(3, 11), hashes=LOCKS):
    if stamp is not None and stamp["python"] == HERE:
        stamp = stamp | {"python": list(version) if version else None}
    return environment.decide(stamp, version, Path("/app/.venv"), hashes)


def test_what_is_complete_is_left_alone():
    assert decide(stamp()) is State.READY


def test_tests_need_what_the_application_alone_does_not():
    both = LOCKS | {"requirements-test.lock": "b" * 64}
    assert decide(stamp(), hashes=both) is State.INSTALL
    assert decide(stamp(locks=both), hashes=both) is State.READY
    assert decide(stamp(locks=both)) is State.READY


def test_a_changed_lock_is_installed_over_the_old_one():
    assert decide(stamp(), hashes={"requirements.lock": "c" * 64}) is State.INSTALL


def test_an_interrupted_installation_is_done_again_from_the_start():
    assert decide(stamp(complete=False, python=None, locks={})) is State.BUILD


def test_a_moved_checkout_is_made_anew():
    assert decide(stamp(folder="/elsewhere/.venv")) is State.BUILD


def test_another_python_is_made_anew():
    assert decide(stamp(python=[3, 12])) is State.BUILD


@pytest.mark.parametrize("version", [None, (3, 9)])
def test_a_python_that_is_gone_or_too_old_is_made_anew(version):
    assert decide(stamp(), version=version) is State.BUILD
    assert decide(None, version=version) is State.BUILD


def test_what_somebody_else_made_is_kept():
    assert decide(None) is State.INSTALL


@pytest.fixture
def checkout(tmp_path):
    """A checkout with locks that ask for nothing, so that pip needs no network."""
    (tmp_path / "packaging").mkdir()
    for name in (environment.RUNTIME_LOCK, environment.TEST_LOCK):
        (tmp_path / "packaging" / name).write_text(f"# {name}\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def made(checkout):
    """The checkout's ``.venv``, really made once, without pip to be quick."""
    own = environment.Environment(checkout, for_tests=False)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", own.folder], check=True)
    own.write_stamp(complete=True)
    return own


def test_a_real_environment_is_recognised(made):
    assert made.state() is State.READY
    assert made.python_version() == sys.version_info[:2]
    assert environment.Environment(made.checkout, for_tests=True).state() is State.INSTALL


def test_a_folder_that_is_not_there_is_built(checkout):
    assert environment.Environment(checkout, for_tests=False).state() is State.BUILD


def test_a_deleted_python_is_noticed(made):
    made.python.unlink()
    assert made.state() is State.BUILD


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_damaged_stamp_counts_as_none(made, text):
    (made.folder / environment.STAMP).write_text(text, encoding="utf-8")
    assert made.read_stamp() is None
    assert made.state() is State.INSTALL


def test_building_says_so_and_marks_the_folder_before_it_works(checkout, monkeypatch, capsys):
    own = environment.Environment(checkout, for_tests=False)
    own.folder.mkdir()
    (own.folder / "leftover").touch()

    def interrupted(*arguments, **options):
        assert own.read_stamp()["complete"] is False
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(environment.subprocess, "run", interrupted)
        own.prepare(State.BUILD)
    assert not (own.folder / "leftover").exists()
    assert own.state() is State.BUILD
    assert "making it anew" in capsys.readouterr().out


class FakePip:
    """Stands in for pip: writes to its log, checks the stamp of the moment, and succeeds or fails."""

    def __init__(self, failure=None, logged=""):
        self.failure = failure
        self.logged = logged
        self.stamps = []

    def install_in(self, own):
        def run_pip(log):
            self.stamps.append(own.read_stamp())
            log.write_text(self.logged, encoding="utf-8")
            return self.failure

        own.run_pip = run_pip
        own.has_pip = lambda: True
        return self


def test_the_stamp_is_complete_only_after_the_last_package(made):
    pip = FakePip().install_in(made)
    made.prepare(State.INSTALL)
    assert [stamp["complete"] for stamp in pip.stamps] == [False]
    assert made.state() is State.READY


def test_an_update_that_could_not_even_be_fetched_keeps_what_works(made):
    before = made.read_stamp()
    FakePip(failure="ERROR: No matching distribution found for torch==2.13.0\n").install_in(made)
    with pytest.raises(messages.SetUpError, match=r"offers no torch==2\.13\.0"):
        made.prepare(State.INSTALL)
    assert made.read_stamp() == before
    (made.folder / environment.STAMP).unlink()
    with pytest.raises(messages.SetUpError):
        made.prepare(State.INSTALL)
    assert made.state() is State.INSTALL


def test_an_update_that_broke_off_in_the_middle_is_not_trusted(made):
    FakePip(failure="ERROR: broken", logged=f"{environment.PIP_CHANGES_FILES}: torch").install_in(made)
    with pytest.raises(messages.SetUpError, match="broken"):
        made.prepare(State.INSTALL)
    assert made.state() is State.BUILD


def test_a_folder_that_cannot_be_written_is_named(checkout, monkeypatch):
    own = environment.Environment(checkout, for_tests=False)

    def refuse(self, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(messages.SetUpError, match="Copy this checkout to a folder of your own"):
        own.prepare(State.BUILD)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/anyio/\n"
            "ERROR: No matching distribution found for anyio==4.16.0\n",
            "pip reaches no package index",
        ),
        ("ERROR: No matching distribution found for torch==2.13.0\n", "offers no torch==2.13.0 for Python 3."),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n", "disk is full"),
        (
            "WARNING: Retrying after connection broken by "
            "'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))': /simple/x/\n",
            "certificate",
        ),
        ("WARNING: x\nERROR: ResolutionImpossible: a and b\n", "could not install the packages: ResolutionImpossible"),
        ("", "no reason was given"),
    ],
)
def test_a_failing_pip_gets_one_sentence(errors, expected):
    sentence = environment.explain_pip(errors)
    assert expected in sentence
    assert "\n" not in sentence


def test_pip_keeps_the_persons_settings_but_installs_into_the_environment():
    own = environment.pip_environment(
        {"PIP_INDEX_URL": "kept", "PIP_TARGET": "/x", "PIP_USER": "1", "PYTHONPATH": "/y"}
    )
    assert own["PIP_INDEX_URL"] == "kept"
    assert own["PIP_USER"] == "0"
    assert own["PIP_DISABLE_PIP_VERSION_CHECK"] == "1"
    assert not {"PIP_TARGET", "PYTHONPATH"} & own.keys()


def test_a_second_set_up_of_the_same_checkout_waits(tmp_path):
    pytest.importorskip("fcntl", reason="this system has no such locks")
    script = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with environment.alone(tmp_path):
        held = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False)
        assert "BlockingIOError" in held.stderr
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True)


def test_the_stamp_is_plain_json(made):
    written = json.loads((made.folder / environment.STAMP).read_text(encoding="utf-8"))
    assert written == {
        "complete": True,
        "folder": str(made.folder),
        "python": HERE,
        "locks": made.hashes(),
    }


@pytest.mark.skipif(os.name != "posix", reason="the launcher for POSIX is a shell script")
@pytest.mark.parametrize("place", ["plain", "with spaces and 'quotes'", "mit Ümläuten 目录"])
def test_the_launcher_runs_the_checkout_from_any_folder(tmp_path, place):
    checkout, elsewhere = tmp_path / place, tmp_path / "elsewhere"
    (checkout / "lmstudio_app").mkdir(parents=True)
    probe = "import os, sys; print(os.getcwd(), *sys.argv[1:], sep='|'); sys.exit(7)\n"
    (checkout / "lmstudio_app" / "__main__.py").write_text(probe, encoding="utf-8")
    own = environment.Environment(checkout, for_tests=False)
    own.programs.mkdir(parents=True)
    own.python.symlink_to(sys.executable)
    own.write_launcher()
    (elsewhere / "lmstudio_app").mkdir(parents=True)  # takes nobody's place
    link = tmp_path / "link"
    link.symlink_to(own.launcher)
    for command in (own.launcher, link):
        done = subprocess.run(
            [command, "a b", "*", ""], cwd=elsewhere, capture_output=True, encoding="utf-8", check=False
        )
        assert (done.returncode, done.stdout) == (7, f"{elsewhere}|a b|*|\n"), done.stderr


def test_the_launcher_is_made_again_when_it_is_not_what_it_should_be(tmp_path):
    own = environment.Environment(tmp_path, for_tests=False)
    own.programs.mkdir(parents=True)
    own.write_launcher()
    content, made = own.launcher.read_bytes(), own.launcher.stat().st_mtime_ns
    own.write_launcher()
    assert own.launcher.stat().st_mtime_ns == made
    own.launcher.write_bytes(b"other")
    own.write_launcher()
    assert own.launcher.read_bytes() == content
    own.launcher.unlink()
    own.write_launcher()
    assert own.launcher.read_bytes() == content
    assert [path.name for path in own.programs.iterdir()] == [own.launcher.name]


def test_the_launcher_for_windows_writes_no_letter_of_the_path():
    lines = environment.launcher_for_windows().decode("ascii").splitlines()
    assert lines[-1] == '@"%~dp0python.exe" -P -m lmstudio_app %*'
