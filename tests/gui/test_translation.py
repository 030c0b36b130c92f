"""Declared words in the language of the window."""

from __future__ import annotations

import pytest

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.registry import family
from lmstudio_app.engine.settings import SettingsError, read
from lmstudio_app.gui.translation import declared, model_words, sentence
from tests.gui.pseudo_language import installed


def test_words_are_looked_up_whole_and_filled_afterwards():
    assert declared("") == ""
    assert declared("Steps") == "Steps"
    with installed():
        told = declared("There is no run “{name}”.", name="x")
    assert told.startswith("⟦There is no run “x”.")
    assert told.endswith("⟧")


def test_a_persons_mistake_is_told_in_its_own_sentence():
    error = UserError("“{path}” is not there.", path="a.txt")
    assert sentence(error) == "“a.txt” is not there."
    with installed():
        assert sentence(error).startswith("⟦“a.txt” is not there.")


def test_a_wrong_setting_names_its_field():
    with pytest.raises(SettingsError) as caught:
        read(family("gpt").settings, {"width": 130, "heads": 4}, "model")
    assert sentence(caught.value) == "model.width: Must divide evenly by 4 heads."


def test_a_bug_is_told_by_its_kind():
    assert sentence(ZeroDivisionError("division by zero")) == "ZeroDivisionError: division by zero"


def test_a_model_in_few_words():
    assert model_words("recurrent", "LSTM 2 × 192") == "LSTM 2 × 192"
    assert model_words("gpt", "4 × 4 × 128").endswith("4 × 4 × 128")
    assert model_words("gone", "3 × 3") == "gone 3 × 3"
