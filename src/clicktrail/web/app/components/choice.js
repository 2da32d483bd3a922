import { html } from "../../vendor/preact/preact.js";

/** One of a few ways to see a list: `options` of `[value, text]`. */
export function Choice({ label, options, value, onPick, isDisabled }) {
  return html`<div class="choice" role="group" aria-label=${label}>${options.map(
    ([key, text]) => html`<button type="button" aria-pressed=${key === value ? "true" : "false"} disabled=${isDisabled && key !== value} onClick=${() => onPick(key)}>${text}</button>`,
  )}</div>`;
}
