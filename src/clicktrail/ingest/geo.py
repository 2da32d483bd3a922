"""Finds the country and position of an address, and whether it is in a data centre. Uses MMDB files, else `iptocc`."""

import struct
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import iptocc
import maxminddb

from clicktrail.model.addresses import render_ip, spell_ip
from clicktrail.model.countries import BY_ALPHA2

_CACHED_ADDRESSES = 65_536


class Place(NamedTuple):
    """Country (ISO 3166-1 alpha-2), point in decimal degrees, and whether it is a data centre; None if unknown."""

    country_code: str | None
    latitude: float | None
    longitude: float | None
    is_data_centre: bool | None = None


_FLOAT = struct.Struct("<f")
NOWHERE = Place(None, None, None)
_COUNTRIES = {alpha2: Place(alpha2, each.latitude, each.longitude) for alpha2, each in BY_ALPHA2.items()}
_HOSTERS = """
8075 12876 13335 14061 14618 15169 16276 16509 19318 20473 20940 24940 26496 29802 31898 35916 36351 36352 37963 40021
45102 46606 47583 49981 51167 53667 54113 54825 60068 60781 62567 63949 132203 136907 197540 202053 206092 208323 211252
212238 396982 398101
"""
HOSTERS = frozenset(map(int, _HOSTERS.split()))
"""Autonomous systems of large hosters and clouds (public AS numbers). People seldom browse from them."""


def find_country(address: str) -> Place:
    """The default data: the country of registration (RIR statistics) and that country's label point."""
    return _COUNTRIES.get(iptocc.country_code(address) or "", NOWHERE)


def read_place(record: Any) -> Place:
    """Reads a record of GeoLite2-City, DB-IP (nested or flat) or IPinfo; NOWHERE for any other shape."""
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
        degrees = float(value)
    except (TypeError, ValueError):
        return None
    return round(_written(degrees), 6) if abs(degrees) <= 360 else None


def _written(value: float) -> float:
    """Restores the written number: flat files store 32 bits, which turn 51.4036 into 51.403598785.

    It is the number with the fewest digits that has the same 32 bits.
    """
    bits = _FLOAT.pack(value)
    if _FLOAT.unpack(bits)[0] != value:  # it has 64 bits
        return value
    shortest = (float(f"{value:.{digits}g}") for digits in range(6, 10))
    return next(number for number in shortest if _FLOAT.pack(number) == bits)


def read_hoster(record: Any) -> bool | None:
    """Reads a record of GeoLite2-ASN, DB-IP or IPinfo: whether its system is a hoster's; None if it names no system."""
    if not isinstance(record, Mapping):
        return None
    number = str(record.get("autonomous_system_number") or record.get("asn") or "").removeprefix("AS")
    return int(number) in HOSTERS if number.isdigit() else None


class Database:
    """An MMDB file, reopened when it was replaced. Raises OSError or ValueError if it is not an MMDB file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int, int] | None = None
        self.refresh()

    def refresh(self) -> bool:
        """Opens the file again if it was replaced. Returns whether it did. On OSError or ValueError it keeps the old
        one."""
        stamp = _stamp(self._file)
        if stamp == self._stamp:
            return False
        try:
            self._reader = maxminddb.open_database(self._file, maxminddb.MODE_MEMORY)
        except maxminddb.InvalidDatabaseError as error:
            raise ValueError(f"{self._file} is not an MMDB database: {error}") from None
        self._stamp = stamp
        return True

    def find(self, address: str) -> Any:
        try:
            return self._reader.get(address)
        except ValueError:  # an IPv6 address in an IPv4 database
            return None

    def describe(self) -> str:
        """The file and its database type."""
        return f"{self._file} ({self._reader.metadata().database_type})"


class Geo:
    """Finds places by address key, with a bounded cache.

    `file` is an MMDB of places, `asn` an MMDB of autonomous systems. A file of places may contain both.
    """

    def __init__(self, file: Path | None = None, asn: Path | None = None) -> None:
        self._places = None if file is None else Database(file)
        self._systems = self._places if asn is None else Database(asn)
        self._lock = threading.Lock()
        self.find = lru_cache(_CACHED_ADDRESSES)(self._find)

    def find_all(self, keys: Sequence[str]) -> list[Place]:
        """`find` of each key. Without files, one call looks up all of them."""
        distinct = list(dict.fromkeys(keys))
        if self._places is not None or self._systems is not None:
            found = {key: self.find(key) for key in distinct}
        else:
            codes = iptocc.country_code(list(map(spell_ip, distinct)))
            found = {key: _COUNTRIES.get(code or "", NOWHERE) for key, code in zip(distinct, codes, strict=True)}
        return [found[key] for key in keys]

    def refresh(self) -> bool:
        """Opens replaced files. Returns whether there were any. Raises OSError or ValueError if a file cannot be
        opened."""
        with self._lock:
            databases = {database for database in (self._places, self._systems) if database is not None}
            changed = [database for database in databases if database.refresh()]
            if changed:
                self.find = lru_cache(_CACHED_ADDRESSES)(self._find)
            return bool(changed)

    def describe(self) -> str:
        """The sources of data, for people."""
        systems = f", {self._systems.describe()}" if self._systems not in (None, self._places) else ""
        if self._places is None:
            return "built-in country data (iptocc, RIR statistics)" + systems
        return self._places.describe() + systems

    def _find(self, key: str) -> Place:
        address = render_ip(key)
        record = None if self._places is None else self._places.find(address)
        place = NOWHERE if record is None else read_place(record)
        if place is NOWHERE:
            place = find_country(address)
        if self._systems is None:
            return place
        hoster = read_hoster(record if self._systems is self._places else self._systems.find(address))
        return place._replace(is_data_centre=hoster)


def _stamp(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
