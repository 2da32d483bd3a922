// A line by time. uPlot draws on a canvas, so a summary, a readout by arrow keys and a table say the same in words.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../vendor/preact/preact.js";
import uPlot from "../../vendor/uplot/uplot.js";
import { bucket, compact, number, percent, say, tick } from "../format.js";
import { texts } from "../texts.js";
import { Table } from "./table.js";

const HEIGHT = 260;

/** `rows` of a report by time; `metric` is one of its metrics; `onOpen(row number)` opens the clicks of a bucket. */
export function TimeChart({ rows, meta, metric, isRate, label, onOpen }) {
  const [isTable, setTable] = useState(false);
  const [at, setAt] = useState(null);
  const series = seriesOf(rows, metric);
  const show = (value) => (value === null || value === undefined ? texts.none : isRate ? percent(value) : number(value));
  const read = (index) => readout(rows[index], meta, metric, show);
  return html`<div class="chart">
    ${isTable
      ? html`<${ChartTable} rows=${rows} meta=${meta} metric=${metric} label=${label} show=${show} />`
      : html`<${Plot} series=${series} rows=${rows} meta=${meta} isRate=${isRate} summary=${summaryOf(rows, meta, metric, label, show)}
          at=${at} onAt=${setAt} onOpen=${onOpen} />`}
    <div class="chart-foot">
      <p class="readout" aria-live="polite">${!isTable && at !== null && rows[at] ? read(at) : legendOf(rows)}</p>
      <button type="button" class="quiet small" aria-pressed=${isTable ? "true" : "false"} onClick=${() => setTable(!isTable)}>${isTable ? texts.chart.asLine : texts.chart.asTable}</button>
    </div>
  </div>`;
}

/** x, whole buckets, the running bucket with the one before it, the comparison. */
function seriesOf(rows, metric) {
  const last = rows.length - 1;
  const isRunning = Boolean(rows[last]?.isPartial);
  const values = rows.map((row) => Number(row[metric]));
  return [
    rows.map((_, index) => index),
    values.map((value, index) => (isRunning && index === last ? null : value)),
    values.map((value, index) => (isRunning && index >= last - 1 ? value : null)),
    rows.map((row) => (row.previous ? Number(row.previous[metric]) : null)),
  ];
}

function legendOf(rows) {
  return html`<span class="key now">${texts.chart.now}</span>
    ${rows[0]?.previous && html`<span class="key before">${texts.chart.before}</span>`}
    ${rows.at(-1)?.isPartial && html`<span class="key running">${texts.chart.running}</span>`}`;
}

function readout(row, meta, metric, show) {
  const name = bucket(row.time, meta.grain, meta.zone);
  const before = row.previous ? say(texts.changes.before, { value: show(row.previous[metric]) }) : "";
  return `${name}: ${show(row[metric])}${before ? `, ${before}` : ""}${row.isPartial ? ` (${texts.chart.running})` : ""}`;
}

function summaryOf(rows, meta, metric, label, show) {
  if (!rows.length) return label;
  const values = rows.map((row) => Number(row[metric]));
  const most = values.indexOf(Math.max(...values));
  return say(texts.chart.summary, {
    label,
    count: rows.length,
    first: bucket(rows[0].time, meta.grain, meta.zone),
    last: bucket(rows.at(-1).time, meta.grain, meta.zone),
    most: show(rows[most][metric]),
    when: bucket(rows[most].time, meta.grain, meta.zone),
  });
}

function Plot({ series, rows, meta, isRate, summary, at, onAt, onOpen }) {
  const place = useRef(null);
  const plot = useRef(null);
  const isDark = useDark();
  useLayoutEffect(() => { // with the element: keys may come before other effects
    const box = place.current;
    plot.current = new uPlot(optionsOf(box, rows, meta, isRate, onAt), series, box);
    const watch = new ResizeObserver(() => plot.current.setSize({ width: box.clientWidth, height: HEIGHT }));
    watch.observe(box);
    return () => (watch.disconnect(), plot.current.destroy());
  }, [JSON.stringify(series), meta.zone, meta.grain, isDark]);
  const move = (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -rows.length, End: rows.length };
    if (event.key === "Enter" && at !== null) return onOpen?.(at);
    if (!(event.key in steps)) return undefined;
    event.preventDefault();
    const next = Math.min(Math.max((at ?? (steps[event.key] > 0 ? -1 : rows.length)) + steps[event.key], 0), rows.length - 1);
    const left = plot.current.valToPos(next, "x");
    plot.current.setCursor({ left, top: 0 });
    return onAt(next);
  };
  return html`<div class="plot" ref=${place} role="img" tabindex="0" aria-label=${summary} onKeyDown=${move}
    onClick=${() => at !== null && onOpen?.(at)}></div>`;
}

function useDark() {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const tell = () => setDark(query.matches);
    query.addEventListener("change", tell);
    return () => query.removeEventListener("change", tell);
  }, []);
  return isDark;
}

function optionsOf(box, rows, meta, isRate, onAt) {
  const style = getComputedStyle(box);
  const colour = (name) => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const line = (stroke, more) => ({ stroke, width: 2, points: { show: rows.length === 1, size: 6 }, ...more });
  const axis = { stroke: colour("--muted"), font, ticks: { show: false }, border: { show: false } };
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    padding: [12, 16, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
    hooks: { setCursor: [(plot) => onAt(plot.cursor.idx ?? null)] },
    axes: [
      { ...axis, size: 32, grid: { show: false }, splits: () => ticksOf(rows.length, box.clientWidth), values: (_, all) => all.map((each) => (rows[each] ? tick(rows[each].time, meta.grain, meta.zone) : "")) },
      { ...axis, size: 56, grid: { stroke: colour("--line"), width: 1 }, incrs: isRate ? undefined : WHOLE_STEPS, values: (_, all) => all.map((each) => (isRate ? `${each} %` : compact(each))) },
    ],
    series: [
      {},
      line(colour("--accent"), { fill: colour("--accent-faint") }),
      line(colour("--accent"), { dash: [4, 4] }),
      line(colour("--muted"), { dash: [6, 5], width: 1.5 }),
    ],
  };
}

const WHOLE_STEPS = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((each) => each * 10 ** power)).flat();

/** The buckets that are named below the axis: as many as fit. */
function ticksOf(count, width) {
  const step = Math.max(Math.ceil(count / Math.max(Math.floor(width / 90), 2)), 1);
  return Array.from({ length: Math.ceil(count / step) }, (_, index) => index * step);
}

function ChartTable({ rows, meta, metric, label, show }) {
  const columns = [
    { title: texts.chart.bucket, render: (row) => bucket(row.time, meta.grain, meta.zone) },
    { title: label, isNumber: true, render: (row) => show(row[metric]) },
  ];
  if (rows[0]?.previous) columns.push({ title: texts.chart.before, isNumber: true, render: (row) => show(row.previous?.[metric]) });
  return html`<div class="chart-table"><${Table} columns=${columns} rows=${rows} label=${label} keyOf=${(row) => row.time} /></div>`;
}
