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
    return percent(metrics.registrations, metrics.clicks)


def percent(part: int, whole: int) -> str:
    """100 × part ÷ whole with two decimals, half rounded away from zero; "0.00" where the whole is 0."""
    return hundredths(100 * part, whole) if whole else "0.00"


def hundredths(number: int, divisor: int) -> str:
    """A quotient with two decimals, half rounded away from zero. `divisor` is positive."""
    size = (abs(number) * 200 + divisor) // (2 * divisor)
    sign = "-" if number < 0 and size else ""
    return f"{sign}{size // 100}.{size % 100:02d}"
