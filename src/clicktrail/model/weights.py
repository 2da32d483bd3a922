"""The weighted lists of Accept, Accept-Language and Accept-Encoding (RFC 9110, section 12.4.2)."""

from collections.abc import Mapping
from functools import lru_cache

Weights = Mapping[str, float]


def parse_weights(header: str) -> Weights:
    """`gzip;q=0.5, *` -> `{"gzip": 0.5, "*": 1.0}`: names in lower case, in the order of the header.

    Parameters other than `q` are ignored. For a repeated name the greater weight counts. A weight that is not a number
    from 0 to 1 is 0.
    """
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, parameters = part.partition(";")
        name = name.strip()
        if name:
            weight = _read_weight(parameters) if parameters else 1.0
            weights[name] = max(weight, weights[name]) if name in weights else weight
    return weights


@lru_cache(maxsize=256)
def _read_weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0


def media_weight(weights: Weights, media_type: str) -> float:
    """The weight of a media type: its own, else the weight of `type/*`, else of `*/*`, or of `*` as Java writes it."""
    for name in (media_type, media_type.partition("/")[0] + "/*", "*/*", "*"):
        if name in weights:
            return weights[name]
    return 0.0
