"""The package that ``pip install .`` makes."""

import subprocess
import sys
import zipfile

import pytest

from tests.packaging.scripts import CHECKOUT

BUILD = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, folder], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    [path] = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_every_resource_travels_inside(wheel):
    folder = CHECKOUT / "resources"
    wanted = {f"lmstudio_app/resources/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*.*")}
    assert wanted
    assert wanted <= set(wheel.namelist())


def test_every_module_travels_inside_and_no_test_does(wheel):
    wanted = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "lmstudio_app").rglob("*.py")}
    assert wanted <= set(wheel.namelist())
    assert not [name for name in wheel.namelist() if name.startswith(("tests/", "packaging/"))]


def test_the_command_and_the_licence_are_there(wheel):
    [entry_points] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert b"lmstudio-app = lmstudio_app.__main__:main" in wheel.read(entry_points)
    assert [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
