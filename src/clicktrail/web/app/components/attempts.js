// The last attempts of a delivery, as the server keeps them.
import { html } from "../../vendor/preact/preact.js";
import { moment, number, say } from "../format.js";
import { texts } from "../texts.js";
import { zone } from "../view.js";
import { useAnswer } from "../answers.js";
import { contentOf } from "./panel.js";

const words = texts.attempts;

export function Attempts({ id, round }) {
  const answer = useAnswer(`/deliveries/${id}/attempts`, {}, { round });
  const render = (found) => html`<ol class="attempts" aria-label=${words.title}>${found.map(({ time, responseStatus, error, milliseconds }) => html`<li>
    <span class="below">${moment(time, zone.value)}</span><span class="mark ${error ? "warn" : "good"}">${responseStatus ?? words.noAnswer}</span>
    <span class="below">${say(words.took, { milliseconds: number(milliseconds) })}</span>${error && html`<span class="problem">${error}</span>`}</li>`)}</ol>`;
  return contentOf(answer, { rows: 2, render, isEmpty: (found) => !found.length, empty: words.none });
}
