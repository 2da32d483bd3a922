"""Standard Webhooks signatures, version 1 (specification: github.com/standard-webhooks/standard-webhooks)."""

import base64
import hashlib
import hmac

PREFIX = "whsec_"


def sign(secret: str, message_id: str, timestamp_s: int, payload: bytes) -> dict[str, str]:
    """The three headers. `secret` is `whsec_` plus base64; the signed text is `id.timestamp.payload`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp_s}.".encode() + payload
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{digest}",
    }
