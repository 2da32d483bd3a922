// Requests as components need them: asked again when the question changes, and aborted when no one waits any more.
import { useEffect, useRef, useState } from "../vendor/preact/preact.js";
import { ask } from "./api.js";
import { renderQuery } from "./router.js";
import { viewer } from "./session.js";

/** `{data, next, total, problem, isLoading, isOld, reload}`. While a new question is asked, the answer to the old one
 *  stays, and `isOld` is true: the next page of that answer would be wrong. A null path asks nothing. Another `round` asks
 *  the same again. */
export function useAnswer(path, query = {}, { headers, round: outer = 0 } = {}) {
  const [state, setState] = useState({ data: null, problem: null, isLoading: true });
  const [round, setRound] = useState(0);
  const question = path === null ? null : `${path}?${renderQuery(query)}`;
  const path_ = useRef(path);
  useEffect(() => {
    if (question === null) return undefined;
    const stop = new AbortController();
    const isOther = path_.current !== path;
    path_.current = path;
    setState((old) => ({ ...(isOther ? { data: null } : old), problem: null, isLoading: true }));
    ask(path, query, { signal: stop.signal, headers })
      .then(({ body, next, total }) => setState({ data: body, next, total, problem: null, isLoading: false, question }))
      .catch((problem) => problem.name !== "AbortError" && setState({ data: null, problem, isLoading: false, question }));
    return () => stop.abort();
  }, [question, round, outer]);
  const isOld = state.question !== question;
  return { ...state, isOld, isLoading: state.isLoading || (isOld && question !== null), next: isOld ? null : state.next, reload: () => setRound((old) => old + 1) };
}

const names = new Map();
viewer.subscribe((someone) => someone || names.clear()); // who signs in next may see less

/** Asks for a name again the next time: the object was changed. */
export const forgetName = (path) => names.delete(path);

/** The name of an object, from a cache; null until it is known. */
export function useName(path, read) {
  const [found, setFound] = useState({});
  const shown = (found.path === path ? found.name : names.get(path)) ?? null;
  useEffect(() => {
    if (path === null) return undefined;
    if (names.has(path)) { // another component may have learned it since this one was rendered
      if (shown !== names.get(path)) setFound({ path, name: names.get(path) });
      return undefined;
    }
    const stop = new AbortController();
    ask(path, {}, { signal: stop.signal })
      .then(({ body }) => {
        names.set(path, read(body));
        setFound({ path, name: names.get(path) });
      })
      .catch(() => {}); // the id is shown then
    return () => stop.abort();
  }, [path]);
  return shown;
}
