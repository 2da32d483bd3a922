"""`clicktrail client create | list | rotate | revoke`: credentials for POST /tokens."""

from typing import Any

import click

from clicktrail.cli.listing import list_objects
from clicktrail.cli.options import STORE, check_partner, read_settings, setting_options
from clicktrail.cli.remote import change
from clicktrail.http.resources.oauth_clients import render_secret
from clicktrail.model.access import Scope
from clicktrail.model.ids import is_id
from clicktrail.query.fields import CLIENT
from clicktrail.store.objects import oauth_clients as clients
from clicktrail.store.store import Store

_LINE = "{:24}  {:7}  {:8}{:26}{}"


class ObjectId(click.ParamType[str]):
    """24 hex digits, as `client create` shows them."""

    name = "id"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return (
            value
            if is_id(value)
            else self.fail(f"{value!r} is not an id. An id has 24 lower-case hex digits.", param, ctx)
        )


@click.group()
def client() -> None:
    """Create, list and revoke OAuth clients: credentials with which programs get tokens."""


@client.command()
@setting_options(*STORE)
@click.option(
    "--scope",
    type=click.Choice([scope.value for scope in Scope]),
    default=Scope.WRITE.value,
    show_default=True,
    help="Access rights of the OAuth client's tokens.",
)
@click.option("--partner", metavar="PROFILE_ID", help="Partner of an OAuth client with the scope partner or postback.")
@click.option("--name", help="Purpose of the OAuth client.")
def create(scope: str, partner: str | None, name: str | None, **given: str) -> None:
    """Create an OAuth client and print its id and secret. The secret is shown only once."""
    check_partner(scope, partner)
    body = {"scope": scope, "partnerId": partner, "name": name}
    values = {"scope": scope, "partner_id": partner, "name": name}

    async def local(store: Store) -> dict[str, Any]:
        return render_secret(*await store.run(clients.create_client, store.ids, values), "en")

    _show_secret(change(read_settings(given), lambda api: api.call("POST", "/clients", body), local))


@client.command("list")
@setting_options(*STORE)
def list_clients(**given: str) -> None:
    """List the OAuth clients, never their secrets."""
    found = list_objects(read_settings(given), CLIENT, "/clients", "createTime")
    if found:
        click.echo(_LINE.format("id", "state", "scope", "partner", "name"))
    for item in found:
        state = "enabled" if item["enabled"] else "revoked"
        click.echo(_LINE.format(item["clientId"], state, item["scope"], item["partnerId"] or "-", item["name"] or ""))


@client.command()
@setting_options(*STORE)
@click.argument("client_id", type=ObjectId())
def rotate(client_id: str, **given: str) -> None:
    """Create a new secret of an OAuth client. The old secret becomes invalid at once."""

    async def local(store: Store) -> dict[str, Any]:
        return render_secret(*await store.run(clients.rotate_secret, client_id), "en")

    _show_secret(change(read_settings(given), lambda api: api.call("POST", f"/clients/{client_id}/secret"), local))


@client.command()
@setting_options(*STORE)
@click.argument("client_id", type=ObjectId())
def revoke(client_id: str, **given: str) -> None:
    """Revoke an OAuth client and all its tokens."""
    change(
        read_settings(given),
        lambda api: api.call("DELETE", f"/clients/{client_id}"),
        lambda store: store.run(clients.revoke_client, client_id),
    )
    click.echo(f"OAuth client {client_id} is revoked.")


def _show_secret(made: dict[str, Any]) -> None:
    click.echo(f"clientId      {made['clientId']}")
    click.echo(f"clientSecret  {made['clientSecret']}")
