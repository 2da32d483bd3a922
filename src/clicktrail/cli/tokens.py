"""`clicktrail token create | list | revoke | rotate-key`."""

import re
import time

import click

from clicktrail.choices import is_embedded, store_path
from clicktrail.cli.options import STORE, check_partner, read_settings, setting_options, warn
from clicktrail.cli.remote import change, check_there, note_command
from clicktrail.keyring import Issued
from clicktrail.model.access import SYSTEM, Scope
from clicktrail.model.times import render_second
from clicktrail.opening import open_keys
from clicktrail.query.fields import PROFILE
from clicktrail.store.objects import oauth_clients as clients
from clicktrail.store.reads import records
from clicktrail.tokens import issue_token

_LINE = "{:16}  {:8}{:9}{:26}{:25}  {:25}  {}"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_duration = re.compile(r"(\d{1,6})([smhdw])\Z", re.ASCII).match
_is_token_id = re.compile(r"[0-9a-f]{16}\Z").match


class Lifetime(click.ParamType[int | None]):
    """`90d`, `12h`, `30m`, or `never`."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Seconds; None for never."""
        if value == "never":
            return None
        match = _duration(value)
        if match is None or not int(match[1]):
            self.fail(f"{value!r} is not a duration such as 90d, 12h or 30m, and not `never`", param, ctx)
        return int(match[1]) * _SECONDS[match[2]]


class TokenId(click.ParamType[str]):
    """16 hex digits, as `token create` and `token list` show them."""

    name = "id"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _is_token_id(value):
            self.fail(
                f"{value[:20]!r} is not a token id. A token id has 16 lower-case hex digits; see `token list`.",
                param,
                ctx,
            )
        return value


@click.group()
def token() -> None:
    """Create, list and revoke bearer tokens."""


@token.command()
@setting_options(*STORE)
@click.option(
    "--scope",
    type=click.Choice([scope.value for scope in Scope]),
    default=Scope.ADMIN.value,
    show_default=True,
    help="Access rights of the token.",
)
@click.option("--partner", metavar="PROFILE_ID", help="The partner, for the scopes partner and postback.")
@click.option("--name", default="cli", show_default=True, help="Name of the token's user; it is part of the token.")
@click.option("--expires", type=Lifetime(), default="90d", show_default=True, help="Lifetime: 90d, 12h, 30m, or never.")
def create(scope: str, partner: str | None, name: str, expires: int | None, **given: str) -> None:
    """Create a token and print it on the last line. Works while a server uses the same data directory."""
    check_partner(scope, partner)
    settings = read_settings(given)
    if is_embedded(settings) and not store_path(settings).exists():
        warn(
            f"there is no store at {store_path(settings)} yet. This token is valid only on a server started with "
            f"--data {settings.data}."
        )
    elif partner is not None:  # fails if there is no such profile
        change(
            settings,
            lambda api: api.call("GET", f"/profiles/{partner}"),
            lambda store: store.run(records.get_record, SYSTEM, PROFILE, partner),
        )
    with open_keys(settings) as keys:
        made, token_id = issue_token(keys, Scope(scope), f"cli:{name}", expires, partner)
        keys.write_down(made, name)
    note_command(settings, token_id)
    click.echo(f"Token {token_id} with scope {scope}. Revoke it with: clicktrail token revoke {token_id}", err=True)
    click.echo(made)


@token.command("list")
@setting_options(*STORE)
def list_tokens(**given: str) -> None:
    """List the tokens made by `token create` with their state; never the tokens themselves."""
    settings = read_settings(given)
    has_store = not is_embedded(settings) or store_path(settings).exists()
    revoked: list[str] = []
    if has_store:
        revoked = change(
            settings,
            lambda api: [row["tokenId"] for row in api.call("GET", "/tokens/revocations")],
            lambda store: store.run(clients.list_revoked_tokens),
        )
    with open_keys(settings) as keys:
        known = keys.issued()
    if known:
        click.echo(_LINE.format("id", "state", "scope", "partner", "created", "expires", "name"))
    for issued, has_key in known:
        state = _state(issued, has_key, issued.token_id in revoked)
        end = "never" if issued.expire_time is None else render_second(issued.expire_time)
        made, partner = render_second(issued.create_time), issued.partner_id or "-"
        click.echo(_LINE.format(issued.token_id, state, issued.scope.value, partner, made, end, issued.name))
    if not known:
        click.echo("No token has been made by `clicktrail token create` for this store.", err=True)


@token.command()
@setting_options(*STORE)
@click.argument("token_id", type=TokenId())
def revoke(token_id: str, **given: str) -> None:
    """Revoke the token with this id (`token list` shows the ids)."""
    settings = read_settings(given)
    check_there(settings)
    with open_keys(settings) as keys:
        is_known = any(issued.token_id == token_id for issued, _ in keys.issued())
    change(
        settings,
        lambda api: api.call("POST", "/tokens/revocations", {"tokenId": token_id}),
        lambda store: store.run(clients.revoke_token, token_id),
    )
    click.echo(f"Token {token_id} is revoked.")
    if not is_known:
        warn(
            f"no token {token_id} was made by `clicktrail token create` for this store. "
            "Compare the id with `clicktrail token list`."
        )


@token.command("rotate-key")
@setting_options(*STORE)
@click.option(
    "--keep",
    type=click.IntRange(0, 10),
    default=1,
    show_default=True,
    help="Number of older keys that stay valid. 0 keeps none. Example: 2.",
)
def rotate_key(keep: int, **given: str) -> None:
    """Create a new signing key. Tokens of keys that are not kept become invalid at once."""
    settings = read_settings(given)
    with open_keys(settings) as keys:
        keys.rotate(keep)
    note_command(settings)
    click.echo(
        f"New tokens are signed by a new key; {keep} older keys stay valid. "
        "Run this again with --keep 0 to end all earlier tokens."
    )


def _state(issued: Issued, has_key: bool, is_revoked: bool) -> str:
    if is_revoked:
        return "revoked"
    if issued.expire_time is not None and issued.expire_time <= time.time():
        return "expired"
    return "valid" if has_key else "no key"
