"""`clicktrail token create | revoke | rotate-key`."""

import re

import click

from clicktrail.app import open_keys
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.cli.remote import change
from clicktrail.errors import ClicktrailError
from clicktrail.model.access import PARTNERS, Scope
from clicktrail.model.ids import is_id
from clicktrail.store import clients
from clicktrail.tokens import issue_token

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_duration = re.compile(r"(\d{1,6})([smhdw])\Z").match


class Lifetime(click.ParamType[int | None]):
    """`90d`, `12h`, `30m`, or `never`."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Seconds; None for never."""
        if value == "never":
            return None
        match = _duration(value)
        if match is None:
            self.fail(f"{value!r} is not a duration such as 90d, 12h or 30m, nor `never`", param, ctx)
        return int(match[1]) * _SECONDS[match[2]]


@click.group()
def token() -> None:
    """Make and end bearer tokens."""


@token.command()
@setting_options(*STORE)
@click.option(
    "--scope", type=click.Choice([scope.value for scope in Scope]), default=Scope.ADMIN.value, show_default=True
)
@click.option("--partner", metavar="PROFILE_ID", help="The partner whose clicks a token of scope partner sees.")
@click.option("--name", default="cli", show_default=True, help="Who the token is for; it is written in the token.")
@click.option("--expires", type=Lifetime(), default="90d", show_default=True, help="90d, 12h, 30m, or never.")
def create(scope: str, partner: str | None, name: str, expires: int | None, **given: str) -> None:
    """Print a new token on the last line. Works while a server runs on the same data."""
    if (scope in PARTNERS) != (partner is not None):
        raise click.UsageError("--partner PROFILE_ID goes with the scopes partner and postback alone.")
    if partner is not None and not is_id(partner):
        raise click.UsageError("--partner takes a profile id: 24 lower-case hex digits.")
    settings = read_settings(given)
    try:
        with open_keys(settings) as keys:
            made, token_id = issue_token(keys, Scope(scope), f"cli:{name}", expires, partner)
    except ClicktrailError as error:
        raise click.ClickException(error.detail) from None
    except (OSError, ValueError) as error:
        raise click.ClickException(f"The signing key cannot be used: {error}") from None
    click.echo(f"Token {token_id} with scope {scope}. End it with: clicktrail token revoke {token_id}", err=True)
    click.echo(made)


@token.command()
@setting_options(*STORE)
@click.argument("token_id")
def revoke(token_id: str, **given: str) -> None:
    """End the token with this id (it was shown when the token was made)."""
    change(
        read_settings(given),
        lambda api: api.call("POST", "/tokens/revocations", {"tokenId": token_id}),
        lambda store: store.change(clients.revoke_token, token_id),
    )
    click.echo(f"Token {token_id} is revoked.")


@token.command("rotate-key")
@setting_options(*STORE)
@click.option("--keep", type=click.IntRange(0, 10), default=1, show_default=True, help="Older keys that stay valid.")
def rotate_key(keep: int, **given: str) -> None:
    """Sign with a new key from now on. Tokens of keys that are not kept end at once."""
    try:
        with open_keys(read_settings(given)) as keys:
            keys.rotate(keep)
    except ClicktrailError as error:
        raise click.ClickException(error.detail) from None
    click.echo(f"A new key signs; {keep} older stay valid. Run again with --keep 0 to end all earlier tokens.")
