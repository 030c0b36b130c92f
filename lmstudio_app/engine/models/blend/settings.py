"""The settings of a blend: which runs it is made of, and how their shares are fitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lmstudio_app.engine import registry
from lmstudio_app.engine.registry import Family, register_family
from lmstudio_app.engine.settings import Problem, Settings, setting


class Member(Settings):
    """One model of a blend: the run it comes from, the step of its checkpoint, its family and the settings of its
    model. `same_text`: it learned from the training text that the shares are fitted on."""

    run: str
    step: int
    family: str
    model: dict[str, Any]
    same_text: bool = True

    @property
    def described(self) -> Family:
        """Its family, as the registry describes it."""
        return registry.family(self.family)

    @property
    def settings(self) -> Settings:
        """The settings of its model."""
        return self.described.settings(**self.model)


class BlendSettings(Settings):
    """What a blend is made of. The members are given when it is made; nobody sets them afterwards."""

    members: tuple[Member, ...] = ()
    held_out: float = setting(
        0.1,
        title="Held out",
        unit="share of the training text",
        minimum=0.01,
        maximum=0.5,
        help="The shares are fitted on this much of the end of the training text. Models that count are counted again "
        "without it for that. Validation and test are never looked at.",
    )

    def conflicts(self) -> Iterator[Problem]:
        """One model alone is no blend."""
        if len(self.members) < 2:
            yield Problem("members", "A blend is made of two runs or more.", {})


def parameters(settings: BlendSettings, vocabulary: int) -> int:
    """Those of all members; one that counts adds none."""
    return sum(member.described.parameters(member.settings, vocabulary) for member in settings.members)


def outline(settings: BlendSettings) -> str:
    """The names of its runs."""
    return " + ".join(member.run for member in settings.members)


FAMILY = register_family(
    Family(
        name="blend",
        title="Blend",
        summary="Finished runs as one model: their probabilities, mixed by shares that are fitted.",
        settings=BlendSettings,
        network="lmstudio_app.engine.models.blend.network",
        learning="counting",
        rung=9,
        presets={},
        parameters=parameters,
        outline=outline,
        learner="lmstudio_app.engine.models.blend.learner",
        composed=True,
    )
)
