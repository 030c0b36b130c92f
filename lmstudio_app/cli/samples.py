"""`samples list`, `samples add`: the bundled corpora."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter

from lmstudio_app.cli.terminal import Terminal
from lmstudio_app.engine.events import CorpusReady
from lmstudio_app.engine.storage.names import check_name


def register(app: App, terminal: Terminal) -> None:
    """Add the commands to `app`."""
    samples = App(name="samples", help="Bundled corpora: list them, add one to the workspace.")
    app.command(samples)

    @samples.command(name="list")
    def list_samples() -> None:
        """All bundled corpora."""
        from lmstudio_app.engine.data.samples import samples as bundled

        described = [asdict(sample) for sample in bundled()]
        if terminal.json:
            terminal.result({"samples": described})
            return
        columns = ("name", "language", "approximate_bytes", "summary")
        rows = [[f"{d[c]:,}" if isinstance(d[c], int) else str(d[c]) for c in columns] for d in described]
        terminal.table([c.replace("_", " ") for c in columns], rows, "None are bundled.")

    @samples.command
    def add(
        sample: Annotated[str, Parameter(help="A name from `samples list`.")],
        *,
        name: Annotated[str | None, Parameter(help="What to call the corpus; by default the sample's title.")] = None,
    ) -> None:
        """Make a corpus of a bundled sample."""
        from lmstudio_app.engine import pipeline

        if name is not None:
            check_name(name)
        ready = terminal.follow_preparation(pipeline.prepare(terminal.workspace(make=True), sample=sample, name=name))
        assert isinstance(ready, CorpusReady)
        if not terminal.json:
            terminal.result({"corpus": ready.corpus, "folder": ready.folder})
