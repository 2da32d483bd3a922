"""Codes of a second factor: six digits that change every 30 seconds (TOTP, RFC 6238)."""

import hmac

import pyotp

_STEP_S = 30
_EARLIER, _LATER = -1, 1
"""Steps around the current one whose codes are accepted, because clocks differ and people type slowly."""
_ISSUER = "Clicktrail"


def new_secret() -> str:
    """160 random bits in base 32, as authenticator apps take them."""
    return pyotp.random_base32()


def enrolment_uri(secret: str, name: str) -> str:
    """The `otpauth:` URI of the QR code that an app scans."""
    return pyotp.TOTP(secret, interval=_STEP_S).provisioning_uri(name=name, issuer_name=_ISSUER)


def find_step(secret: str, code: str, now_s: float) -> int | None:
    """The time step that a code belongs to; None if the code is wrong. Spaces in the code do not count."""
    totp, current = pyotp.TOTP(secret, interval=_STEP_S), int(now_s) // _STEP_S
    digits = "".join(code.split())
    found = None
    for step in range(current + _EARLIER, current + _LATER + 1):
        if hmac.compare_digest(totp.generate_otp(step), digits.encode("ascii", "replace").decode()):
            found = step
    return found
