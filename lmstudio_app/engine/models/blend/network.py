"""A blend of models: at every place the mean of their probabilities, weighted by one share for each.

Shapes: M members, N tokens of a text, V vocabulary.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import Decoding, Model
from lmstudio_app.engine.models.blend.settings import BlendSettings, Member

SHARES = "shares"
SUM_TOLERANCE = 1e-6


class BlendModel:
    """Meets `Model`. `members` are models with one vocabulary, `shares` (M,) add up to 1."""

    def __init__(self, settings: BlendSettings, members: Sequence[Model], vocabulary: int) -> None:
        self.settings, self.vocabulary = settings, vocabulary
        self.members = tuple(members)
        self.shares: NDArray[np.float64] = np.full(len(self.members), 1 / len(self.members))

    @property
    def parts(self) -> tuple[str, ...]:
        """What each member is called (M)."""
        return tuple(member.run for member in self.settings.members)

    @property
    def context(self) -> int | None:
        """That of the member that sees most; None when one of them carries a state of any length."""
        contexts = [member.context for member in self.members]
        return None if None in contexts else max(cast(list[int], contexts))

    def begin(self, prompt: NDArray[np.int64]) -> BlendDecoding:
        """Every member reads `prompt` (T,)."""
        return BlendDecoding([member.begin(prompt) for member in self.members], self.shares)

    def score(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        """Nats of each token (N,): −ln of the mixed probability, each member in its own way."""
        return mixed_nats(np.stack([member.score(tokens) for member in self.members]), self.shares)

    def weights(self) -> dict[str, NDArray[Any]]:
        """The shares, and the arrays of each member under its number."""
        return packed([member.weights() for member in self.members], self.shares)

    def load_weights(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take shares and members over. Raises `UserError` when something is missing or does not fit."""
        shares = np.array(weights.get(SHARES, ()), dtype=np.float64)
        sound = shares.shape == self.shares.shape and bool((shares >= 0).all())
        if not sound or not abs(shares.sum() - 1) < SUM_TOLERANCE:
            raise UserError("The checkpoint is damaged: it lacks the shares of the blend. Make the blend again.")
        for number, member in enumerate(self.members):
            prefix = _prefix(number)
            own = {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}
            member.load_weights(own)
        self.shares = shares

    def copy(self) -> BlendModel:
        """The same members, which never change, with shares of its own."""
        other = copy.copy(self)
        other.shares = self.shares.copy()
        return other


class BlendDecoding:
    """Meets `Decoding`: all members read the same text."""

    def __init__(self, members: Sequence[Decoding], shares: NDArray[np.float64]) -> None:
        self._members, self._shares = members, shares
        self._mix()

    @property
    def logits(self) -> NDArray[np.float32]:
        """The log-probabilities of the next token (V,)."""
        return self._logits

    def parts(self, token: int) -> tuple[float, ...]:
        """Which share of the probability of `token`, coming next, each member gives (M)."""
        given = self._shares * self._chances[:, token]
        total = given.sum()
        return tuple((given / total if total > 0 else self._shares).tolist())

    def advance(self, token: int) -> None:
        """Append `token` for every member."""
        for member in self._members:
            member.advance(token)
        self._mix()

    def _mix(self) -> None:
        self._chances = np.stack([_softmax(member.logits) for member in self._members])  # (M, V)
        with np.errstate(divide="ignore"):  # a Markov chain gives 0 to what never followed
            self._logits = np.log(self._shares @ self._chances).astype(np.float32)


def build(settings: BlendSettings, vocabulary: int, seed: int) -> BlendModel:
    """There is no fresh blend: it begins with the models of its runs. Raises `UserError`."""
    raise UserError("The blend has lost the models that it is made of. Make it again from its runs.")


def blank(settings: BlendSettings, vocabulary: int) -> BlendModel:
    """A blend whose members are about to be loaded."""
    return BlendModel(settings, [blank_member(member, vocabulary) for member in settings.members], vocabulary)


def blank_member(member: Member, vocabulary: int) -> Model:
    """A model of the member's family and settings, without weights, ready to be used once it has them."""
    family = member.described
    model: Any = importlib.import_module(family.network).blank(member.settings, vocabulary)
    if family.learning == "gradient":
        model.eval()
    return cast(Model, model)


def packed(members: Sequence[Mapping[str, NDArray[Any]]], shares: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """The arrays of all members in one, as a checkpoint holds them."""
    named = {f"{_prefix(n)}{name}": array for n, own in enumerate(members) for name, array in own.items()}
    return named | {SHARES: shares.copy()}


def mixed_nats(nats: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """−ln Σ share · exp(−nats) over members, for `nats` (M, N) → (N,)."""
    with np.errstate(divide="ignore"):
        terms = np.log(shares)[:, None] - nats
    highest = terms.max(axis=0)
    safe = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        mixed: NDArray[np.float64] = -(safe + np.log(np.exp(terms - safe).sum(axis=0)))
    return mixed


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    chances: NDArray[np.float64] = exponentials / exponentials.sum()
    return chances


def _prefix(number: int) -> str:
    return f"member_{number + 1}."
