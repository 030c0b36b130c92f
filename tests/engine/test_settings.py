"""Settings read from outside: what no file could hold is refused at its field."""

from __future__ import annotations

import pytest

from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.settings import SettingsError, read
from lmstudio_app.engine.training.settings import TrainingSettings


def test_half_a_character_is_refused_at_its_field() -> None:
    with pytest.raises(SettingsError) as refused:
        read(TrainingSettings, {"sample_prompt": "a\udce9b"}, "training")
    (problem,) = refused.value.problems
    assert problem.field == "training.sample_prompt"
    assert (
        str(problem).encode("utf-8").decode("utf-8")
        == "“a\N{REPLACEMENT CHARACTER}b” has half a character in it. Write it as UTF-8."
    )
    with pytest.raises(SettingsError, match="half a character"):
        read(SamplingSettings, {"stop": "\ud800"}, "sampling")
    assert read(TrainingSettings, {"sample_prompt": "𝄞"}).sample_prompt == "𝄞"
