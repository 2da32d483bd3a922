"""From ASGI to a handler and back: one path with its methods. `access` checks the caller and the request."""

import asyncio
import contextlib
import time
from codecs import BOM_UTF8
from collections.abc import AsyncGenerator, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from clicktrail.errors import (
    ClicktrailError,
    ClientLeft,
    MethodNotAllowed,
    NotFound,
    Unauthenticated,
)
from clicktrail.http.endpoint.access import check_accept, check_access, check_content_type
from clicktrail.http.endpoint.asking import wait_until_left
from clicktrail.http.endpoint.bodies import late_at, read_body
from clicktrail.http.endpoint.call import (
    COUNT_EXACT,
    LENIENT,
    NO_CONTENT,
    Answer,
    Call,
    Services,
    chain,
)
from clicktrail.http.endpoint.compression import MIN_BYTES, check_content_encoding, compress, inflate
from clicktrail.http.endpoint.connections import cut
from clicktrail.http.endpoint.held import SMALL_BYTES
from clicktrail.http.endpoint.operation import NAMES, Operation
from clicktrail.http.endpoint.problems import INTERNAL, render_problem
from clicktrail.http.endpoint.request_ids import NAME, OWN_ID, find_request_id
from clicktrail.http.endpoint.streams import End
from clicktrail.http.endpoint.trails import Trail, fields_of, is_due, kind_of, object_of, question_of, shows_contacts
from clicktrail.model.ids import is_id
from clicktrail.observe.counts import method_label
from clicktrail.query.fields import Resource
from clicktrail.query.grammar import NOTHING, Asked, Grammar
from clicktrail.query.parse import parse_query
from clicktrail.query.urlencoded import drop_cache_buster

_APPLIED = "Preference-Applied"
NOSNIFF = (b"x-content-type-options", b"nosniff")
"""Browsers must use the declared type, and must not guess another one."""


class Endpoint:
    """An ASGI application for one path; `operations` by method."""

    def __init__(self, services: Services, route: str, operations: Mapping[str, Operation]) -> None:
        self._services = services
        self._route = route
        self._operations = dict(operations)
        if "GET" in operations:
            self._operations["HEAD"] = operations["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Always answers the request, then notifies the observer."""
        await respond(self._services, scope, self._route, self._answer(scope, receive), send, receive=receive)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        operation = self._operations.get(scope["method"])
        if operation is None:
            allowed = ", ".join(sorted(self._operations))
            headers = {"Allow": allowed, **closing(scope)}
            raise MethodNotAllowed(f"Allowed here: {allowed}.", headers=headers)
        with contextlib.ExitStack() as held:
            return await self._perform(operation, scope, receive, held)

    async def _perform(
        self, operation: Operation, scope: Scope, receive: Receive, held: contextlib.ExitStack
    ) -> Answer:
        """The operation's answer. `held` ends when the body is no longer needed."""
        try:
            call = await self._read(operation, scope, receive, held)
        except ClicktrailError as error:
            error.headers = {**error.headers, **closing(scope)}
            _amend(operation, error)
            raise
        try:
            answer = keep_private(call, say_applied(call, await _handle(operation, call)))
        except ClicktrailError as error:
            _amend(operation, error)
            raise
        if answer.stream is None or scope["method"] == "HEAD":
            is_own = operation.scopes and len(answer.body) > SMALL_BYTES
            is_question = scope["method"] == "GET"  # what was changed is always answered: a refusal would be sent again
            return replace(answer, asker=call.viewer.asker) if is_own and is_question else answer
        return await begin(answer, answer.stream, receive)

    async def _read(self, operation: Operation, scope: Scope, receive: Receive, held: contextlib.ExitStack) -> Call:
        headers = Headers(scope=scope)
        viewer, signed_in = await check_access(operation, self._services, scope, headers)
        path = read_path(scope.get("path_params", {}))
        check_accept(operation.media_type, headers, operation.other_types)
        call = Call(
            services=self._services,
            viewer=viewer,
            signed_in=signed_in,
            headers=headers,
            path=path,
            query=drop_cache_buster(scope["query_string"]),
            scope=scope,
            receive=receive,
        )
        asked = read_query(operation.query, call)
        call = replace(call, asked=asked, trail=_find_trail(operation, call, asked))
        if operation.body is None:
            return call
        check_content_type(headers, operation.body_types, is_strict=signed_in is not None or operation.is_sign_in)
        limits, is_compressed = self._services.limits, check_content_encoding(headers)
        most, pause_s = operation.max_bytes or limits.max_body_bytes, limits.body_timeout_s
        share = held.enter_context(self._services.bodies.hold(viewer.asker))
        body = await read_body(receive, most, pause_s, late_at(scope, pause_s), share)
        if is_compressed:
            body = await inflate(body, most)
            share.grow_to(share.size + len(body))
        body = body.removeprefix(BOM_UTF8)
        if call.trail is not None and isinstance(operation.body, Resource):
            call.trail.detail.update(fields_of(body, operation.body))
        return replace(call, body=body)


async def _handle(operation: Operation, call: Call) -> Answer:
    """The handler's answer, once the request has its entry in the audit log."""
    try:
        answer = await operation.handler(call)
    except Unauthenticated as error:
        if call.trail is not None:
            await call.services.entries.write_refusal(call.trail, error)
        raise
    if call.trail is not None:
        await call.settle(answer.status)
    return answer


def _find_trail(operation: Operation, call: Call, asked: Asked) -> Trail | None:
    """The beginning of the request's entry in the audit log; None if it has none."""
    if not is_due(operation.audit, operation.method, call.viewer) and not shows_contacts(
        operation.answer, asked, call.viewer
    ):
        return None
    object_type, object_id = object_of(operation.path, call.path)
    parent = {}
    if operation.successes[0] == 201 and isinstance(operation.answer, Resource):  # the path names its parent
        parent = {} if object_id is None else {"of": object_id}
        object_type, object_id = kind_of(operation.answer), None
    return Trail(
        action=operation.name,
        viewer=call.viewer,
        status=operation.successes[0],
        address=call.client_address or None,
        request_id=call.scope[OWN_ID],
        object_type=object_type,
        object_id=object_id,
        detail=parent | question_of(asked),
    )


def read_query(grammar: Grammar, call: Call) -> Asked:
    """The parsed query string. Raises MalformedRequest for parameters that the grammar does not have."""
    if grammar.is_free or (grammar is NOTHING and not call.query):
        return Asked()
    return parse_query(grammar, call.query, call.language, call.reading, COUNT_EXACT in call.preferences)


def closing(scope: Mapping[str, Any]) -> Mapping[str, str]:
    """For an answer to a request whose body was not read: the server announces that it closes the connection."""
    names = {name for name, value in scope["headers"] if value != b"0"}
    return {"Connection": "close"} if names & {b"content-length", b"transfer-encoding"} else {}


def _amend(operation: Operation, error: ClicktrailError) -> None:
    if operation.amend is not None:
        operation.amend(error)


def read_path(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a path, ids in lower case. Raises NotFound if an id is not well-formed."""
    path = {name: value if name in NAMES else value.lower() for name, value in parameters.items()}
    if any(name not in NAMES and not is_id(value) for name, value in path.items()):
        raise NotFound("There is no such object; ids are 24 hex digits.")
    return path


def say_applied(call: Call, answer: Answer) -> Answer:
    """Adds the header that says that unknown input was ignored, if the request preferred that (RFC 7240)."""
    applied = answer.headers.get(_APPLIED, "")
    if LENIENT not in call.preferences or LENIENT in applied:
        return answer
    return replace(answer, headers={**answer.headers, _APPLIED: f"{applied}, {LENIENT}" if applied else LENIENT})


def keep_private(call: Call, answer: Answer) -> Answer:
    """No cache keeps what a session has shown: the next user of the browser must not find it."""
    if call.signed_in is None or "Cache-Control" in answer.headers:
        return answer
    return replace(answer, headers={**answer.headers, "Cache-Control": "no-store"})


async def respond(
    services: Services,
    scope: Scope,
    route: str,
    work: Coroutine[Any, Any, Answer],
    send: Send,
    started: float | None = None,
    receive: Receive | None = None,
) -> None:
    """Sends the answer of `work`, and notifies the observer. `started`: when the request arrived, if earlier."""
    started = time.perf_counter() if started is None else started
    method = method_label(scope["method"])
    request_id = scope[OWN_ID] = find_request_id(scope["headers"])
    answer = await guarded(services, method, route, request_id, work)
    if len(answer.body) >= MIN_BYTES or answer.stream is not None:
        answer = await compress(answer, scope)
    if answer.is_live:  # the time that a caller stays says nothing about the server
        services.observer.request(method, route, answer.status, time.perf_counter() - started, request_id)
    if answer.stream is not None and receive is not None and method != "HEAD":
        await send_stream(services, scope, answer, answer.stream, request_id, receive, send)
    elif len(answer.body) > SMALL_BYTES and method != "HEAD":
        answer = await send_large(services, scope, answer, request_id, send)
    else:
        await send_answer(answer, request_id, method == "HEAD", send)
    if not answer.is_live:
        services.observer.request(method, route, answer.status, time.perf_counter() - started, request_id)


async def refuse(error: Exception) -> Answer:
    """The work of a request that was refused before its real work began."""
    raise error


async def begin(answer: Answer, stream: AsyncGenerator[bytes, None], receive: Receive) -> Answer:
    """The answer with the first piece of its stream already made: an earlier failure can still become an error
    document. Raises ClientLeft.
    """
    first, leaving = asyncio.ensure_future(anext(stream, b"")), asyncio.create_task(wait_until_left(receive))
    try:
        await asyncio.wait((first, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            raise ClientLeft("The caller left before the answer.")
        return replace(answer, stream=chain(first.result(), stream), leaving=leaving)
    except BaseException:
        first.cancel()
        leaving.cancel()
        await asyncio.wait((first,))
        await stream.aclose()
        raise


async def send_stream(
    services: Services,
    scope: Scope,
    answer: Answer,
    stream: AsyncGenerator[bytes, None],
    request_id: str,
    receive: Receive,
    send: Send,
) -> None:
    """Sends an answer in pieces. If the answer cannot be completed, the connection is cut, so that no caller takes a
    part for the whole.
    """
    await send({"type": "http.response.start", "status": answer.status, "headers": header_list(answer, request_id)})
    try:
        leaving = answer.leaving or asyncio.create_task(wait_until_left(receive))
        end = await services.streams.send(stream, leaving, send)
    except Exception as error:  # the answer has begun, so it cannot become an error document
        services.observer.tally.broken_off += 1
        services.observer.log.error("answer broken off", path=scope["path"], request_id=request_id, exc_info=error)
        cut(scope)
        return
    if end is End.WHOLE:
        await send({"type": "http.response.body", "body": b""})
        return
    if end is End.LEFT and answer.is_live:
        return
    services.observer.tally.broken_off += 1
    services.observer.log.warning("answer broken off", path=scope["path"], reason=end.value)
    if end is not End.LEFT:
        cut(scope)


async def guarded(
    services: Services, method: str, route: str, request_id: str, work: Coroutine[Any, Any, Answer]
) -> Answer:
    """The answer of `work`, or the problem document of its failure."""
    try:
        return await work
    except ClicktrailError as error:
        if error.__cause__ is not None:
            details = {"method": method, "route": route, "request_id": request_id}
            services.observer.log.error("refused", **details, exc_info=error.__cause__)
        return render_problem(error)
    except Exception as error:  # the last line of defence: the log has the details, the caller gets none
        details = {"method": method, "route": route, "request_id": request_id}
        services.observer.log.error("failed", **details, exc_info=error)
        return INTERNAL


async def send_answer(answer: Answer, request_id: str, is_head: bool, send: Send) -> None:
    """Sends one ASGI response. HEAD gets the headers of GET and no body."""
    await send({"type": "http.response.start", "status": answer.status, "headers": header_list(answer, request_id)})
    await send({"type": "http.response.body", "body": b"" if is_head else answer.body})


async def send_large(services: Services, scope: Scope, answer: Answer, request_id: str, send: Send) -> Answer:
    """Sends a large answer in pieces. Returns what was sent: a refusal, if its caller has too many unread ones."""
    with contextlib.ExitStack() as held:
        try:
            if answer.asker:
                held.enter_context(services.unread.hold(answer.asker)).grow_to(len(answer.body))
        except ClicktrailError as error:
            answer = render_problem(error)
            await send_answer(answer, request_id, False, send)
            return answer
        await send({"type": "http.response.start", "status": answer.status, "headers": header_list(answer, request_id)})
        if not await services.streams.send_body(answer.body, send):
            services.observer.tally.broken_off += 1
            services.observer.log.warning("answer broken off", path=scope["path"], reason=End.IDLE.value)
            cut(scope)
    return answer


def header_list(answer: Answer, request_id: str) -> list[tuple[bytes, bytes]]:
    """The headers as ASGI needs them. An answer in pieces has no length."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    headers += [NOSNIFF, (NAME, request_id.encode())]
    if answer.status != NO_CONTENT.status:
        headers.append((b"content-type", answer.media_type.encode()))
        if answer.stream is None:
            headers.append((b"content-length", str(len(answer.body)).encode()))
    return headers


async def answer_not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of every path that no operation has."""
    del receive
    if scope["type"] == "http":
        detail = "There is nothing at this path; /docs lists all paths."
        error = NotFound(detail, headers=dict(closing(scope)))
        await send_answer(render_problem(error), find_request_id(scope["headers"]), scope["method"] == "HEAD", send)
