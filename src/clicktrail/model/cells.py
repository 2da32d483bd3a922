"""Cells of a CSV file that a spreadsheet would run as a formula: told apart by an apostrophe in front, and back.

`restore(neutralise(text)) == text` for every text. A plain number is no formula, so a coordinate stays as it is.
"""

import re

FORMULA = "'*[=+@\\x00-\\x1f\\x7f-\\x9f\uff1d\uff0b\uff0d\uff20-]"
"""How a cell begins that a spreadsheet may run, maybe behind apostrophes. Full-width signs count in some languages.

Both patterns are read by Python and by the engine that renders files (RE2).
"""
NUMBER = "'*[+-]?[0-9]+([.][0-9]+)?"
"""A whole cell that is a number, maybe behind apostrophes."""
_formula = re.compile(FORMULA).match
_number = re.compile(NUMBER).fullmatch


def neutralise(cell: str) -> str:
    """The cell as a spreadsheet shows it, and does not run it."""
    return "'" + cell if _is_formula(cell) else cell


def restore(cell: str) -> str:
    """What `neutralise` was given."""
    return cell[1:] if cell[:1] == "'" and _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    return _formula(cell) is not None and _number(cell) is None
