// Where clicks come from, as a map. The list of countries says the same in words.
import { html, useState } from "../../vendor/preact/preact.js";
import { DOTS, LAND, SHAPES, SIZE } from "../../vendor/world/world.js";
import { number, say } from "../format.js";
import { change } from "../router.js";
import { texts } from "../texts.js";
import { rowFilter, reportQuery } from "../view.js";
import { Panel } from "./panel.js";

const ALL = 300;
const SHADES = 5;

export default function World({ more = {} }) {
  const query = reportQuery({ group_by: "countryCode", metrics: "clicks", limit: ALL, ...more });
  query.delete("compare");
  return html`<${Panel} title=${texts.panels.world} path="/reports" query=${query} className="ranked world"
    isEmpty=${({ rows }) => !rows.some((row) => row.countryCode)} empty=${texts.panels.noCountries}
    render=${({ rows }) => html`<${Picture} rows=${rows.filter((row) => row.countryCode && row.clicks)} />`} />`;
}

function Picture({ rows }) {
  const [at, setAt] = useState(null);
  const most = Math.max(...rows.map((row) => row.clicks), 1);
  const byCode = new Map(rows.map((row) => [row.countryCode, row]));
  const said = at ?? rows[0];
  return html`<svg viewBox="0 0 ${SIZE[0]} ${SIZE[1]}" role="img" aria-label=${summaryOf(rows)} onPointerLeave=${() => setAt(null)}>
      <path class="land" d=${LAND} />
      ${Object.entries(SHAPES).map(([code, path]) => html`<path key=${code} d=${path} ...${looksOf(byCode.get(code), most, setAt)} />`)}
      ${Object.entries(DOTS).map(([code, [x, y]]) => byCode.has(code) && html`<circle key=${code} cx=${x} cy=${y} r="5" ...${looksOf(byCode.get(code), most, setAt)} />`)}
    </svg>
    <p class="readout">${said && say(texts.panels.worldAt, { name: said.countryName, clicks: number(said.clicks) })}</p>`;
}

/** The shades go by the logarithm: the first country seldom hides the others. */
function looksOf(row, most, setAt) {
  if (!row) return { class: "land" };
  const shade = Math.ceil((SHADES * Math.log(row.clicks + 1)) / Math.log(most + 1));
  return { class: `shade-${shade}`, onPointerEnter: () => setAt(row), onClick: () => change(rowFilter("countryCode", row.countryCode)) };
}

function summaryOf(rows) {
  const first = rows.slice(0, 3).map((row) => say(texts.panels.worldAt, { name: row.countryName, clicks: number(row.clicks) }));
  return say(texts.panels.worldSummary, { count: rows.length, first: first.join("; ") });
}
