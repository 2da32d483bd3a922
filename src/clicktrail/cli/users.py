"""`clicktrail user invite | list | disable | reset`: people who sign in."""

from urllib.parse import quote

import click

from clicktrail.cli.api_client import Client
from clicktrail.cli.listing import list_objects
from clicktrail.cli.options import STORE, check_partner, read_settings, setting_options
from clicktrail.cli.remote import change
from clicktrail.cli.running import browser_url
from clicktrail.errors import NotFound
from clicktrail.model.access import PEOPLE, Scope
from clicktrail.query.fields import MAX_TEXT, USER
from clicktrail.settings import Settings
from clicktrail.store.objects import invitations, users
from clicktrail.store.store import Store

_PAGE = 1000
_LINE = "{:24}  {:8}  {:7}  {:24}  {}"
_LINK = ("host", "port", "base_path", "public_url")
"""Settings that the link of an invitation is made of, if no server runs."""


class UserName(click.ParamType[str]):
    """A name of 1 to 255 characters."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip() or len(value) > MAX_TEXT or "\0" in value:
            self.fail(f"{value[:20]!r} is not a name. A name has 1 to {MAX_TEXT} characters.", param, ctx)
        return value.strip()


@click.group()
def user() -> None:
    """Invite, list, disable and reset users: people who sign in."""


@user.command()
@setting_options(*STORE, *_LINK)
@click.argument("name", type=UserName())
@click.option(
    "--scope",
    type=click.Choice([scope.value for scope in sorted(PEOPLE)]),
    default=Scope.READ.value,
    show_default=True,
    help="Access rights.",
)
@click.option("--partner", metavar="PROFILE_ID", help="Partner of a user with the scope partner.")
def invite(name: str, scope: str, partner: str | None, **given: str) -> None:
    """Add a user, and print the link with which the user sets a password within seven days."""
    check_partner(scope, partner)
    settings = read_settings(given)
    body = {"name": name, "scope": scope, "partnerId": partner}

    def remote(api: Client) -> str:
        made = api.call("POST", "/users", body)
        return str(api.call("POST", f"/users/{made['userId']}/invitation")["url"])

    async def local(store: Store) -> str:
        row = {"name": name, "scope": scope, "partner_id": partner}
        user_id = await store.run(users.create_user, store.ids, row)
        return link(settings, await store.run(invitations.invite, user_id))

    show_link(name, change(settings, remote, local))


@user.command("list")
@setting_options(*STORE)
def list_users(**given: str) -> None:
    """List the users."""
    found = list_objects(read_settings(given), USER, "/users", "name")
    if not found:
        click.echo("There is no user yet. Invite one: clicktrail user invite NAME --scope admin", err=True)
        return
    click.echo(_LINE.format("id", "state", "scope", "partner", "name"))
    for item in found:
        state = "disabled" if not item["enabled"] else "enabled" if item["hasPassword"] else "invited"
        click.echo(_LINE.format(item["userId"], state, item["scope"], item["partnerId"] or "-", item["name"]))


@user.command()
@setting_options(*STORE)
@click.argument("name", type=UserName())
def disable(name: str, **given: str) -> None:
    """Disable a user and end all sessions of the user."""

    async def local(store: Store) -> None:
        await store.run(users.update_user, await find_id(store, name), {"enabled": False})

    change(
        read_settings(given),
        lambda api: api.call("PATCH", f"/users/{find_remote_id(api, name)}", {"enabled": False}),
        local,
    )
    click.echo(f"The user {name} is disabled.")


@user.command()
@setting_options(*STORE, *_LINK)
@click.argument("name", type=UserName())
def reset(name: str, **given: str) -> None:
    """Remove the password and second factor of a user, end all sessions, and print the link of a new invitation."""
    settings = read_settings(given)

    async def local(store: Store) -> str:
        user_id = await find_id(store, name)
        await store.run(users.reset_user, user_id)
        return link(settings, await store.run(invitations.invite, user_id))

    def remote(api: Client) -> str:
        return str(api.call("POST", f"/users/{find_remote_id(api, name)}/reset")["url"])

    show_link(name, change(settings, remote, local))


async def find_id(store: Store, name: str) -> str:
    """Raises NotFound."""
    _, found = await store.run(users.find_credentials, name)
    if found is None:
        raise unknown(name)
    return found.user_id


def find_remote_id(api: Client, name: str) -> str:
    """Raises NotFound, ApiError."""
    for item in api.call("GET", f"/users?limit={_PAGE}&filter[name]={quote(name)}"):
        if item["name"].lower() == name.lower():
            return str(item["userId"])
    raise unknown(name)


def unknown(name: str) -> NotFound:
    return NotFound(f"There is no user {name}; see `clicktrail user list`.")


def link(settings: Settings, made: invitations.Invitation) -> str:
    return f"{browser_url(settings)}/welcome#{made.token}"


def show_link(name: str, url: str) -> None:
    """The link is the last line, so that scripts can take it."""
    click.echo(f"Send this link to {name}. It works once, within seven days, and sets the password:")
    click.echo(url)
