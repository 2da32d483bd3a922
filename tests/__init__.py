"""The tests: one real server, and real engines.

A client of httpx reads the certificates of all authorities when it is made, `httpx.get` at every call: up to 70 ms of
processor time for each of the thousands of requests to a loopback address. Here they are read once for a process.
"""

from functools import cache

from httpx._transports import default

default.create_ssl_context = cache(default.create_ssl_context)  # type: ignore[attr-defined]
