// A text of the URL that a list is searched for: the parameter `q`.
import { html, useEffect, useRef } from "../../vendor/preact/preact.js";
import { useKeys } from "../keyboard.js";
import { change, place } from "../router.js";
import { texts } from "../texts.js";

const PAUSE_MS = 250;

export const searchedFor = () => place.value.query.get("q") ?? "";

/** A handler of input events that calls `onText(text)` when the person pauses. */
export function useTyped(onText) {
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return ({ target }) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onText(target.value.trim()), PAUSE_MS);
  };
}

/** `more` are parameters that change with the text, for example one that a search makes meaningless. */
export function Search({ label, more = {} }) {
  const field = useRef(null);
  const text = searchedFor();
  useEffect(() => {
    if (document.activeElement !== field.current) field.current.value = text; // the browser went back
  }, [text]);
  useKeys({ "/": [texts.keys.search, () => field.current.focus()] });
  const set = (value) => change({ q: value || null, ...more }, { replace: true });
  const type = useTyped(set);
  const clear = (event) => {
    if (event.key !== "Escape") return;
    field.current.value = "";
    set("");
  };
  return html`<input class="search" type="search" ref=${field} aria-label=${label} placeholder=${label} defaultValue=${text} onInput=${type} onKeyDown=${clear} />`;
}
