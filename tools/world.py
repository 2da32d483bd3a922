"""Makes the map of the dashboard from the 110m countries of Natural Earth (public domain), as `world-atlas` packs them.

The projection is Equal Earth (Šavrič, Patterson and Jenny, 2018), in whole pixels. A country too small for a shape
gets a dot at its point in `countries.csv`.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any

COUNTRIES = Path(__file__).parent.parent / "src" / "clicktrail" / "model" / "countries.csv"
WIDTH = 960
_A = (1.340264, -0.081106, 0.000893, 0.003796)
"""The coefficients of the projection, from its paper."""
_HALF = 2.7066299837
"""x at 180 degrees east on the equator."""
_TOP, _BOTTOM = 83.7, -56.0
"""Degrees north between which there is land that is drawn: without Antarctica."""
_NO_LAND = "AQ"
Point = tuple[int, int]


def make(topology: dict[str, Any]) -> str:
    """A JavaScript module: SHAPES and DOTS by country code, LAND without a code, and the size of the picture."""
    codes, points = _read_countries()
    arcs = [list(_decode(arc, topology["transform"])) for arc in topology["arcs"]]
    shapes: dict[str, str] = {}
    land = ""
    for country in topology["objects"]["countries"]["geometries"]:
        path = "".join(_draw(ring, arcs) for polygon in _polygons(country) for ring in polygon)
        code = codes.get(country.get("id", ""))
        if code is None:
            land += path
        elif code != _NO_LAND and path:
            shapes[code] = path
    dots = {code: project(*point) for code, point in points.items() if code not in shapes and code != _NO_LAND}
    height = project(0, _BOTTOM)[1]
    lines = ("SIZE", [WIDTH, height]), ("SHAPES", dict(sorted(shapes.items()))), ("LAND", land), ("DOTS", dots)
    return "".join(f"export const {name} = {json.dumps(value, separators=(',', ':'))};\n" for name, value in lines)


def project(longitude: float, latitude: float) -> Point:
    """Pixels from the left and from the top."""
    theta = asin(sqrt(3) / 2 * sin(radians(latitude)))
    a1, a2, a3, a4 = _A
    slope = 9 * a4 * theta**8 + 7 * a3 * theta**6 + 3 * a2 * theta**2 + a1
    x = 2 * sqrt(3) * radians(longitude) * cos(theta) / (3 * slope)
    scale = WIDTH / 2 / _HALF
    return round((x + _HALF) * scale), round((_north(_TOP) - _north(latitude)) * scale)


def _north(latitude: float) -> float:
    theta = asin(sqrt(3) / 2 * sin(radians(latitude)))
    a1, a2, a3, a4 = _A
    return theta * (a1 + a2 * theta**2 + theta**6 * (a3 + a4 * theta**2))


def _read_countries() -> tuple[dict[str, str], dict[str, tuple[float, float]]]:
    """Country codes by number, and longitude and latitude by code."""
    with COUNTRIES.open() as lines:
        rows = list(csv.DictReader(lines))
    points = {row["alpha2"]: (float(row["longitude"]), float(row["latitude"])) for row in rows if row["longitude"]}
    return {row["numeric"]: row["alpha2"] for row in rows}, points


def _decode(arc: Sequence[Sequence[int]], transform: dict[str, Sequence[float]]) -> Iterator[Point]:
    """The points of an arc of TopoJSON: each is a step from the one before."""
    (kx, ky), (dx, dy) = transform["scale"], transform["translate"]
    x = y = 0
    for step_x, step_y in arc:
        x, y = x + step_x, y + step_y
        yield project(x * kx + dx, y * ky + dy)


def _polygons(country: dict[str, Any]) -> list[list[list[int]]]:
    arcs: list[Any] = country.get("arcs", [])
    return arcs if country["type"] == "MultiPolygon" else [arcs]


def _draw(ring: Sequence[int], arcs: Sequence[Sequence[Point]]) -> str:
    """A ring as an SVG path of relative steps. Points that fall on one pixel are one; an island of a pixel is none."""
    points: list[Point] = []
    for number in ring:
        for point in arcs[number] if number >= 0 else reversed(arcs[~number]):
            if not points or points[-1] != point:
                points.append(point)
    if len(set(points)) < 3:
        return ""
    steps = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(points[:-1])]
    if any(abs(x) > WIDTH / 2 for x, _ in steps):  # an island on both sides of the antimeridian
        return ""
    return f"M{_pair(points[0])}l{''.join(_pair(step, is_next=index > 0) for index, step in enumerate(steps))}z"


def _pair(pair: Point, *, is_next: bool = False) -> str:
    """Two numbers as short as SVG reads them: a minus sign separates as well as a space."""
    first, second = pair
    return f"{' ' if is_next and first >= 0 else ''}{first}{' ' if second >= 0 else ''}{second}"
