import msgspec


class LinkMetrics(msgspec.Struct, frozen=True):
    """Counts of one link's clicks. Times are microseconds, None before the first click.

    `unique_clicks` counts distinct pairs of address and user agent. `registrations` counts the clicks that have a
    client.
    """

    clicks: int = 0
    unique_clicks: int = 0
    registrations: int = 0
    first_click_time: int | None = None
    last_click_time: int | None = None


def conversion_rate(metrics: LinkMetrics) -> str:
    """Registrations per hundred clicks, two decimals, half rounded up; "0.00" without clicks."""
    if not metrics.clicks:
        return "0.00"
    hundredths = (metrics.registrations * 20_000 + metrics.clicks) // (2 * metrics.clicks)
    return f"{hundredths // 100}.{hundredths % 100:02d}"
