"""What makes an e-mail address or a phone number valid; both judged by libraries, without any network."""

from collections.abc import Callable, Mapping

import phonenumbers
from email_validator import EmailNotValidError, validate_email


def check_email(value: str) -> str:
    """An address that mail could be sent to (RFC 5321, RFC 6531), kept as it was written. Raises ValueError."""
    try:
        validate_email(value, check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueError(f"is not an e-mail address: {error}") from None
    return value


def check_phone(value: str) -> str:
    """An international number: `+`, country code, and as many digits as that country has. Raises ValueError."""
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not value.startswith("+") or not phonenumbers.is_possible_number(number):
        raise ValueError("is not an international phone number such as +9876543210")
    return value


CHECKS: Mapping[str, Callable[[str], str]] = {"email": check_email, "phone": check_phone}
"""Contact key -> the check of its value."""
