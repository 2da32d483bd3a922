"""Calls a server by the client that openapi-python-client makes of its document, and prints what came of them."""

import base64
import json
import os
import sys

from clicktrail_api import AuthenticatedClient
from clicktrail_api.api.asking import export_clicks, list_clicks
from clicktrail_api.api.links import create_link
from clicktrail_api.api.recording import create_click, create_clicks
from clicktrail_api.api.registering import update_click
from clicktrail_api.api.tokens import create_token
from clicktrail_api.models import (
    ClickBatchSummary,
    ClickCreate,
    ClickFilter,
    ClickUpdateFields,
    ClickUpdateWrapped,
    Grant,
    Link,
    LinkCreate,
    Problem,
    Token,
)

url, mark = os.environ["URL"], os.environ["MARK"]
basic = base64.b64encode("{CLIENT}:{SECRET}".format(**os.environ).encode()).decode()
token = create_token.sync(client=AuthenticatedClient(url, basic, prefix="Basic"), body=Grant("client_credentials"))
assert isinstance(token, Token)
client = AuthenticatedClient(url, token.access_token)

link = create_link.sync(client=client, body=LinkCreate(code=mark))
assert isinstance(link, Link)
uri = f"https://x.example/?referral={mark}&utm_source={mark}&n="
stored = create_clicks.sync(client=client, body=[ClickCreate(ip="8.8.8.8", uri=uri + str(n)) for n in range(3)])
assert isinstance(stored, ClickBatchSummary)

asked = ClickFilter(filteruricontains="n=1", filteripin="8.8.0.0/16", filterreferrernull=True)
found = list_clicks.sync(client=client, filterutm_source=mark, filters=asked, querylink=True)
assert isinstance(found, list)
first = list_clicks.sync_detailed(client=client, filterutm_source=mark, limit=2, prefer="count=exact")
assert isinstance(first.parsed, list)
cursor = first.headers["Link"].partition("cursor=")[2].partition(">")[0]
second = list_clicks.sync(client=client, filterutm_source=mark, limit=2, cursor=cursor)
assert isinstance(second, list)

profile = ClickUpdateWrapped(ClickUpdateFields(first_name="Mary"))
registered = update_click.sync(stored.click_ids[0], client=client, body=profile)
clients = list_clicks.sync(client=client, filterutm_source=mark, filterregistration=True, queryprofile=True)
assert isinstance(clients, list)
lines = export_clicks.sync(client=client, filterutm_source=mark)
assert isinstance(lines, str)
refused = create_click.sync_detailed(client=client, body=ClickCreate(ip="nowhere", uri="https://x.example/"))
assert isinstance(refused.parsed, Problem)

told = {
    "scope": token.scope,
    "found": [click.uri.rpartition("=")[2] for click in found],
    "codes": [click.link.code for click in found if isinstance(click.link, Link)],
    "total": first.headers["X-Total-Count"],
    "pages": [click.uri.rpartition("=")[2] for click in (*first.parsed, *second)],
    "names": [click.profile.to_dict()["name"] for click in clients if click.profile],
    "lines": len(lines.splitlines()),
    "pointers": [mistake.pointer for mistake in refused.parsed.errors],
    "status": refused.status_code.value,
    "has_id": "X-Request-Id" in refused.headers,
}
sys.stdout.write(json.dumps(told))
