"""What a check finds."""

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """One line of the report. `solution` is empty if there is no problem."""

    subject: str
    state: str
    solution: str = ""
    is_known: bool = True
    """False if this could not be checked, or nothing has happened yet that would show a problem."""

    @property
    def status(self) -> Literal["ok", "wrong", "unknown"]:
        if self.solution:
            return "wrong"
        return "ok" if self.is_known else "unknown"
