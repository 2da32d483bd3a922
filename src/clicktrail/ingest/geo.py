"""Where an address is: from the operator's MMDB file if there is one, else from the data inside `iptocc`."""

import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import iptocc
import maxminddb

from clicktrail.model.addresses import render_ip
from clicktrail.model.countries import BY_ALPHA2

_CACHED_ADDRESSES = 65_536


class Place(NamedTuple):
    """A country (ISO 3166-1 alpha-2) and a point in decimal degrees; None for what is not known."""

    country_code: str | None
    latitude: float | None
    longitude: float | None


NOWHERE = Place(None, None, None)


def find_country(address: str) -> Place:
    """The default data: the country of registration (RIR statistics) and that country's label point."""
    country = BY_ALPHA2.get(iptocc.country_code(address) or "")
    return Place(country.alpha2, country.latitude, country.longitude) if country else NOWHERE


def read_place(record: Any) -> Place:
    """A record of GeoLite2-City, DB-IP (nested or flat) or IPinfo -> a place; NOWHERE for any other shape."""
    if not isinstance(record, Mapping):
        return NOWHERE
    location = record.get("location")
    point = location if isinstance(location, Mapping) else record
    latitude = _degrees(point.get("latitude", point.get("lat")))
    longitude = _degrees(point.get("longitude", point.get("lng", point.get("lon"))))
    country = _country(record.get("country") or record.get("registered_country") or record.get("country_code"))
    if country is None:
        return NOWHERE
    if latitude is None or longitude is None:
        return Place(country, BY_ALPHA2[country].latitude, BY_ALPHA2[country].longitude)
    return Place(country, latitude, longitude)


def _country(value: Any) -> str | None:
    code = value.get("iso_code") if isinstance(value, Mapping) else value
    return code if isinstance(code, str) and code in BY_ALPHA2 else None


def _degrees(value: Any) -> float | None:
    try:
        return round(float(value), 6)
    except (TypeError, ValueError):
        return None


class Geo:
    """Finds places by address key, with a bounded cache by value.

    `file` is an MMDB; `refresh` opens it anew when it was replaced, and keeps the old one if the new cannot be read.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._stamp: tuple[int, int, int] | None = None
        self._lock = threading.Lock()
        self._reader: maxminddb.Reader | None = None
        self.find = lru_cache(_CACHED_ADDRESSES)(self._find)
        if file is not None:
            self._open(file)

    def refresh(self) -> bool:
        """Looks at the file; returns whether a new one was opened. Raises OSError or ValueError if it cannot be."""
        with self._lock:
            if self._file is None or _stamp(self._file) == self._stamp:
                return False
            self._open(self._file)
            return True

    def describe(self) -> str:
        """What answers come from, for people."""
        if self._reader is None:
            return "built-in country data (iptocc, RIR statistics)"
        return f"{self._file} ({self._reader.metadata().database_type})"

    def _open(self, file: Path) -> None:
        stamp = _stamp(file)
        try:
            reader = maxminddb.open_database(file, maxminddb.MODE_MEMORY)
        except maxminddb.InvalidDatabaseError as error:
            raise ValueError(f"{file} is not an MMDB database: {error}") from None
        self._reader, self._stamp = reader, stamp
        self.find = lru_cache(_CACHED_ADDRESSES)(self._find)

    def _find(self, key: str) -> Place:
        address = render_ip(key)
        if self._reader is not None:
            try:
                place = read_place(self._reader.get(address))
            except ValueError:  # an IPv6 address in a database of IPv4
                place = NOWHERE
            if place is not NOWHERE:
                return place
        return find_country(address)


def _stamp(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
