"""Makes the pictures of the docs (`make screenshots`): a server with the data of `clicktrail demo`, seen with Chromium.

For developers alone. Needs the packages of the tests and a Chromium on this machine; asks nothing of other hosts. The
data end today, so each run makes other pictures. All names, addresses and clients in them are invented.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.browser.chromium import CHROMIUM, QUIET
from tests.people import PASSWORD, invite
from tests.serving import COMMAND, Serving, environment, serving

FOLDER = Path(__file__).parent.parent / "docs" / "images"
MOST_BYTES = 150_000
WIDE, DENSE, PHONE = (1280, 800, "light"), (1280, 660, "light"), (390, 800, "dark")
PICTURES = (
    # name, who looks, at what size, path, the heading that is scrolled to the top
    ("overview", "mary", WIDE, "", None),
    ("live", "mary", WIDE, "/live", None),
    ("partners", "mary", DENSE, "/partners", None),
    ("partner", "mary", WIDE, "/partners/{partner}", None),
    ("link", "mary", WIDE, "/links/{link}", "Test the link"),
    ("click", "mary", DENSE, "/clicks/{click}", None),
    ("registrations", "mary", DENSE, "/registrations", None),
    ("setup", "mary", DENSE, "/setup", None),
    ("phone", "mary", PHONE, "", None),
    ("portal", "ada", WIDE, "", None),
    ("uncounted", "ada", WIDE, "", "Why clicks did not count"),
    ("statement", "ada", WIDE, "/statement", None),
)
DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36"
ARRIVING = (
    # user agent, host of the referrer
    (DESKTOP, "blog.example.net"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "forum.example.org"),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", None),
    ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/131.0.0.0 Mobile Safari/537.36", None),
)
"""Browsers of the clicks that arrive while the page Live is open, with the sites from which they come."""
ADDRESSES = ("8.8.8.8", "81.2.69.142", "91.198.174.192", "133.11.0.1", "200.160.2.3")


def main() -> None:
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium on this machine. Install the package chromium.")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        subprocess.run([*COMMAND, "demo", "--data", data], check=True, env=environment())  # noqa: S603
        with serving(data, link_hosts="go.example.org") as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            with server.client() as api:
                add_arrivals(api)
                ids = find_ids(api)
                people = {"mary": invite(api, "mary")[1], "ada": invite(api, "ada", "partner", ids["partner"])[1]}
            take_all(browser, server, people, ids)
            browser.close()


def add_arrivals(api: httpx.Client) -> None:
    """Clicks of the last half hour, more and more of them."""
    now = datetime.now(UTC)
    for number in range(60):
        agent, host = ARRIVING[number % len(ARRIVING)]
        click = {
            "time": (now - timedelta(seconds=7 * (60 - number) + (60 - number) ** 2 / 3)).isoformat(),
            "uri": f"https://shop.example.org/welcome?referral=demo-{number % 7 + 1}",
            "ip": ADDRESSES[number % len(ADDRESSES)],
            "userAgent": agent,
            **({"referrer": f"https://{host}/best-of"} if host else {}),
        }
        api.post("/clicks", json=click).raise_for_status()


def find_ids(api: httpx.Client) -> dict[str, str]:
    """The partner and the link with the most clicks, and a click that brought that partner a client."""
    report = "/reports?limit=1&metrics=clicks&group_by="
    partner = next(row["partnerId"] for row in api.get(f"{report}partner&filter[code]=demo-1").json()["rows"])
    of_partner = f"filter[partnerId]={partner}"
    link = api.get(f"{report}link&{of_partner}").json()["rows"][0]["linkId"]
    found = api.get(f"/registrations?{of_partner}&limit=20").json()
    return {"partner": partner, "link": link, "click": next(each["clickId"] for each in found if each["clickId"])}


def take_all(browser: Browser, server: Serving, people: Mapping[str, str], ids: Mapping[str, str]) -> None:
    for person, token in people.items():
        with signed_in(browser, server, token) as page:
            for name, looks, (width, height, scheme), path, heading in PICTURES:
                if looks == person:
                    page.set_viewport_size({"width": width, "height": height})
                    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                    take(page, name, path.format(**ids), heading)


@contextmanager
def signed_in(browser: Browser, server: Serving, token: str) -> Iterator[Page]:
    """A page of the dashboard, of a person who has opened an invitation."""
    context = browser.new_context(locale="en-GB", user_agent=DESKTOP)
    page = context.new_page()
    page.goto(f"{server.url}/welcome#{token}")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set password and sign in").click()
    page.locator(".menu").wait_for()
    yield page
    context.close()


def settle(page: Page) -> None:
    """Waits until every answer is shown."""
    page.locator("main h1").wait_for()
    expect(page.locator(".skeleton, [aria-busy=true]")).to_have_count(0)


def take(page: Page, name: str, path: str, heading: str | None) -> None:
    """Writes a picture of what the window shows. Raises SystemExit if it is too large for the repository."""
    page.goto(re.sub(r"/(dashboard|welcome).*", f"/dashboard{path}", page.url))
    settle(page)
    if heading:
        top = page.get_by_role("heading", name=heading).evaluate("(each) => each.getBoundingClientRect().top")
        page.evaluate("top => scrollTo(0, top - 80)", top)
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)  # colours fade in, and a panel that has come into view loads
    settle(page)
    file = FOLDER / f"{name}.png"
    page.screenshot(path=file)
    if file.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{file} has {file.stat().st_size} bytes; at most {MOST_BYTES} are allowed.")


if __name__ == "__main__":
    main()
