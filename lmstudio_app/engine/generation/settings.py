"""The settings of writing text. Imports no numpy, so that a form can be made from them early."""

from __future__ import annotations

from lmstudio_app.engine.settings import Settings, setting


class SamplingSettings(Settings):
    """How the next token is drawn from what the model expects, and when to end."""

    temperature: float = setting(
        0.8,
        title="Temperature",
        minimum=0.0,
        maximum=5.0,
        help="Below 1 is safer, above 1 is wilder; 0 always takes the likeliest token.",
    )
    top_k: int = setting(
        0,
        title="Top-k",
        unit="tokens",
        minimum=0,
        maximum=65_536,
        help="Keeps at most this many of the likeliest tokens; 0 keeps all.",
    )
    top_p: float = setting(
        1.0,
        title="Top-p",
        above=0.0,
        maximum=1.0,
        help="Keeps the likeliest tokens until their chances add up to this; 1 keeps all.",
    )
    seed: int = setting(1, title="Seed", minimum=0, maximum=2**31 - 1, help="The same seed writes the same text.")
    length: int = setting(
        200, title="Length", unit="tokens", minimum=1, maximum=100_000, help="Ends after this many tokens."
    )
    stop: str = setting("", title="Stop text", help="Ends before this text where it comes up; empty never does.")
