"""Writes a tiny MMDB file (MaxMind DB format 2.0, IPv4, one network): enough to test a reader with."""

import ipaddress
import struct
from pathlib import Path
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"


class Single(float):
    """A number that a file holds in 32 bits, as flat files do."""


def write_mmdb(path: Path, network: str, prefix: int, record: dict[str, Any]) -> None:
    bits = f"{int(ipaddress.ip_address(network)):032b}"[:prefix]
    nodes = []
    for depth, bit in enumerate(bits):
        onward = depth + 1 if depth + 1 < prefix else prefix + 16
        nodes.append((onward, prefix) if bit == "0" else (prefix, onward))
    tree = b"".join(left.to_bytes(3, "big") + right.to_bytes(3, "big") for left, right in nodes)
    metadata = {
        "node_count": prefix,
        "record_size": 24,
        "ip_version": 4,
        "database_type": "Test-City",
        "languages": [],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_600_000_000,
        "description": {},
    }
    path.write_bytes(tree + bytes(16) + _encode(record) + _MARKER + _encode(metadata))


def _encode(value: Any) -> bytes:
    if isinstance(value, str):
        return _head(2, len(value.encode())) + value.encode()
    if isinstance(value, Single):
        return _head(15, 4) + struct.pack(">f", value)
    if isinstance(value, float):
        return _head(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        content = value.to_bytes(4, "big").lstrip(b"\0")
        return _head(6, len(content)) + content
    if isinstance(value, dict):
        return _head(7, len(value)) + b"".join(_encode(key) + _encode(item) for key, item in value.items())
    return _head(11, len(value)) + b"".join(_encode(item) for item in value)


def _head(kind: int, size: int) -> bytes:
    if kind > 7:
        return bytes([size, kind - 7])
    return bytes([kind << 5 | size]) if size < 29 else bytes([kind << 5 | 29, size - 29])
