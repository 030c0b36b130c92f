"""`export-job`: a run as a folder that trains elsewhere."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from lmstudio_app.cli.options import Place
from lmstudio_app.cli.terminal import Terminal


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def export_job(
        run: str,
        *,
        out: Annotated[Place, Parameter(help="The folder to make.")],
        nodes: Annotated[int, Parameter(help="How many machines.")] = 1,
        gpus_per_node: Annotated[int, Parameter(help="How many GPUs each has; 0 is one process on the processor.")] = 1,
    ) -> None:
        """Write a folder in which a run can be trained anew on another machine or a cluster (torchrun, SLURM)."""
        from lmstudio_app.engine import pipeline

        opened = terminal.workspace().run(run)
        folder = pipeline.export_job(opened, out, nodes=nodes, gpus_per_node=gpus_per_node)
        terminal.result(
            {"run": run, "folder": str(folder)}, f"Wrote {folder}. What to do there is said in {folder / 'README.txt'}."
        )
