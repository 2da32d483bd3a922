"""Hashes of passwords, and codes of a second factor, against the examples of their standards."""

import asyncio
from collections.abc import Iterator

import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError

from clicktrail.errors import Unavailable
from clicktrail.people.codes import enrolment_uri, find_step, new_secret
from clicktrail.people.passwords import Passwords

RFC_6238_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""`12345678901234567890`, the key of RFC 6238, appendix B, in base 32."""


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords()
    yield made
    made.close()


def test_a_password_fits_its_own_hash_alone(passwords: Passwords) -> None:
    async def work() -> None:
        first, second = await passwords.hash("Grüße aus Köln"), await passwords.hash("Grüße aus Köln")
        assert first != second  # each hash has a salt of its own
        assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        for stored, typed, is_right in (
            (first, "Grüße aus Köln", True),
            (second, "Gru\u0308ße aus Ko\u0308ln", True),  # as a Mac sends the same letters
            (first, "grüße aus köln", False),
            (first, "", False),
            (None, "Grüße aus Köln", False),
            ("", "Grüße aus Köln", False),
            ("no hash", "Grüße aus Köln", False),
        ):
            assert await passwords.check(stored, typed) is is_right

    asyncio.run(work())


def test_nobodys_hash_is_computed_like_another_one(passwords: Passwords) -> None:
    """A malformed one would be refused at once, and say who has an account."""
    made, nobodys = passwords._hasher.hash("x"), passwords._nobodys
    assert extract_parameters(nobodys) == extract_parameters(made)
    with pytest.raises(VerifyMismatchError):
        passwords._hasher.verify(nobodys, "x")


def test_more_than_a_hundred_at_once_are_refused(passwords: Passwords) -> None:
    async def work() -> None:
        answers = await asyncio.gather(*(passwords.check(None, "x") for _ in range(103)), return_exceptions=True)
        assert [type(each) for each in answers].count(Unavailable) == 3
        assert await passwords.check(None, "x") is False

    asyncio.run(work())


@pytest.mark.parametrize(
    ("moment", "code"),
    [(1_111_111_111, "050471"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")],
)
def test_codes_are_those_of_the_standard(moment: int, code: str) -> None:
    """RFC 6238, appendix B: the last six of the eight digits."""
    step = moment // 30
    assert [find_step(RFC_6238_SECRET, code, moment + shift) for shift in (-60, -30, 0, 30, 60)] == [
        None,
        step,
        step,
        step,
        None,
    ]
    assert find_step(RFC_6238_SECRET, f" {code[:3]} {code[3:]} ", moment) == step


@pytest.mark.parametrize("code", ["", "28708", "2870822", "28708²", "٢٨٧٠٨٢", "287082x", "é", "None"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert find_step(RFC_6238_SECRET, code, 59) is None


def test_a_secret_has_160_bits_and_names_the_user() -> None:
    secret = new_secret()
    assert len(secret) == 32
    assert secret != new_secret()
    uri = enrolment_uri(secret, "Mary & Söhne")
    assert uri == f"otpauth://totp/Clicktrail:Mary%20%26%20S%C3%B6hne?secret={secret}&issuer=Clicktrail"
