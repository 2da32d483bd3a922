"""Checks texts of bodies and filters: any text, a URL, a page, a code, an origin."""

import re
import unicodedata
from typing import Any

import can_ada

from clicktrail.model.codes import check_code, check_visible
from clicktrail.model.people import MIN_PASSWORD
from clicktrail.model.postbacks import check_template
from clicktrail.model.uris import is_absolute, normalise_page

MAX_URL_BYTES = 8 * 1024
"""Maximum length of a `uri`, in bytes of UTF-8 (contract, section 3)."""
NO_NUL = "^[^\\u0000]*$"
MAX_ORIGINS = 100
ORIGIN_PATTERN = "^[hH][tT][tT][pP][sS]?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$"
_is_origin = re.compile(ORIGIN_PATTERN.replace("$", r"\Z"), re.ASCII).match


def check_text(value: Any) -> str:
    """A string without NUL: no engine here can index NUL."""
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if "\0" in value:
        raise ValueError("must not contain NUL characters")
    return value


def check_user_name(value: Any) -> str:
    """The name of a user in Unicode's composed form: two names that look the same are the same. Spaces around it do
    not count.
    """
    name = unicodedata.normalize("NFC", check_text(value).strip())
    if not name:
        raise ValueError("must not be empty")
    check_visible(name)
    return name


def check_new_password(value: Any) -> str:
    """Length is the only rule (`model.people`)."""
    password = check_text(value)
    if len(password) < MIN_PASSWORD:
        raise ValueError(f"must have at least {MIN_PASSWORD} characters")
    return password


def check_url(value: Any) -> str:
    """An absolute http or https URL as browsers read it (WHATWG), unchanged."""
    text = check_text(value)
    if text[:8].lower() != "https://" and text[:7].lower() != "http://":
        _check_size(text)
        raise ValueError("must be an absolute http or https URL")
    return check_uri(text)


def check_uri(value: Any) -> str:
    """The absolute URI of a click, also of an app (`myapp://offer`), unchanged."""
    text = check_text(value)
    _check_size(text)
    if text[:8].lower() != "https://" and text[:7].lower() != "http://":
        if text[:5].lower() == "http:" or text[:6].lower() == "https:" or not is_absolute(text):
            raise ValueError("must be an absolute URI such as https://my.example.org/ or myapp://offer")
        return text
    try:
        can_ada.parse(text)
    except ValueError:
        raise ValueError("is not a valid URL") from None
    return text


def _check_size(text: str) -> None:
    if len(text) > MAX_URL_BYTES or len(text.encode()) > MAX_URL_BYTES:
        raise ValueError(f"is longer than {MAX_URL_BYTES} bytes")


def check_page(value: Any) -> str:
    """A landing page -> its URL as browsers write it, so that the shown URL is the real target."""
    text = check_url(value)
    parsed = can_ada.parse(text)
    if parsed.username or parsed.password:
        raise ValueError("must have no user or password (`user@`) before the host")
    page = normalise_page(text)
    if len(page) > MAX_URL_BYTES:
        raise ValueError(f"is longer than {MAX_URL_BYTES} bytes")
    return page


def check_link_code(value: Any) -> str:
    text = check_text(value)
    check_code(text)
    return text


def check_postback_uri(value: Any) -> str:
    """An https URL with macros in its path and query."""
    text = check_url(value)
    check_template(text)
    return text


def check_origins(value: Any) -> str:
    """A list of web origins (scheme, host, maybe a port) -> their lower-case texts, separated by spaces."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_ORIGINS:
        raise ValueError(f"must be an array of 1 to {MAX_ORIGINS} origins")
    for each in value:
        if not isinstance(each, str) or not _is_origin(each):
            raise ValueError("must contain origins such as https://shop.example.org, without a path")
    return " ".join(map(find_origin, value))


def find_origin(url: str) -> str:
    """Scheme, host and port of an http URL, as browsers read and write them. Raises ValueError."""
    origin: str = can_ada.parse(url).origin
    return origin


def read_text(text: str) -> str:
    """Filter text, unchanged. NUL never matches anything, so it is refused."""
    if "\0" in text:
        raise ValueError("must not contain NUL characters")
    return text
