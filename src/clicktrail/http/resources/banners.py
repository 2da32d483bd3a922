"""Banners, their languages, sizes and themes, and which of these are in use."""

from typing import Annotated

from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Document, Id, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.resources.catalogue import operations_on
from clicktrail.model.access import READERS
from clicktrail.query.fields import BANNER, LANGUAGE, SIZE, THEME
from clicktrail.store.objects import catalogue as catalog


class LanguageFacet(Document):
    """A language that a banner has."""

    language_id: Annotated[Id, says("The language.")]
    language_name: Annotated[str, says("Its name.", "en")]


class SizeFacet(Document):
    """A size that a banner has."""

    size_id: Annotated[Id, says("The size.")]
    size_name: Annotated[str, says("Its name.", "200x200")]


class ThemeFacet(Document):
    """A theme that a banner has."""

    theme_id: Annotated[Id, says("The theme.")]
    theme_name: Annotated[str, says("Its name.", "Dark")]


class BannerFilters(Document):
    """The languages, sizes and themes that banners have."""

    languages: Annotated[list[LanguageFacet], says("Every language that a banner has.")]
    sizes: Annotated[list[SizeFacet], says("Every size that a banner has.")]
    themes: Annotated[list[ThemeFacet], says("Every theme that a banner has.")]


async def list_banner_filters(call: Call) -> Answer:
    used = await call.ask(catalog.list_used_facets)
    return json_answer(
        BannerFilters(
            languages=[LanguageFacet(*each) for each in used["languages"]],
            sizes=[SizeFacet(*each) for each in used["sizes"]],
            themes=[ThemeFacet(*each) for each in used["themes"]],
        )
    )


OPERATIONS = (
    Operation(
        route="GET /banners/filters",
        handler=list_banner_filters,
        name="getBannerFilters",
        summary="Get the languages, sizes and themes in use",
        scopes=READERS,
        answer=BannerFilters,
        statuses=(200, 429, 503),
    ),
    *operations_on(LANGUAGE),
    *operations_on(SIZE),
    *operations_on(THEME),
    *operations_on(BANNER),
)
