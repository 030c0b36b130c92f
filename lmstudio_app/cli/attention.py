"""`attention`: what each head of a trained Transformer looks at, as a picture or as numbers."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from lmstudio_app.cli.options import Place
from lmstudio_app.cli.terminal import Terminal


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def attention(
        run: str,
        *,
        text: Annotated[str, Parameter(help="The text to read.", allow_leading_hyphen=True)],
        out: Annotated[Place, Parameter(help="Where to write: .png, .svg, .csv or .npz.")],
        layer: Annotated[int | None, Parameter(help="Draw one head large: its layer, from 1.")] = None,
        head: Annotated[int | None, Parameter(help="Draw one head large: its number, from 1.")] = None,
        checkpoint: Annotated[str, Parameter(help="best, last, or a step.")] = "best",
    ) -> None:
        """Write the attention of every head on a text."""
        from lmstudio_app.engine import pipeline

        pipeline.check_attention_format(out)
        trace = pipeline.inspect(terminal.workspace().run(run), text, checkpoint=checkpoint, heard=terminal.heard)
        pipeline.save_attention(trace, out, layer=layer, head=head)
        layers, heads = trace.attention.shape[:2]
        terminal.result(
            {
                "run": run,
                "step": terminal.step,
                "file": str(out.resolve()),
                "layers": layers,
                "heads": heads,
                "tokens": list(trace.tokens),
                "cut": trace.cut,
            },
            f"Wrote {out}: {layers} layers × {heads} heads over {len(trace.tokens)} tokens."
            + (
                f" The model sees {len(trace.tokens)} tokens at once, so the first {trace.cut} were cut."
                if trace.cut
                else ""
            ),
        )
