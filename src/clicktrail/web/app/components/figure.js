import { html } from "../../vendor/preact/preact.js";
import { number, percent, percentChange, pointChange, say } from "../format.js";
import { texts } from "../texts.js";

/** One number with its change. `isBad`: the fewer, the better. `href` leads to the counted objects; `onPick` shows its line in the chart. */
export function Figure({ label, help, value, isRate, isBad, change, previous, href, onPick, isPicked }) {
  return html`<div class="figure ${isPicked ? "picked" : ""}">
    ${onPick
      ? html`<button type="button" class="label" title=${help} aria-pressed=${isPicked ? "true" : "false"} onClick=${onPick}>${label}</button>`
      : html`<span class="label" title=${help}>${label}</span>`}
    <span class="value">${href ? html`<a href=${href}>${show(value, isRate)}</a>` : show(value, isRate)}</span>
    <${Change} value=${change} previous=${previous} isRate=${isRate} isBad=${isBad} />
  </div>`;
}

const show = (value, isRate) => (isRate ? percent(value) : number(value));

const OPPOSITE = { up: "down", down: "up" };

/** Up, down or the same, in words, colour and sign. Without a comparison it keeps its place. */
export function Change({ value, previous, isRate, isBad }) {
  if (previous === undefined) return html`<span class="change"> </span>`;
  const earlier = { value: show(previous, isRate) };
  if (value === null || value === undefined) return html`<span class="change">${say(texts.changes.before, earlier)}</span>`;
  const size = Number(value);
  const kind = size > 0 ? "up" : size < 0 ? "down" : "same";
  return html`<span class="change ${isBad ? (OPPOSITE[kind] ?? kind) : kind}"><span class="hidden">${texts.changes[kind]} </span>
    ${isRate ? pointChange(value) : percentChange(value)} <span class="before">${say(texts.changes.from, earlier)}</span></span>`;
}
