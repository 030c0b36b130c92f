"""The window: PySide6, no torch below here."""
