"""What admins are told of the settings."""

import httpx

from clicktrail.settings import setting_table
from tests.serving import Serving


def test_all_settings_are_listed_and_none_shows_a_password(server: Serving, api: httpx.Client) -> None:
    shown = {each["name"]: each for each in api.get("/settings").json()}
    assert list(shown) == [row.variable for row in setting_table()]
    assert (shown["CLICKTRAIL_PORT"]["value"], shown["CLICKTRAIL_PORT"]["isDefault"]) == (
        server.url.rpartition(":")[2],
        False,
    )
    assert shown["CLICKTRAIL_ZONE"]["value"] == "UTC"
    assert shown["CLICKTRAIL_STRICT"]["value"] == "true"
    assert shown["CLICKTRAIL_ZONE"]["isDefault"] is True
    assert "@" not in shown["CLICKTRAIL_DATABASE"]["value"]
    assert "://" in shown["CLICKTRAIL_DATABASE"]["value"]
