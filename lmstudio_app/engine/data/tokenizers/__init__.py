"""One file is one way to cut text into tokens. Their face is `data/tokenizer.py`."""
