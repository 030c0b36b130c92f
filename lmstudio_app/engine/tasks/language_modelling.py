"""Language modelling: foretell the next token at every place of a text."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from lmstudio_app.engine.data.batches import Batches, Streams, WholeSplit, Windows
from lmstudio_app.engine.registry import Family
from lmstudio_app.engine.settings import Settings
from lmstudio_app.engine.task import LANGUAGE_MODELLING, Drawing, Need, Splits, register_task

if TYPE_CHECKING:
    from lmstudio_app.engine.model import Model


@dataclass(frozen=True)
class LanguageModelling:
    """Every family can do it: a causal body gets a head over the vocabulary, a whole family (n-gram) brings its own
    objective. Either way the family's network module makes the model."""

    name: str = LANGUAGE_MODELLING
    title: str = "Language modelling"
    needs: frozenset[Need] = frozenset({"causal"})

    def batches(self, store: Splits, drawing: Drawing | None) -> Batches:
        """Random or consecutive windows of the training split, or the whole split for a family that counts. Raises
        `UserError` when a split is too short."""
        training, validation = store.split("training"), store.split("validation")
        if drawing is None:
            return WholeSplit(training, validation)
        kind = Streams if drawing.consecutive else Windows
        return kind(
            training,
            validation,
            batch=drawing.batch,
            context=drawing.context,
            seed=drawing.seed,
            validation_tokens=drawing.validation_tokens,
        )

    def build(self, family: Family, settings: Settings, vocabulary: int, seed: int) -> Model:
        """A model with fresh weights; torch's global generator stays where it was."""
        network = importlib.import_module(family.network)
        return cast("Model", network.build(settings, vocabulary, seed))

    def blank(self, family: Family, settings: Settings, vocabulary: int) -> Model:
        """A model whose weights are about to be loaded."""
        network = importlib.import_module(family.network)
        return cast("Model", network.blank(settings, vocabulary))


register_task(LanguageModelling())
