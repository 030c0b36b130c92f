"""`train` and `resume` under torchrun: the first process shows the training, the others only compute.

Which of them this is stands in the environment; torch is not needed to ask.
"""

from __future__ import annotations

import signal

from lmstudio_app.cli.terminal import Stuck
from lmstudio_app.engine.training import ranks
from lmstudio_app.engine.training.lines import RankLost


def is_first() -> bool:
    """Whether this is rank 0 of several."""
    place = ranks.launched()
    return place is not None and place.rank == 0


def beside_the_first() -> bool:
    """Whether this is one of several processes, and not rank 0."""
    place = ranks.launched()
    return place is not None and place.rank > 0


def follow() -> None:
    """Compute what rank 0 says. It is the one to be asked to stop; when it ends, so does this."""
    from lmstudio_app.engine import pipeline

    try:
        pipeline.follow_ranks(_heed_the_first_alone)
    except RankLost as error:
        raise Stuck("{reason} Resume the run to go on from its last checkpoint.", reason=str(error)) from error


def _heed_the_first_alone() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
