// Keys: a page says which ones it has; the list behind `?` is made from the same words.
import { html, signal, useEffect } from "../vendor/preact/preact.js";
import { Dialog } from "./components/dialog.js";
import { texts } from "./texts.js";

const layers = new Set();
export const isListOpen = signal(false);

/** `keys`: key -> [description, function]. They work while the component is on the page, outside of fields. */
export function useKeys(keys) {
  useEffect(() => {
    layers.add(keys);
    return () => layers.delete(keys);
  });
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  if (event.key === "?") isListOpen.value = true;
  for (const keys of layers) {
    const found = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (found && found[1]() !== false) event.preventDefault();
  }
});

export function KeyList() {
  if (!isListOpen.value) return null;
  const rows = [...layers].flatMap((keys) => Object.entries(keys));
  return html`<${Dialog} title=${texts.keys.title} onClose=${() => (isListOpen.value = false)}>
    <dl class="pairs">
      ${[...rows, ["?", [texts.keys.help]]].map(
        ([key, [doc]]) => html`<dt><kbd>${key === "Escape" ? "Esc" : key.toUpperCase()}</kbd></dt><dd>${doc}</dd>`,
      )}
    </dl>
  <//>`;
}
