"""Bundled corpora: text that grammars in `resources/samples/` write, of which the exact probability is known."""

from lmstudio_app.engine.data.samples.catalogue import Generated, Sample, generate, sample, samples

__all__ = ["Generated", "Sample", "generate", "sample", "samples"]
