"""Tasks: found by the registry, told apart, and able to make batches and models without a word about torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from lmstudio_app.engine import registry
from lmstudio_app.engine.data.batches import WholeSplit, Windows
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.task import Drawing, task, tasks


class Splits:
    """A store of plain arrays."""

    def split(self, name: str) -> NDArray[np.uint16]:
        return np.arange({"training": 300, "validation": 100, "test": 50}[name], dtype=np.uint16)


def test_language_modelling_is_found() -> None:
    found = tasks()["language-modelling"]
    assert found.name == "language-modelling"
    assert found.title
    assert found.needs == {"causal"}
    assert task("language-modelling") is found


def test_an_unknown_task_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"no task “singing”.*language-modelling") as caught:
        task("singing")
    assert "language-modelling" in caught.value.choices


def test_gradient_families_get_windows_and_counting_families_the_whole_split() -> None:
    chosen = task("language-modelling")
    windows = chosen.batches(Splits(), Drawing(batch=3, context=10, seed=1, validation_tokens=50))
    assert isinstance(windows, Windows)
    assert windows.at(7).inputs.shape == (3, 10)
    assert sum(batch.inputs.size for batch in windows.validation()) == 50
    whole = chosen.batches(Splits(), None)
    assert isinstance(whole, WholeSplit)
    assert whole.at(1).inputs.shape == (1, 299)


def test_a_context_longer_than_the_text_is_refused() -> None:
    with pytest.raises(UserError, match="at most 99"):
        task("language-modelling").batches(Splits(), Drawing(batch=3, context=200, seed=1, validation_tokens=50))


def test_it_builds_a_model_of_every_family() -> None:
    for family in registry.families().values():
        settings = family.settings(**family.presets["tiny"])
        for model in (
            task("language-modelling").build(family, settings, 30, 1),
            task("language-modelling").blank(family, settings, 30),
        ):
            assert model.vocabulary == 30


def test_tasks_and_families_are_found_without_torch() -> None:
    program = (
        "import sys\n"
        "from lmstudio_app.engine import registry, task\n"
        "from lmstudio_app.engine.inspection import capture\n"
        "task.tasks(), registry.families()\n"
        "found = {'torch', 'tokenizers', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(str(found) if found else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
