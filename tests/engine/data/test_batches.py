"""Windows that follow each other round the text; random ones are tested where they train."""

from __future__ import annotations

import itertools

import numpy as np

from lmstudio_app.engine.data.batches import Streams

CONTEXT, ROWS, COUNT = 7, 3, 100


def streams(seed: int = 5) -> Streams:
    tokens = np.arange(COUNT, dtype=np.uint16)
    return Streams(tokens, tokens, batch=ROWS, context=CONTEXT, seed=seed, validation_tokens=20)


def test_every_row_goes_on_where_it_ended() -> None:
    source = streams()
    read = [source.at(step) for step in range(1, 40)]
    for before, after in itertools.pairwise(read):
        np.testing.assert_array_equal(after.inputs[:, 0], before.targets[:, -1])
    rows = np.concatenate([batch.inputs for batch in read], axis=1)
    assert all(set(row) == set(range(COUNT)) for row in rows)  # each goes round the whole text
    np.testing.assert_array_equal((rows + 1) % COUNT, np.concatenate([batch.targets for batch in read], axis=1))


def test_a_batch_is_a_function_of_seed_and_step() -> None:
    np.testing.assert_array_equal(streams().at(1_000_000).inputs, streams().at(1_000_000).inputs)
    assert len({streams(seed).at(1).inputs[0, 0] for seed in range(10)}) > 5
    starts = np.sort(streams().at(1).inputs[:, 0])
    assert np.diff(starts).min() >= COUNT // ROWS - 1
