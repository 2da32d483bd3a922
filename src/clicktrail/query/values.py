"""The values that the text of a filter means, in every spelling."""

from typing import Any

from clicktrail.model.addresses import parse_block, truncate
from clicktrail.model.contacts import spellings
from clicktrail.model.privacy import Ip, Policy
from clicktrail.model.reading import Reading
from clicktrail.model.times import add_offset, find_day
from clicktrail.query import kinds
from clicktrail.query.fields import Field
from clicktrail.query.questions import Condition, Value
from clicktrail.query.texts import read_text
from clicktrail.query.urlencoded import Parameter

Values = list[Value | tuple[Any, Any]]
_ORDERED = ("gt", "gte", "lt", "lte")


def read_values(field: Field, operator: str, parameter: Parameter, reading: Reading) -> Values:
    """The values that one parameter adds to a filter. Raises ValueError."""
    text = parameter.literal if field.kind is kinds.TIME or field.secret else parameter.value
    if field.kind is kinds.IP and operator in _ORDERED and reading.policy.ip in (Ip.HASHED, Ip.NONE):
        raise ValueError("finds nothing by order, because new addresses have none (CLICKTRAIL_IP)")
    if operator == "null":
        return [kinds.read_flag(text)]
    parts = text.split(",") if operator == "in" else [text]
    if field.kind is kinds.IP:
        return _read_addresses(field, operator, parts, reading.policy)
    if field.kind is kinds.TIME:
        return [_read_moment(part, operator, reading) for part in parts]
    if field.secret and operator not in _ORDERED:
        return [each for part in parts for each in spellings(read_text(part), reading.phone_region)]
    return [field.kind.read(part) for part in parts]


def _read_addresses(field: Field, operator: str, parts: list[str], policy: Policy) -> Values:
    """Addresses, or blocks as first and last keys. Where addresses may be truncated, also the networks in which they
    lie, or which lie in them."""
    if operator == "in":
        blocks = [parse_block(part) for part in parts]
        networks = [(truncate(first), truncate(last)) for first, last in blocks] if policy.may_hold_networks else []
        return [*blocks, *networks]
    if "/" in parts[0]:
        raise ValueError(f"takes an address; a block goes into filter[{field.name}][in]")
    key = field.kind.read(parts[0])
    return [key, truncate(key)] if policy.may_hold_networks and operator in ("eq", "ne") else [key]


def _read_moment(text: str, operator: str, reading: Reading) -> int | tuple[int, int]:
    """A time, or a day. Depending on the operator, a day means its first moment, its last moment, or both."""
    day = find_day(text, reading.zone)
    if day is None:
        moment: int = kinds.TIME.read(text if reading.naive_zone is None else add_offset(text, reading.naive_zone))
        return moment
    return day if operator not in _ORDERED else day[operator in ("gt", "lte")]


def compare_days(field: Field, operator: str, values: Values) -> Condition:
    """An equality with days, and maybe with times: each value is a span."""
    spans = tuple(value if isinstance(value, tuple) else (value, value) for value in values)
    return Condition(field, "outside" if operator == "ne" else "within", spans)
