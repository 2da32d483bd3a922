"""The rule of registration: which profile a click is tied to. Pure; the store reads before it and writes after it."""

from collections.abc import Mapping
from typing import Any

from clicktrail.errors import Conflict, Mistake
from clicktrail.model.click import Click


def choose_profile(
    click: Click, own: Mapping[str, Any] | None, known: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """The profile that a registration through `click` updates; None for a new one.

    `own` is the client that the click already has, `known` the one whose uuid the registration carries. A click
    without a client goes to the known one. A click that has one keeps it: a registration that names another raises
    Conflict, because moving a click from one client to another would move money.
    """
    if own is not None and known is not None and own["profileId"] != known["profileId"]:
        raise Conflict(
            f"The click {click.click_id} already belongs to the client {own['profileId']}.",
            (Mistake(f"is the uuid of another client, {known['profileId']}", pointer="/profile/uuid"),),
        )
    return own if own is not None else known
