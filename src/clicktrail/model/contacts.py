"""Validates e-mail addresses and phone numbers. Libraries decide, without network access."""

import contextlib
import re
import unicodedata
from collections.abc import Callable, Mapping

import phonenumbers
from email_validator import EmailNotValidError, validate_email

RESERVED = ("test", "example", "invalid", "localhost")
"""Top-level names that belong to no one (RFC 2606). Tests use them, so they are valid here."""
_STAND_IN = ".example.com"
_zeros = re.compile(r"^[\s(]*00").match
_is_number = re.compile(r"[\s(]*\+?[\d\s().\-/]*\d{2}[\d\s().\-/]*\Z", re.ASCII).match


def read_email(value: str, region: str | None = None) -> str:
    """An address that can receive mail (RFC 5321, RFC 6531), unchanged. Raises ValueError."""
    del region
    is_reserved = value.rpartition("@")[2].rpartition(".")[2].lower() in RESERVED
    try:
        validate_email(value + _STAND_IN if is_reserved else value, check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueError(f"is not an e-mail address: {error}") from None
    return value


def read_phone(value: str, region: str | None = None) -> str:
    """A phone number in any usual spelling -> E.164, `+9876543210`. An extension follows as `;ext=5`.

    A leading `00` means `+`. A number without country code belongs to `region`. Raises ValueError.
    """
    zeros = _zeros(value)
    text = "+" + value[zeros.end() :] if zeros else value
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        local = f", or a local one of {region}" if region else ""
        raise ValueError(f"is not an international phone number such as +9876543210{local}")
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain};ext={number.extension}" if number.extension else plain


READERS: Mapping[str, Callable[[str, str | None], str]] = {"email": read_email, "phone": read_phone}
"""Contact key -> a function from the written value and the region of phone numbers to the stored value."""


def is_same(key: str, one: str, other: str) -> bool:
    """Whether two stored values are one contact. Earlier versions stored phone numbers as they were written."""
    return one == other or (key == "phone" and _digits(one) == _digits(other))


def spellings(text: str, region: str | None) -> list[str]:
    """The texts that a search for a contact uses: the text itself, and the stored form if it is (a part of) a phone
    number.

    A `+` within a number can only be a space in form encoding.
    """
    found = [text]
    text = text[:1] + text[1:].replace("+", " ") if _is_number(text[1:].replace("+", " ")) else text
    if _is_number(text):
        zeros = _zeros(text)
        found.append(_digits("+" + text[zeros.end() :] if zeros else text))
        with contextlib.suppress(ValueError):
            found.append(read_phone(text, region))
    return list(dict.fromkeys(found))


def name_contact(text: str, region: str | None) -> list[str]:
    """The spellings of the whole contact of a person. Spaces around it do not count, as where contacts are stored.
    Raises ValueError for what is no address and no whole number."""
    text = text.strip()
    found = [*spellings(text, region), *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))]
    numbers = [] if "@" in text else [number for each in found if (number := _find_phone(each, region))]
    if "@" not in text and not numbers:
        raise ValueError(
            "is neither an e-mail address nor a phone number with its country code, such as +49 30 1234567"
        )
    return list(dict.fromkeys([*found, *numbers]))


def _find_phone(text: str, region: str | None) -> str | None:
    try:
        return read_phone(text, region)
    except ValueError:
        return None


def _digits(value: str) -> str:
    return re.sub(r"[\s().\-/]", "", value)
