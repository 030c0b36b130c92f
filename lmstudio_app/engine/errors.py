"""What can go wrong in a way that a person can mend, told in one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence


class UserError(Exception):
    """A mistake or mishap outside the program: a file, a setting, a full disk.

    The sentence is kept as a literal `template` with named `values`, so that the window can translate the
    template whole and fill it in afterwards. `field` names the setting at fault ("model.width"); `choices`
    lists values that would work.
    """

    def __init__(self, template: str, *, field: str = "", choices: Sequence[object] = (), **values: object) -> None:
        self.template = template
        self.values = values
        self.field = field
        self.choices = tuple(choices)
        super().__init__(template.format(**{"field": field, **values}))
