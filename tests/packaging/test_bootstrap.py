"""The two commands: what they start, where, and how they end."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.scripts import CHECKOUT, PACKAGING, bootstrap, environment, messages


@pytest.fixture
def started(monkeypatch):
    """Runs ``main`` with set-up left out; collects what would have been started instead of starting it."""
    calls = []
    monkeypatch.setattr(bootstrap, "set_up", lambda *arguments: None)
    monkeypatch.setattr(bootstrap, "start", lambda own, words, environ: calls.append(words) or 0)
    monkeypatch.chdir(CHECKOUT)
    return calls


def without_screen(monkeypatch):
    monkeypatch.setattr(bootstrap, "has_screen", lambda environ: False)


def with_screen(monkeypatch):
    monkeypatch.setattr(bootstrap, "has_screen", lambda environ: True)


def test_app_opens_the_window_and_hands_words_on(started, monkeypatch):
    with_screen(monkeypatch)
    assert bootstrap.main(["app"]) == 0
    assert bootstrap.main(["app", "--workspace", "here"]) == 0
    assert started == [["lmstudio_app"], ["lmstudio_app", "--workspace", "here"]]


def test_without_a_screen_app_says_so_and_runs_the_demo(started, monkeypatch, capsys):
    without_screen(monkeypatch)
    assert bootstrap.main(["app"]) == 0
    assert bootstrap.main(["app", "--out", "there"]) == 0
    assert started == [["lmstudio_app", "demo"], ["lmstudio_app", "demo", "--out", "there"]]
    assert "no screen here" in capsys.readouterr().out


def test_a_command_of_the_terminal_needs_no_screen(started, monkeypatch, capsys):
    without_screen(monkeypatch)
    assert bootstrap.main(["app", "corpus", "list"]) == 0
    assert bootstrap.main(["app", "--version"]) == 0
    assert started == [["lmstudio_app", "corpus", "list"], ["lmstudio_app", "--version"]]
    assert capsys.readouterr().out == ""


def test_test_runs_the_whole_suite_from_the_checkout(started, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert bootstrap.main(["test", "-k", "canary"]) == 0
    assert bootstrap.main(["test"]) == 0
    assert started == [["pytest", "-k", "canary"], ["pytest", *bootstrap.IN_PARALLEL]]
    assert Path.cwd() == CHECKOUT


@pytest.mark.parametrize("words", [[], ["install"], ["--app"]])
def test_anything_else_shows_how_it_is_used(started, words, capsys):
    assert bootstrap.main(words) == 2
    assert capsys.readouterr().err.startswith("Usage: ")
    assert started == []


def test_help_is_no_error(started, capsys):
    assert bootstrap.main(["--help"]) == 0
    assert "opens the window" in capsys.readouterr().out
    assert started == []


def test_a_stop_ends_with_its_sentence_and_code(started, monkeypatch, capsys):
    def stop(*arguments):
        raise messages.SetUpError("Please run this command.", 2)

    monkeypatch.setattr(bootstrap, "set_up", stop)
    assert bootstrap.main(["test"]) == 2
    assert capsys.readouterr().err == "Please run this command.\n"
    assert started == []


def test_an_interruption_is_no_traceback(started, monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "set_up", interrupt)
    assert bootstrap.main(["app"]) == 1
    assert "Traceback" not in capsys.readouterr().err


class FakeEnvironment:
    """An environment whose probe answers from a list, and that notes what it was asked to do."""

    checkout = CHECKOUT
    for_tests = False

    def __init__(self, *answers):
        self.answers = list(answers)
        self.prepared = []

    def state(self):
        return environment.State.READY

    def prepare(self, state):
        self.prepared.append(state)

    def probe(self):
        return self.answers.pop(0)

    def write_launcher(self):
        self.prepared.append("launcher")


MACOS = bootstrap.System(is_linux=False)


def test_packages_that_vanished_are_installed_again():
    own = FakeEnvironment("absent: torch", None)
    bootstrap.set_up(own, MACOS, {})
    assert own.prepared == [environment.State.READY, environment.State.BUILD, "launcher"]


def test_a_qt_that_does_not_load_is_said_in_one_sentence():
    own = FakeEnvironment("ImportError: libnew.so.1: cannot open shared object file")
    with pytest.raises(messages.SetUpError, match=r"Qt does not work on this system: ImportError: libnew\.so\.1"):
        bootstrap.set_up(own, MACOS, {})


def test_what_is_started_finds_the_checkout_and_the_programs_of_its_environment(tmp_path):
    own = environment.Environment(tmp_path, for_tests=False)
    environ = bootstrap.child_environ(
        own, {"PATH": "/usr/bin", "PYTHONPATH": "/foreign", "PYTHONHOME": "/foreign", "A": "b"}
    )
    assert environ["PYTHONPATH"] == str(tmp_path)
    assert environ["PATH"].split(os.pathsep) == [str(own.programs), "/usr/bin"]
    assert environ["A"] == "b"
    assert "PYTHONHOME" not in environ


@pytest.mark.skipif(os.name != "posix", reason="only POSIX can put one program in another's place")
def test_the_exit_code_and_the_folder_are_those_of_what_was_started(tmp_path):
    script = (
        f"import sys; sys.path.insert(0, {str(PACKAGING)!r})\n"
        "import bootstrap, environment, os, pathlib\n"
        f"own = environment.Environment(pathlib.Path({str(tmp_path)!r}), for_tests=False)\n"
        "bootstrap.start(own, ['probe_module', 'x'], os.environ)\n"
    )
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (tmp_path / "probe_module.py").write_text("import os, sys; print(os.getcwd(), sys.argv[1]); sys.exit(7)\n", "utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run([sys.executable, "-c", script], cwd=elsewhere, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (7, f"{elsewhere} x", "")


def test_an_older_python_can_read_the_script_far_enough_to_be_told():
    source = (PACKAGING / "bootstrap.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    first = source.index("sys.version_info < (3, 11)")
    assert source[:first].count("import") == 1
