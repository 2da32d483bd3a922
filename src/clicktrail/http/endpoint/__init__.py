"""From an ASGI request to a handler and back: access, bodies, paging, streams, problem documents."""
