// Bars by time: what counts, and above it what does not. Arrow keys read them; a table says the same.
import { html, useState } from "../../vendor/preact/preact.js";
import { bucket, number, say, tick } from "../format.js";
import { texts } from "../texts.js";
import { Table } from "./table.js";

/** `rows` of a report by time with `clicks` and `bots`; `onOpen(row number)` opens the clicks of a bar. */
export function Bars({ rows, meta, label, onOpen }) {
  const [at, setAt] = useState(null);
  const [isTable, setTable] = useState(false);
  const read = (row) => say(texts.live.readout, { time: tick(row.time, meta.grain, meta.zone), clicks: number(row.clicks), bots: number(row.bots) });
  return html`<div class="bars">
    ${isTable
      ? html`<div class="chart-table"><${Table} label=${label} rows=${rows} keyOf=${(row) => row.time} columns=${[
          { title: texts.live.minute, render: (row) => bucket(row.time, meta.grain, meta.zone) },
          { title: texts.metrics.clicks, isNumber: true, render: (row) => number(row.clicks) },
          { title: texts.metrics.bots, isNumber: true, render: (row) => number(row.bots) },
        ]} /></div>`
      : html`<${Columns} rows=${rows} meta=${meta} label=${summaryOf(rows, label)} at=${at} onAt=${setAt} onOpen=${onOpen} />`}
    <div class="chart-foot">
      <p class="readout" aria-live="polite">${!isTable && at !== null && rows[at] ? read(rows[at]) : summaryOf(rows, label)}</p>
      <button type="button" class="quiet small" aria-pressed=${isTable ? "true" : "false"} onClick=${() => setTable(!isTable)}>${isTable ? texts.live.asBars : texts.chart.asTable}</button>
    </div>
  </div>`;
}

const sum = (rows, metric) => rows.reduce((all, row) => all + row[metric], 0);

function summaryOf(rows, label) {
  return say(texts.live.summary, { label, clicks: number(sum(rows, "clicks")), bots: number(sum(rows, "bots")) });
}

function Columns({ rows, meta, label, at, onAt, onOpen }) {
  const most = Math.max(...rows.map((row) => row.clicks + row.bots), 1);
  const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -rows.length, End: rows.length };
  const move = (event) => {
    if (event.key === "Enter" && at !== null) return onOpen?.(at);
    if (!(event.key in steps)) return undefined;
    event.preventDefault();
    return onAt(Math.min(Math.max((at ?? (steps[event.key] > 0 ? -1 : rows.length)) + steps[event.key], 0), rows.length - 1));
  };
  const height = (value) => ({ height: `${(100 * value) / most}%` });
  return html`<div class="bar-area"><span class="bar-most" aria-hidden="true">${number(most)}</span>
    <div class="bar-columns" role="img" tabindex="0" aria-label=${label} onKeyDown=${move} onMouseLeave=${() => onAt(null)}>
      ${rows.map((row, index) => html`<div key=${row.time} class="bar-column ${index === at ? "at" : ""}" onMouseEnter=${() => onAt(index)} onClick=${() => onOpen?.(index)}>
        <i class="bots" style=${height(row.bots)}></i><i class="counted" style=${height(row.clicks)}></i></div>`)}
    </div>
    <div class="bar-ticks" aria-hidden="true">${rows.filter((_, index) => index % 10 === 0).map((row) => html`<span>${tick(row.time, meta.grain, meta.zone)}</span>`)}</div>
  </div>`;
}
