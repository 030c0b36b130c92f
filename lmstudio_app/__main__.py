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
    if (folder := _window_folder(words)) is not None:
        import os
        from pathlib import Path

        from lmstudio_app.screen import can_open_window

        if can_open_window(os.environ):
            from lmstudio_app.gui.app import main as open_window

            return open_window(workspace=Path(folder) if folder else None)
    try:  # a command, or a window without a screen, which gets a sentence there
        from lmstudio_app.cli import main as run_command

        return run_command(words)
    except KeyboardInterrupt:  # while the command was still being read
        print("Error: Stopped by the keyboard.", file=sys.stderr)
        return 1


def _window_folder(words: Sequence[str]) -> str | None:
    """The workspace to open the window on ("": the usual one) where the words name no command; None where they do."""
    match words:
        case []:
            return ""
        case ["--workspace", folder] if folder.strip():
            return folder
        case [word] if word.startswith("--workspace=") and word.removeprefix("--workspace=").strip():
            return word.removeprefix("--workspace=")
    return None


if __name__ == "__main__":
    sys.exit(main())
