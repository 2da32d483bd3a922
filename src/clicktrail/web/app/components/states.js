// What stands where an answer is awaited, empty, refused or failed. Each looks different.
import { html, useState } from "../../vendor/preact/preact.js";
import { say } from "../format.js";
import { texts } from "../texts.js";

export function Skeleton({ rows = 6 }) {
  return html`<div class="skeleton" role="status"><span class="hidden">${texts.states.loading}</span>
    ${Array.from({ length: rows }, () => html`<i></i>`)}
  </div>`;
}

export function Failed({ problem, onRetry }) {
  if (problem.status === 403) return html`<${Forbidden} text=${problem.message} />`;
  if (problem.status === 404) return html`<${NotFound} />`;
  return html`<div class="state failed" role="alert">
    <strong>${texts.states.failed}</strong>
    <p>${problem.message}</p>
    ${problem.errors.map((each) => html`<p><code>${each.parameter ?? each.pointer}</code> ${each.detail}</p>`)}
    ${onRetry && html`<button type="button" onClick=${onRetry}>${texts.states.retry}</button>`}
  </div>`;
}

export function NotFound() {
  return html`<div class="state failed" role="alert"><strong>${texts.states.notFound}</strong><p>${texts.states.notFoundText}</p></div>`;
}

export function Forbidden({ text }) {
  return html`<div class="state forbidden" role="alert"><strong>${texts.states.forbidden}</strong><p>${text}</p></div>`;
}

/** `curl` is the request that would fill the place. */
export function Empty({ text, curl }) {
  return html`<div class="state empty"><p>${text}</p>${curl && html`<${Copyable} text=${curl} />`}</div>`;
}

export function Copyable({ text }) {
  return html`<div class="copyable"><code tabindex="0">${text}</code><${CopyButton} text=${text} label=${texts.copy} /></div>`;
}

/** Copies a text, and confirms it. Where the browser refuses, the text is shown to be copied by hand. */
export function CopyButton({ text, label, quiet }) {
  const [state, setState] = useState("");
  const copy = () =>
    (navigator.clipboard ? navigator.clipboard.writeText(text) : Promise.reject())
      .then(() => setState("copied"))
      .catch(() => setState("refused"));
  if (state === "refused") return html`<input class="by-hand" readonly value=${text} aria-label=${label} ref=${selectAll} />`;
  return html`<button type="button" class=${quiet ? "quiet small" : "small"} onClick=${copy}
    onBlur=${() => setState("")}>${state ? texts.copied : label}</button>`;
}

function selectAll(field) {
  field?.focus();
  field?.select();
}

export function Count({ value, one, many }) {
  return say(value === 1 ? one : many, { count: value });
}
