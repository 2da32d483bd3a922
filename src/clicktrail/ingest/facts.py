"""What a hit says without the store: campaign, place, agent, visitor. Nothing is refused; unknown values are None."""

from collections.abc import Sequence

import msgspec

from clicktrail.ingest.agents import Agent, find_agent, find_agents
from clicktrail.ingest.campaign import find_campaign
from clicktrail.ingest.geo import Geo, Place
from clicktrail.model.addresses import parse_ip
from clicktrail.model.click import Hit
from clicktrail.model.clock import Clock
from clicktrail.model.uris import find_host
from clicktrail.model.visitors import visitor_of

_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


class Parameters(msgspec.Struct, frozen=True):
    """The names of uri parameters for a link's code, a banner's id and, to the landing page, a click's id."""

    code: str = "referral"
    banner: str = "banner"
    click: str = "click_id"


class Facts(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """As in `Click`. `code` and `banner_id` are what the uri says: only the store knows whether they exist."""

    time: int
    visitor: int
    utm_campaign: str | None
    utm_content: str | None
    utm_medium: str | None
    utm_source: str | None
    utm_term: str | None
    code: str | None
    banner_id: str | None
    country_code: str | None
    latitude: float | None
    longitude: float | None
    is_data_centre: bool | None
    device: str | None
    browser: str | None
    os: str | None
    bot: str | None
    referrer_host: str | None


class FactFinder:
    """Finds the facts of hits by the operator's geo data and names of parameters."""

    def __init__(self, geo: Geo, clock: Clock, parameters: Parameters) -> None:
        self.geo = geo
        self.parameters = parameters
        self._clock = clock

    def warm_up(self) -> None:
        """Loads what the first click would otherwise wait for: rules of user agents and robots, and geo data."""
        self.find(Hit(ip=parse_ip("192.0.2.1"), uri="https://example.com/", user_agent=_BROWSER))

    def find(self, hit: Hit) -> Facts:
        return self._gather(hit, self.geo.find(hit.ip), find_agent(hit.user_agent))

    def find_all(self, hits: Sequence[Hit]) -> list[Facts]:
        """`find` of each hit, column by column: each distinct agent and address is looked up once, and the tables of a
        lookup stay in the processor's cache."""
        agents = find_agents([hit.user_agent for hit in hits])
        places = self.geo.find_all([hit.ip for hit in hits])
        return list(map(self._gather, hits, places, agents))

    def _gather(self, hit: Hit, place: Place, agent: Agent) -> Facts:
        time = self._clock.now_s() if hit.time is None else hit.time
        campaign = find_campaign(hit.uri, self.parameters.code, self.parameters.banner)
        return Facts(
            time,
            visitor_of(hit.ip, hit.user_agent, time),
            *campaign,
            *place,
            *agent,
            referrer_host=find_host(hit.referrer),
        )
