"""One file is one pane."""
