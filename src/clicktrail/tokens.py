"""Bearer tokens: signed JWTs, and the viewer of each."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any

import jwt
import msgspec

from clicktrail.errors import Unauthenticated
from clicktrail.keyring import ISSUER, KeyRing
from clicktrail.model.access import PARTNERS, ActorKind, Right, Scope, Viewer, actor_of
from clicktrail.model.ids import is_id

_REMEMBERED = 4096
"""Maximum number of verified tokens in memory. A program uses only a few."""


class Claims(msgspec.Struct, frozen=True):
    """The content of a valid token: its own id, its owner, its expiry time (None: it never expires), its scope."""

    token_id: str
    subject: str
    expires_at: int | None
    scope: Scope
    partner_id: str | None


def issue_token(
    ring: KeyRing, scope: Scope, subject: str, lifetime_s: int | None, partner_id: str | None = None
) -> tuple[str, str]:
    """A new token and its id. `lifetime_s` None: valid until its key is dropped or the token is revoked."""
    now, token_id = int(ring.clock.unix_s()), secrets.token_hex(8)
    content: dict[str, Any] = {"iss": ISSUER, "iat": now, "jti": token_id, "sub": subject, "scope": scope.value}
    if lifetime_s is not None:
        content["exp"] = now + lifetime_s
    if partner_id is not None:
        content["partner"] = partner_id
    return ring.sign(content), token_id


class TokenChecker:
    """Finds the viewer of a token. Verified tokens are remembered by digest until they expire.

    `revoked` returns the ids of tokens and clients that are refused now. `rights` are those of every partner.
    """

    def __init__(
        self,
        ring: KeyRing,
        revoked: Callable[[], Collection[str]],
        partner_sees_contacts: bool,
        partner_sees_visitors: bool,
        rights: frozenset[Right] = frozenset(),
    ) -> None:
        self._ring = ring
        self._rights = rights
        self._revoked = revoked
        self._partner_sees_contacts = partner_sees_contacts
        self._partner_sees_visitors = partner_sees_visitors
        self._known: OrderedDict[bytes, tuple[Claims, Viewer]] = OrderedDict()
        self._reads = 0

    def check(self, authorization: str | None) -> Viewer:
        """The value of an Authorization header -> the viewer. Raises Unauthenticated."""
        if authorization is None:
            raise _refusal("This needs a token: `Authorization: Bearer <token>`.")
        kind, _, token = authorization.partition(" ")
        token = token.strip(" ")  # RFC 9110, section 11.4: one space or more
        if kind.lower() != "bearer" or not token:
            raise _refusal("The Authorization header must be `Bearer <token>`.")
        return self.check_token(token)

    def check_token(self, token: str) -> Viewer:
        """The viewer of a token. Raises Unauthenticated."""
        if self._ring.is_changed() or self._ring.reads != self._reads:
            self._known.clear()  # a dropped key ends its tokens
            self._reads = self._ring.reads
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        claims, viewer = self._known.get(digest) or self._learn(digest, token)
        if claims.expires_at is not None and claims.expires_at <= self._ring.clock.unix_s():
            self._known.pop(digest, None)
            raise _refusal("The token has expired.", "invalid_token")
        revoked = self._revoked()
        if claims.token_id in revoked or claims.subject in revoked:
            raise _refusal("The token was revoked.", "invalid_token")
        return viewer

    def make_viewer(
        self, scope: Scope, partner_id: str | None, owner: str, actor: str, actor_kind: ActorKind
    ) -> Viewer:
        """The viewer with a scope, whether a token or a session gives it. `owner` is its asker without a partner."""
        is_partner = scope in PARTNERS
        sees_contacts = self._partner_sees_contacts or not is_partner
        partner_id = partner_id if is_partner else None
        return Viewer(
            scope=scope,
            partner_id=partner_id,
            sees_contacts=sees_contacts,
            sees_visitors=self._partner_sees_visitors or not is_partner,
            asker=partner_id or owner,
            actor=actor,
            actor_kind=actor_kind,
            rights=self._rights if scope is Scope.PARTNER and partner_id is not None else frozenset(),
        )

    def _learn(self, digest: bytes, token: str) -> tuple[Claims, Viewer]:
        try:
            content = self._ring.verify(token)
            claims = Claims(
                token_id=content["jti"],
                subject=content["sub"],
                expires_at=content.get("exp"),
                scope=Scope(content["scope"]),
                partner_id=content.get("partner"),
            )
        except (jwt.InvalidTokenError, ValueError):
            raise _refusal("The token is not valid: no key of this server signed it.", "invalid_token") from None
        owner = claims.subject if is_id(claims.subject) else claims.token_id
        known = (
            claims,
            self.make_viewer(claims.scope, claims.partner_id, owner, *actor_of(claims.subject, claims.token_id)),
        )
        self._known[digest] = known
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known


def _refusal(detail: str, error: str = "") -> Unauthenticated:
    challenge = f'Bearer error="{error}"' if error else "Bearer"
    return Unauthenticated(detail, headers={"WWW-Authenticate": challenge})
