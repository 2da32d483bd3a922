"""Users who sign in over HTTP, as a browser does."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pyotp

from tests.serving import Serving, serving

PASSWORD, WRONG = "correct horse battery", "a wrong password"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
_addresses = count(1)


def new_address() -> str:
    """An address that no other test has: failures are counted by address."""
    number = next(_addresses)
    return f"203.0.{number // 250 + 1}.{number % 250 + 1}"


@contextmanager
def serving_people(folder: Path, **settings: str) -> Iterator[Serving]:
    """A server that is told the address of each browser."""
    with serving(folder, trusted_proxies="127.0.0.1", **settings) as server:
        yield server


@dataclass
class Person:
    """A user with a browser at an address of its own."""

    server: Serving
    name: str = ""
    password: str = PASSWORD
    user_id: str = ""
    cookie: str = ""
    address: str = field(default_factory=new_address)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **rest: Any) -> httpx.Response:
        """One request with the cookie. Like a browser, it keeps the cookie of the answer."""
        sent = {"X-Forwarded-For": self.address, **OWN_PAGE, **(headers or {})}
        if self.cookie:
            sent = {"Cookie": self.cookie, **sent}
        url = f"{self.server.url}{self.server.base_path}{path}"
        answer = httpx.request(method, url, headers=sent, timeout=30, **rest)
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.ask("GET", path, headers)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self.ask("POST", path, headers) if body is None else self.ask("POST", path, headers, json=body)

    @property
    def plain_cookie(self) -> str:
        """The cookie as a browser on the server's own machine has it."""
        return f"clicktrail={self.cookie.partition('=')[2]}"

    def sign_in(self, **more: str) -> httpx.Response:
        """What POST /session answers; `more` replaces or adds keys of the body."""
        return self.post("/session", {"name": self.name, "password": self.password, **more})

    def elsewhere(self) -> "Person":
        """The same user in another browser, at another address."""
        return Person(self.server, self.name, self.password, self.user_id)


class House(NamedTuple):
    """A server, and a client with the token of an admin."""

    server: Serving
    api: httpx.Client


def invite(api: httpx.Client, name: str, scope: str = "admin", partner: str | None = None) -> tuple[str, str]:
    """A new user: the id, and the token of the link."""
    made = api.post("/users", json={"name": name, "scope": scope, "partnerId": partner})
    assert made.status_code == 201, made.text
    user_id = made.json()["userId"]
    link = api.post(f"/users/{user_id}/invitation")
    assert link.status_code == 200, link.text
    return user_id, link.json()["url"].partition("#")[2]


def make_person(
    server: Serving, api: httpx.Client, name: str, scope: str = "admin", partner: str | None = None
) -> Person:
    """A user who has accepted an invitation, and is signed in."""
    user_id, token = invite(api, name, scope, partner)
    person = Person(server, name, user_id=user_id)
    answer = person.post("/welcome", {"token": token, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return person


def add_second_factor(person: Person) -> tuple[pyotp.TOTP, str]:
    """The app of a user, and the code that has confirmed its secret."""
    app = pyotp.TOTP(person.post("/session/second-factor").json()["secret"])
    used = code(app)
    assert person.post("/session/second-factor/confirmation", {"code": used}).status_code == 204
    return app, used


def code(app: pyotp.TOTP, steps: int = 0) -> str:
    """The code of the current time step, or of another one. The server takes it also if the next step begins meanwhile,
    unless `steps` is negative."""
    return app.generate_otp(int(time.time()) // 30 + steps)
