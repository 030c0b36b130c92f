"""The convolutional family: causal, dilated, gated convolutions."""
