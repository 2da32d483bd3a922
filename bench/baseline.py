"""What one would write oneself: FastAPI, SQLAlchemy and asyncpg on PostgreSQL, one INSERT and one commit a request.

It stores the same columns as Clicktrail's clicks, without working anything out.
"""

import sys
import time
import uuid
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import BigInteger, Column, MetaData, String, Table
from sqlalchemy.ext.asyncio import create_async_engine

POOL = 20
_TEXTS = ("referrer", "ip", "uri", "user_agent", "utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term")
clicks = Table(
    "baseline_clicks",
    MetaData(),
    Column("click_id", String, primary_key=True),
    Column("time", BigInteger),
    *(Column(name, String) for name in _TEXTS),
)


class Body(BaseModel):
    ip: str
    uri: str
    referrer: str | None = None
    userAgent: str | None = None  # noqa: N815 - the name in the API
    locale: str | None = None


def make_app(url: str) -> FastAPI:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=POOL)

    @asynccontextmanager
    async def lifespan(_: FastAPI):
        async with engine.begin() as connection:
            await connection.run_sync(clicks.metadata.create_all)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/clicks", status_code=201)
    async def create(body: Body) -> dict[str, str | int | None]:
        query = parse_qs(urlsplit(body.uri).query)
        row = {
            "click_id": uuid.uuid4().hex,
            "time": int(time.time() * 1_000_000),
            "referrer": body.referrer,
            "ip": body.ip,
            "uri": body.uri,
            "user_agent": body.userAgent,
            **{name: query.get(name, [None])[-1] for name in _TEXTS if name.startswith("utm_")},
        }
        async with engine.begin() as connection:
            await connection.execute(clicks.insert().values(row))
        return row

    return app


if __name__ == "__main__":
    uvicorn.run(make_app(sys.argv[1]), port=int(sys.argv[2]), log_level="error", access_log=False)
