"""Opens the window, or hands a command to the terminal. `--version` answers before anything heavy is imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lmstudio_app import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the application with `arguments` (the process' own by default) and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["-V"]):
        try:
            print(f"lmstudio-app {__version__}", flush=True)
        except OSError:  # nobody listens
            return 1
        return 0
    if (folder := _window_folder(words)) is not None:
        import os
        from pathlib import Path

        from lmstudio_app.screen import is_screen_named

        if is_screen_named(os.environ):
            from lmstudio_app.gui.app import main as open_window

            return open_window(workspace=Path(folder) if folder else None, refused=lambda why: _no_window(words, why))
    try:  # a command, or a window without a screen, which gets a sentence there
        from lmstudio_app.cli import main as run_command

        return run_command(words)
    except KeyboardInterrupt:  # while the command was still being read
        print("Error: Stopped by the keyboard.", file=sys.stderr)
        return 1


def _no_window(words: Sequence[str], reason: str) -> int:
    """Say why no window can be shown; the exit code."""
    import os

    from lmstudio_app.cli import main as run_command
    from lmstudio_app.cli.terminal import Terminal
    from lmstudio_app.engine.errors import UserError
    from lmstudio_app.screen import has_screen

    if not has_screen(os.environ):
        return run_command(words)
    terminal = Terminal()
    sentence = "Qt cannot open a window here: {reason}. What is missing says: {check}"
    terminal.fail(UserError(sentence, reason=reason.rstrip(". "), check=terminal.command("check")))
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
