import { html } from "../../vendor/preact/preact.js";
import { number, say } from "../format.js";
import { texts } from "../texts.js";

const WIDTH = 96;
const HEIGHT = 24;

/** A small line of numbers by time, from zero to `most`. */
export function Spark({ values, most = Math.max(...values) }) {
  if (!values.length) return html`<span class="spark"></span>`;
  const x = (index) => (values.length === 1 ? WIDTH / 2 : 1 + (index * (WIDTH - 2)) / (values.length - 1));
  const y = (value) => HEIGHT - 1.5 - (most ? (value * (HEIGHT - 3)) / most : 0);
  const path = values.map((value, index) => `${index ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const label = say(texts.partners.trendOf, { most: number(Math.max(...values)), last: number(values.at(-1)) });
  return html`<svg class="spark" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${label}><path d=${path} /></svg>`;
}
