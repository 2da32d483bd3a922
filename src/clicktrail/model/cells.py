"""CSV cells that a spreadsheet would run as a formula. An apostrophe in front prevents that, and can be removed again.

`restore(neutralise(text)) == text` for every text. A plain number is no formula, so a coordinate stays as it is.
"""

import re

FORMULA = "'*[=+@\\x00-\\x1f\\x7f-\\x9f\uff1d\uff0b\uff0d\uff20-]"
"""The beginning of a cell that a spreadsheet may run, maybe after apostrophes. Some languages use full-width signs.

Python and the engine that renders files (RE2) read both patterns.
"""
NUMBER = "'*[+-]?[0-9]+([.][0-9]+)?"
"""A whole cell that is a number, with or without apostrophes in front."""
_formula = re.compile(FORMULA).match
_number = re.compile(NUMBER).fullmatch


def neutralise(cell: str) -> str:
    """The cell in a form that a spreadsheet shows and does not run."""
    return "'" + cell if _is_formula(cell) else cell


def restore(cell: str) -> str:
    """The opposite of `neutralise`."""
    return cell[1:] if cell[:1] == "'" and _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    return _formula(cell) is not None and _number(cell) is None
