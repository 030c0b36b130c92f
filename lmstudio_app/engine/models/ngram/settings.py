"""The settings of an n-gram model."""

from __future__ import annotations

from lmstudio_app.engine.registry import Family, register_family
from lmstudio_app.engine.settings import Settings, setting

HIGHEST_ORDER = 7


class NgramSettings(Settings):
    """How far an n-gram model looks back. A run has one step per order: step k counts the runs of k tokens."""

    order: int = setting(
        5,
        title="Order",
        unit="tokens",
        minimum=1,
        maximum=HIGHEST_ORDER,
        help="Counts runs of up to this many tokens; the last one is foretold from those before it.",
    )


def parameters(settings: NgramSettings, vocabulary: int) -> int:
    """0: how many counts there will be is known only after counting."""
    return 0


def outline(settings: NgramSettings) -> str:
    """The order in words."""
    return f"order {settings.order}"


FAMILY = register_family(
    Family(
        name="ngram",
        title="n-gram",
        summary="Counts short runs of tokens and smooths the counts (Kneser–Ney). Learns in seconds: the yardstick.",
        settings=NgramSettings,
        network="lmstudio_app.engine.models.ngram.network",
        learning="counting",
        rung=1,
        presets={"tiny": {"order": 3}, "small": {"order": 5}, "medium": {"order": 6}, "large": {"order": 7}},
        parameters=parameters,
        outline=outline,
        learner="lmstudio_app.engine.models.ngram.learner",
        counting_steps=lambda settings: settings.order,
    )
)
