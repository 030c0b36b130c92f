"""The settings of an n-gram model."""

from __future__ import annotations

from typing import Literal

from lmstudio_app.engine.registry import Family, register_family
from lmstudio_app.engine.settings import Settings, setting

HIGHEST_ORDER = 7


class NgramSettings(Settings):
    """How far an n-gram model looks back, and what it makes of its counts.

    A run has one step per order: step k counts the runs of k tokens."""

    order: int = setting(
        5,
        title="Order",
        unit="tokens",
        minimum=1,
        maximum=HIGHEST_ORDER,
        help="Counts runs of up to this many tokens; the last one is foretold from those before it.",
    )
    smoothing: Literal["kneser-ney", "none"] = setting(
        "kneser-ney",
        title="Smoothing",
        choices={"kneser-ney": "Kneser–Ney", "none": "None (Markov chain)"},
        help="Kneser–Ney keeps some probability for what never occurred. The Markov chain of the textbook has plain "
        "shares of the counts; where a context never occurred, it takes the longest shorter one that did.",
    )
    floor: float = setting(
        1e-4,
        title="Floor of scores",
        unit="share guessed",
        above=0.0,
        maximum=0.5,
        advanced=True,
        help="Without smoothing, one token that never occurred there would make every loss infinite. So scores mix in "
        "this share of a uniform guess at each token. Writing and the table of transitions never do.",
    )


def parameters(settings: NgramSettings, vocabulary: int) -> int:
    """0: how many counts there will be is known only after counting."""
    return 0


def outline(settings: NgramSettings) -> str:
    """The order in words, and whether it is a plain Markov chain."""
    return f"order {settings.order}" if settings.smoothing == "kneser-ney" else f"Markov chain, order {settings.order}"


def score_note(settings: NgramSettings) -> str:
    """What the scores of a Markov chain have besides its own probabilities."""
    return "" if settings.smoothing == "kneser-ney" else f"a uniform guess mixed in with a share of {settings.floor:g}"


FAMILY = register_family(
    Family(
        name="ngram",
        title="n-gram",
        summary="Counts short runs of tokens, smoothed (Kneser–Ney) or not (Markov). Learns in seconds: the yardstick.",
        settings=NgramSettings,
        network="lmstudio_app.engine.models.ngram.network",
        learning="counting",
        rung=1,
        presets={"tiny": {"order": 3}, "small": {"order": 5}, "medium": {"order": 6}, "large": {"order": 7}},
        parameters=parameters,
        outline=outline,
        offers=frozenset({"decoding", "transitions"}),
        score_note=score_note,
        learner="lmstudio_app.engine.models.ngram.learner",
        counting_steps=lambda settings: settings.order,
    )
)
