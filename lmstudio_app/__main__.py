"""Opens the window, or hands a command to the terminal. `--version` answers before anything heavy is imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lmstudio_app import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the application with `arguments` (the process' own by default) and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["-V"]):
        print(f"lmstudio-app {__version__}")
        return 0
    if _opens_window(words):
        from lmstudio_app.gui.app import main as open_window

        return open_window(words)
    from lmstudio_app.cli import main as run_command

    return run_command(words)


def _opens_window(words: Sequence[str]) -> bool:
    """Whether the words name no command: nothing at all, or only a workspace."""
    if len(words) == 1:
        return words[0].startswith("--workspace=")
    return not words or (len(words) == 2 and words[0] == "--workspace")


if __name__ == "__main__":
    sys.exit(main())
