"""`python -m bench.compare REVISION` measures recording by an older revision and by this checkout, turn by turn.

The revision is installed beside, with its own libraries. Each round starts both servers anew, on empty stores, in
alternating order. The table has the medians and their ratios.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.serving import COMMAND, Serving, start

from bench import load
from bench.__main__ import raw_server

ROOT = Path(__file__).parent.parent
_BODIES = 20_000
_LINKS = 200
_UNLIMITED = {"visits_per_minute": "0", "link_visits_per_minute": "0", "log": "off"}
Figures = dict[str, float]


def make_bodies(random: Random) -> list[bytes]:
    """Distinct clicks: a long tail of links, referrers and user agents, uris of 60 to 3,000 bytes, some robots."""
    bodies = []
    for number in range(_BODIES):
        tail = int(random.paretovariate(0.7)) % 200_000
        agent = (
            "Googlebot/2.1" if number % 40 == 0 else f"Mozilla/5.0 (X11; Linux x86_64) Chrome/{tail % 4000}.0 Safari"
        )
        filler = "&f=" + f"{random.getrandbits(256):x}" * (40 if number % 50 == 0 else 1)
        bodies.append(
            json.dumps(
                {
                    "ip": ".".join(str(random.randint(1, 223)) for _ in range(4)),
                    "uri": f"https://shop.example/p/{number}?referral=l{tail % _LINKS}&utm_source=s{tail % 30}{filler}",
                    "referrer": f"https://r{tail}.example/{number % 7}",
                    "userAgent": agent,
                }
            ).encode()
        )
    return bodies


def measure(server: Serving, bodies: Sequence[bytes]) -> Figures:
    """Clicks one by one on 256, 32 and one connection, a tracking link, and batches."""
    port, token = int(server.url.rpartition(":")[2]), server.token()
    with server.client() as api:
        for number in range(_LINKS):
            api.post("/links", json={"code": f"l{number}", "uri": "https://shop.example/"}).raise_for_status()
    figures: Figures = {}
    kinds = {
        "record": [load.request_bytes("POST", "/clicks", token, body) for body in bodies],
        "follow a link": [load.visit_bytes(f"/r/l{number % _LINKS}?x={number}") for number in range(1_000)],
    }
    for name, requests in kinds.items():
        for connections in (256, 32, 1):
            before = cpu_s(server)
            got = load.run(port, requests, connections, 3.0)
            if got.failures:
                raise SystemExit(f"{name}: {got.failures} requests were refused")
            figures |= {
                f"{name}, {connections}, /s": got.rate,
                f"{name}, {connections}, p50 ms": got.p50_ms,
                f"{name}, {connections}, p99 ms": got.p99_ms,
                f"{name}, {connections}, CPU us": (cpu_s(server) - before) / (got.rate * 3.2) * 1e6,
            }
    batches = [b"[" + b",".join(bodies[start : start + 5_000]) + b"]" for start in range(0, _BODIES, 5_000)]
    got = load.run(port, [load.request_bytes("POST", "/clicks/batch", token, batch) for batch in batches], 1, 3.0)
    return figures | {"batches, clicks/s": got.rate * 5_000}


def cpu_s(server: Serving) -> float:
    """Processor seconds of a server so far."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def install(revision: str, folder: Path) -> list[str]:
    """Installs a revision into a folder, as its README says. Returns its command."""
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
    subprocess.run(["make", "--silent", ".venv/run"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return [str(folder / ".venv" / "bin" / "python"), "-m", "clicktrail"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.compare")
    parser.add_argument("revision", help="an older revision of this repository")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clicktrail-compare-"))
    try:
        compare(given.revision, given.rounds, folder)
    finally:
        shutil.rmtree(folder)


def compare(revision: str, rounds: int, folder: Path) -> None:
    commands = {revision: install(revision, folder / "older"), "this": COMMAND}
    bodies = make_bodies(Random(1))
    found: dict[str, list[Figures]] = {name: [] for name in commands}
    ceilings: list[Figures] = []
    for number in range(rounds):
        for name in sorted(commands, reverse=bool(number % 2)):
            server = start(folder / f"{number}-{len(name)}" / "data", settings=_UNLIMITED, command=commands[name])
            try:
                found[name].append(measure(server, bodies))
            finally:
                server.stop()
                shutil.rmtree(server.data.parent)
        ceilings.append(measure_ceiling(bodies))
    show(revision, found, ceilings)


def measure_ceiling(bodies: Sequence[bytes]) -> Figures:
    """A server that only answers."""
    requests = [load.request_bytes("POST", "/clicks", "t", body) for body in bodies]
    with raw_server() as port:
        return {f"record, {each}, /s": load.run(port, requests, each, 3.0).rate for each in (256, 32)}


def show(revision: str, found: dict[str, list[Figures]], ceilings: list[Figures]) -> None:
    older, newer = ({key: middle(rounds, key) for key in rounds[0]} for rounds in (found[revision], found["this"]))
    print(f"{'medians of ' + str(len(ceilings)):32}{revision[:10]:>12}{'this':>12}{'ratio':>8}  of raw ASGI")
    for key, value in newer.items():
        ratio = value / older[key] if older[key] else 0.0
        share = f"  {value / middle(ceilings, key):.2f}" if key in ceilings[0] else ""
        print(f"{key:32}{older[key]:>12,.2f}{value:>12,.2f}{ratio:>8.2f}{share}")
    print(f"load of this machine at the end: {os.getloadavg()[0]:.1f}", file=sys.stderr)


def middle(rounds: Sequence[Figures], key: str) -> float:
    return statistics.median(each[key] for each in rounds)


if __name__ == "__main__":
    main()
