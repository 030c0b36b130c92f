"""Fits the shares of a blend: one step, on a piece of the training text that models which count have not counted.

Shapes: M members, N tokens of the held-out piece.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.batches import Batch
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import Likelihood, Model, State
from lmstudio_app.engine.models.blend.network import BlendModel, blank_member, mixed_nats
from lmstudio_app.engine.models.blend.settings import Member

ROUNDS = 1000
CLOSE = 1e-9
"""The fitting ends when no share moves by more."""


class CountingLearner:
    """Meets `Learner`: its one step fits the shares by expectation–maximisation (Jelinek and Mercer 1980).

    A model that counts knows by heart what it has counted, so it is counted anew without the held-out piece, which is
    then as new to it as any text. A model that learned by gradient is taken as it is. Where its run has held the piece
    out (`training.held_out`), that is fair; else it knows the piece better than new text, and gets too much.
    """

    def __init__(self, model: BlendModel) -> None:
        self.model = model
        self._rows: list[dict[str, Any]] = []

    def step(self, number: int, batch: Batch) -> None:
        """Fit the shares on the end of the text of `batch`. Raises `UserError` when it is too short for that."""
        tokens = np.concatenate((batch.inputs[0, :1], batch.targets[0]))
        held_out = round(len(tokens) * self.model.settings.held_out)
        if held_out < 1 or len(tokens) - held_out < 2:
            raise UserError("The training text is too short to hold a piece of it out. Add text.")
        nats = np.stack(
            [
                _nats(tokens, held_out, settings, model)
                for settings, model in zip(self.model.settings.members, self.model.members, strict=True)
            ]
        )
        self.model.shares = fitted_shares(nats)
        loss = float(mixed_nats(nats, self.model.shares).mean())
        shares = {f"share_{place}": share for place, share in enumerate(self.model.shares.tolist(), start=1)}
        self._rows.append({"step": number, "training_loss": loss, **shares})

    def measured(self) -> list[dict[str, Any]]:
        """A row per step since the last call: "step", "training_loss" (nats per token of the held-out piece), and
        "share_1", "share_2" … of the members in their order."""
        rows, self._rows = self._rows, []
        return rows

    def check(self, batch: Batch) -> Likelihood:
        """Score the targets of `batch`, each text on its own."""
        texts = np.concatenate((batch.inputs[:, :1], batch.targets), axis=1)
        return Likelihood(sum(float(self.model.score(text)[1:].sum()) for text in texts), batch.targets.size)

    def validated(self, loss: float) -> None:
        """The shares take no notice of it."""

    def state(self) -> State:
        """Members and shares."""
        return State(weights=self.model.weights())

    def load(self, state: State) -> None:
        """Go on from `state`. Raises `UserError` when it does not fit."""
        self.model.load_weights(state.weights)
        self._rows = []

    def snapshot(self) -> BlendModel:
        """The blend as it is now."""
        return self.model.copy()


def fitted_shares(nats: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shares (M,) of models that make a text likeliest, whose tokens cost them `nats` (M, N)."""
    chances = np.exp(nats.min(axis=0) - nats)  # relative to the best member, so that none underflows
    shares: NDArray[np.float64] = np.full(len(nats), 1 / len(nats))
    for _ in range(ROUNDS):
        given = shares[:, None] * chances
        after: NDArray[np.float64] = (given / given.sum(axis=0)).mean(axis=1)
        moved, shares = np.abs(after - shares).max(), after / after.sum()
        if moved < CLOSE:
            break
    return shares


def _nats(tokens: NDArray[np.int64], held_out: int, member: Member, model: Model) -> NDArray[np.float64]:
    """What each of the last `held_out` tokens costs a member."""
    first = len(tokens) - held_out
    if member.described.learning == "counting" and member.same_text:
        model = _counted_anew(tokens[:first], member, model.vocabulary)
    lead = first if model.context is None else min(first, model.context)
    nats: NDArray[np.float64] = model.score(tokens[first - lead :])[lead:]
    return nats


def _counted_anew(tokens: NDArray[np.int64], member: Member, vocabulary: int) -> Model:
    """A model like that of `member` that has counted `tokens` alone."""
    learner: Any = importlib.import_module(member.described.learner).CountingLearner(blank_member(member, vocabulary))
    batch = Batch(inputs=tokens[None, :-1], targets=tokens[None, 1:])
    for number in range(1, member.described.counting_steps(member.settings) + 1):
        learner.step(number, batch)
    counted: Model = learner.model
    return counted
