// The public API, and nothing else: what the dashboard shows, anyone with a token can ask for.
import { base, renderQuery } from "./router.js";
import { say } from "./format.js";
import { end, token, viewer } from "./session.js";
import { texts } from "./texts.js";

/** A refusal: the problem document of the API. Status 0 means that there was no answer. */
export class Problem extends Error {
  constructor(status, document = {}) {
    super(document.detail || document.title || (status ? say(texts.states.status, { status }) : texts.states.noAnswer));
    this.status = status;
    this.kind = (document.type ?? "").replace("urn:clicktrail:problem:", "");
    this.errors = document.errors ?? [];
    this.requestId = document.requestId;
  }
}

// There a 401 says that what was typed is wrong, not that the session has ended.
const ASKS_FOR_SECRETS = /^\/(session|welcome|access)\b/;

/** The answer: its JSON, the cursor of the next page, and the total of a list where it was asked for. */
export async function ask(path, query = {}, { method = "GET", body, signal, headers = {} } = {}) {
  const answer = await send(path, query, { method, body, signal, headers });
  return {
    body: await arrived(answer.text().then((text) => JSON.parse(text || "null")), silenceOf(path, method)),
    next: readNext(answer.headers.get("Link")),
    total: answer.headers.has("X-Total-Count") ? Number(answer.headers.get("X-Total-Count")) : null,
  };
}

/** The result of a step of a request. The connection may end at each step, also in the middle of an answer. A proxy may
 *  also answer instead of the server, with a page that is no JSON. */
function arrived(step, detail) {
  return step.catch((error) => {
    throw error.name === "AbortError" ? error : new Problem(0, { detail });
  });
}

/** What to say if there is no answer: what was sent once may be done twice if it is sent again. */
const silenceOf = (path, method) => (method === "POST" && !ASKS_FOR_SECRETS.test(path) ? texts.states.noAnswerToChange : texts.states.noAnswer);

/** The answer as a file. Raises Problem. */
export async function askFile(path, query, options) {
  const answer = await send(path, query, options);
  return arrived(answer.blob(), texts.states.noAnswer);
}

/** The answer as it is. Raises Problem. */
export async function send(path, query = {}, { method = "GET", body, signal, headers = {} } = {}) {
  const all = { ...headers };
  const asker = viewer.value;
  if (token.value) all.Authorization = `Bearer ${token.value}`;
  if (body !== undefined) all["Content-Type"] = "application/json";
  const options = { method, signal, headers: all, body: body === undefined ? undefined : JSON.stringify(body) };
  const answer = await arrived(fetch(urlOf(path, query), options), silenceOf(path, method));
  if (answer.ok) return answer;
  const problem = new Problem(answer.status, await answer.json().catch(() => ({})));
  signal?.throwIfAborted(); // what no one waits for is no one's problem
  if (answer.status === 401 && !ASKS_FOR_SECRETS.test(path) && viewer.value === asker) end(); // who signed in meanwhile goes on
  throw problem;
}

export function urlOf(path, query = {}) {
  const text = renderQuery(query);
  return base + path + (text ? `?${text}` : "");
}

function readNext(header) {
  const url = /<([^>]*)>;\s*rel="next"/.exec(header ?? "")?.[1];
  return url ? new URL(url, location.href).searchParams.get("cursor") : null;
}

/** The same request for a shell. `$AUTH` is the header with the token, as in the documentation: no one pastes a real one. */
export function curlOf(path, query = {}, { method = "GET", body } = {}) {
  const parts = ["curl -s -g", method === "GET" ? "" : `-X ${method}`, '-H "$AUTH"'];
  parts.push(quote(location.origin + urlOf(path, query)));
  if (body !== undefined) parts.push(`--data-raw ${quote(JSON.stringify(body))}`);
  return parts.filter(Boolean).join(" ");
}

function quote(text) {
  return `'${text.replace(/'/g, "'\\''")}'`;
}
