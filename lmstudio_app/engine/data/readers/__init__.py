"""One file is one format. A reader registers itself at the bottom of its module."""
