// Follows server-sent events with either sign-in: EventSource could not send a token.
import { useEffect, useRef, useState } from "../vendor/preact/preact.js";
import { send } from "./api.js";

const LONGEST_S = 15;
const SILENT_MS = 45_000; // the server breaks a silence every 15 seconds: a longer one is a connection that is lost unseen

/** Calls `onEvent({kind, data, id})` for each event. Returns `{kind, seconds, problem}`: `connecting`, `open`, `lost`
 *  (it tries again in `seconds`) or `refused`. */
export function useStream(path, query, onEvent) {
  const [state, setState] = useState({ kind: "connecting" });
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    const stop = new AbortController();
    follow({ path, query, signal: stop.signal, tell: setState, onEvent: (event) => latest.current(event) });
    return () => stop.abort();
  }, []);
  return state;
}

async function follow({ path, query, signal, tell, onEvent }) {
  let lastId = null;
  for (let failures = 0; !signal.aborted; failures += 1) {
    let problem;
    try {
      const answer = await send(path, query, { signal, headers: lastId ? { "Last-Event-ID": lastId } : {} });
      tell({ kind: "open" });
      failures = 0;
      for await (const event of readEvents(answer.body)) {
        lastId = event.id ?? lastId;
        onEvent(event);
      }
    } catch (error) {
      problem = error;
    }
    if (signal.aborted) return;
    if ([401, 403].includes(problem?.status)) return tell({ kind: "refused", problem });
    const seconds = Math.min(2 ** failures, LONGEST_S);
    tell({ kind: "lost", seconds, problem: problem?.status ? problem : undefined });
    await pause(seconds, signal);
    if (!signal.aborted) tell({ kind: "connecting" });
  }
}

async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const read = () => {
    const timer = setTimeout(() => reader.cancel(), SILENT_MS);
    return reader.read().finally(() => clearTimeout(timer));
  };
  let text = "";
  for (let { done, value } = await read(); !done; { done, value } = await read()) {
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const event = readEvent(block);
      if (event) yield event;
    }
  }
}

/** An event; null for a comment and for what has no data. */
function readEvent(block) {
  const fields = Object.fromEntries(block.split("\n").map((line) => [line.split(":", 1)[0], line.slice(line.indexOf(":") + 1).trim()]));
  return "data" in fields ? { kind: fields.event, data: JSON.parse(fields.data), id: fields.id } : null;
}

function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
