"""Controls and pictures of the window. They are fed plain values and know no run and no session."""
