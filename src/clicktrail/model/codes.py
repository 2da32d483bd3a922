"""The code of a link: its allowed characters, so that every code can be followed and shows all its characters.

Codes that an earlier version accepted are still found.
"""

import re
import unicodedata

MAX_CODE = 128
"""Characters of the longest code."""
PATTERN = "^[^\\u0000-\\u001f\\u007f/\\\\]+$"
"""For JSON Schema: covers most of what `check_code` refuses."""
_NEVER_SHOWN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Default_Ignorable_Code_Point of Unicode, without those in the categories below."""
_REFUSED = {
    "Cc": "a control character",
    "Cf": "an invisible character",
    "Cn": "a character that Unicode does not define",
    "Co": "a character for private use",
    "Cs": "half of a character",
    "Zl": "a line break",
    "Zp": "a line break",
    "Zs": "a space other than the usual one",
}
"""Unicode category -> its description."""


def check_visible(text: str) -> None:
    """Raises ValueError for invisible characters and for spaces other than the usual one. Its text follows the
    name of the field.
    """
    for character in text:
        category = unicodedata.category(character)
        if character != " " and category in _REFUSED:
            raise ValueError(f"must not contain U+{ord(character):04X}, {_REFUSED[category]}")
    hidden = _NEVER_SHOWN.search(text)
    if hidden:
        raise ValueError(f"must not contain U+{ord(hidden[0]):04X}, an invisible character")


def check_code(code: str) -> None:
    """Raises ValueError. Its text follows the name of the field."""
    if not code:
        raise ValueError("must have at least one character")
    if code in (".", ".."):
        raise ValueError("must not be . or .., because browsers remove them from a path")
    if "/" in code or "\\" in code:
        raise ValueError("must not contain / or \\, because they separate the parts of a path")
    if code != code.strip(" ") or "  " in code:
        raise ValueError("must not begin or end with a space, or have two in a row")
    check_visible(code)
    if not unicodedata.is_normalized("NFC", code):
        raise ValueError("must be in Unicode's composed form (NFC), so that two codes cannot look the same")
