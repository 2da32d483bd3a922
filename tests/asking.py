"""What tests of many files ask a server."""

import httpx


def count_clicks(client: httpx.Client, query: str = "") -> int:
    """How many clicks there are, of those that `query` asks for."""
    return int(client.get(f"/clicks?limit=1{query}", headers={"Prefer": "count=exact"}).headers["X-Total-Count"])


def metric(client: httpx.Client, name: str) -> float:
    """A value of /metrics; `name` has its labels."""
    [line] = [line for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[-1])
