"""`demo`: the whole way, from text to pictures, in about a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from lmstudio_app.cli.options import Place
from lmstudio_app.cli.terminal import Terminal
from lmstudio_app.cli.train import Display
from lmstudio_app.engine.events import CorpusReady, GenerationEnded, PromptRead, TokenWritten


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def demo(*, out: Annotated[Place, Parameter(help="Where the pictures go.")] = Path("lmstudio-app-demo")) -> None:
        """Train a small GPT on the bundled stories, print what it writes, and save two pictures."""
        from lmstudio_app.engine import pipeline
        from lmstudio_app.engine.pipeline.demonstrate import Demonstrated

        terminal.say("The bundled stories, a small GPT, about a minute on two CPU cores.")
        show = Display(terminal)
        with terminal.bars() as bars:
            for event in pipeline.demonstrate(terminal.workspace(make=True), out):
                if isinstance(event, PromptRead | TokenWritten | GenerationEnded):
                    continue  # the text comes whole, below
                terminal.event(event)
                if isinstance(event, CorpusReady):
                    terminal.say(f"Corpus {event.corpus}: {event.folder}")
                elif isinstance(event, Demonstrated):
                    done = event
                else:
                    show.event(event, bars)
        terminal.say(f"\nIt writes:\n\n{done.text}\n\nPictures: {done.loss_picture} and {done.attention_picture}")
        go_on = terminal.command("generate", done.run, "--prompt", "Once")
        terminal.say(f"Folder {done.folder}\nGo on with: {go_on}")
