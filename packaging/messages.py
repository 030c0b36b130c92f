"""How set-up speaks to the person: one line at a time, and one sentence when it has to stop."""

USERS_TURN = 2
"""Exit code when the person has to do something first, such as running one command."""

FAILED = 1
"""Exit code when something broke that set-up tried to do itself."""


class SetUpError(Exception):
    """Set-up cannot go on; it carries the sentence to print and the exit code to end with."""

    def __init__(self, sentence: str, code: int = USERS_TURN) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


def say(sentence: str) -> None:
    """Print one line at once, so that it comes before the output of whatever is started next."""
    print(sentence, flush=True)
