"""Countries of ISO 3166-1: codes, a label point each, and CLDR names in any language.

`countries.csv` in this directory holds public-domain facts (see NOTICE). Names in other languages than English are
CLDR's, from babel.
"""

import csv
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files

import msgspec
from babel import Locale, UnknownLocaleError, localedata

from clicktrail.model.weights import parse_weights

ENGLISH = "en"
_MAX_TAGS = 32
"""Maximum number of tags that are looked up per header."""


class Country(msgspec.Struct, frozen=True):
    """`latitude` and `longitude` are decimal degrees of the country's label point, or None if it has none."""

    alpha2: str
    alpha3: str
    numeric: str
    name: str
    latitude: float | None
    longitude: float | None


def _read() -> dict[str, Country]:
    text = files(__package__).joinpath("countries.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return {
        row["alpha2"]: Country(
            alpha2=row["alpha2"],
            alpha3=row["alpha3"],
            numeric=row["numeric"],
            name=row["name"],
            latitude=float(row["latitude"]) if row["latitude"] else None,
            longitude=float(row["longitude"]) if row["longitude"] else None,
        )
        for row in rows
    }


BY_ALPHA2: Mapping[str, Country] = _read()
BY_NUMERIC: Mapping[str, Country] = {country.numeric: country for country in BY_ALPHA2.values()}


@cache
def country_names(language: str = ENGLISH) -> Mapping[str, str]:
    """alpha-2 -> name in `language` (a CLDR locale such as `de` or `pt_BR`). English if CLDR has no name."""
    english = {code: country.name for code, country in BY_ALPHA2.items()}
    if language == ENGLISH:
        return english
    territories = Locale.parse(language).territories
    return {code: territories.get(code, name) for code, name in english.items()}


@lru_cache(maxsize=1024)
def choose_language(accept_language: str) -> str:
    """An Accept-Language header -> its best locale that CLDR knows, by quality; English if there is none."""
    weights = parse_weights(accept_language)
    tags = sorted((tag for tag, weight in weights.items() if weight), key=lambda tag: -weights[tag])
    return next((locale for locale in map(_known_locale, tags[:_MAX_TAGS]) if locale), ENGLISH)


def _known_locale(tag: str) -> str | None:
    """The CLDR locale of a language tag, or of its language alone; None if CLDR has neither."""
    if not tag.isascii() or len(tag) > 35:
        return None
    for candidate in (tag, tag.split("-")[0]):
        try:
            locale = str(Locale.parse(candidate, sep="-"))
        except (ValueError, TypeError, UnknownLocaleError):
            continue
        if localedata.exists(locale):
            return locale
    return None
