// The range of a view: a named period or two dates, the range to compare with, and the time zone.
import { html } from "../../vendor/preact/preact.js";
import { useKeys } from "../keyboard.js";
import { change, place } from "../router.js";
import { texts } from "../texts.js";
import { DEFAULT_PERIOD, zone } from "../view.js";

const KEYS = { d: "today", w: "7d", m: "this_month", y: "this_year", t: DEFAULT_PERIOD };
const setPeriod = (period) => change({ period, from: null, to: null });

export function Periods({ comparesBy = "previous" }) {
  const { query } = place.value;
  const isCustom = query.has("from");
  const compare = query.get("compare") ?? comparesBy;
  const keys = Object.entries(KEYS).map(([key, period]) => [key, [texts.periods[period], () => setPeriod(period)]]);
  const toggle = () => change({ compare: compare === "none" ? "previous" : "none" });
  useKeys({ ...Object.fromEntries(keys), ...(comparesBy ? { x: [texts.keys.compare, toggle] } : {}) });
  return html`<div class="periods">
    <select aria-label=${texts.periods.label} value=${isCustom ? "custom" : (query.get("period") ?? DEFAULT_PERIOD)}
      onChange=${({ target }) => (target.value === "custom" ? setDates(...lastDays(30)) : setPeriod(target.value))}>
      ${Object.keys(texts.periods.names).map((name) => html`<option value=${name}>${texts.periods[name]}</option>`)}
    </select>
    ${isCustom && html`<${Dates} from=${query.get("from")} to=${query.get("to")} />`}
    ${comparesBy &&
    html`<select aria-label=${texts.compare.label} value=${compare} onChange=${({ target }) => change({ compare: target.value })}>
      ${["previous", "year", "none"].map((name) => html`<option value=${name}>${texts.compare[name]}</option>`)}
    </select>`}
    <${Zone} />
  </div>`;
}

const setDates = (from, to) => change({ period: null, from, to });

function Dates({ from, to }) {
  const own = { from: dateOf(from), to: dateOf(to ?? from, 1) };
  const pick = (name) => ({ target }) => {
    const next = { ...own, [name]: target.value };
    if (next.from && next.to && next.from <= next.to) setDates(next.from, next.to);
  };
  return html`<input type="date" aria-label=${texts.periods.from} value=${own.from} onChange=${pick("from")} />
    <input type="date" aria-label=${texts.periods.to} value=${own.to} onChange=${pick("to")} />`;
}

/** The day of a moment on the clock of the zone. The end of a range is not included, so its last day is the day of `before`. */
const dateOf = (text, before = 0) => (text.includes("T") ? dates().format(new Date(new Date(text) - before)) : text);
const dates = () => new Intl.DateTimeFormat("en-CA", { timeZone: zone.value, dateStyle: "short" });

/** The first and the last of the last `count` days on the clock of the zone. */
function lastDays(count) {
  const today = new Date();
  return [new Date(today - (count - 1) * 86_400_000), today].map((each) => dates().format(each));
}

export function Zone() {
  const known = [...new Set(["UTC", zone.value, ...Intl.supportedValuesOf("timeZone")])].sort();
  return html`<select class="zone" aria-label=${texts.periods.zone} value=${zone.value} onChange=${({ target }) => change({ zone: target.value })}>
    ${known.map((name) => html`<option value=${name}>${name}</option>`)}
  </select>`;
}
