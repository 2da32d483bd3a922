// The rows of a report by one dimension: name, clicks with a bar, registrations, rate.
import { html } from "../../vendor/preact/preact.js";
import { compact, number, percent, say } from "../format.js";
import { change } from "../router.js";
import { texts } from "../texts.js";
import { METRIC_FILTERS, clicksHref, listQuery, rowFilter } from "../view.js";
import { Panel } from "./panel.js";

const METRICS = "clicks,registrations,conversionRate";

/** `nameOf(row)` is shown; `filterBy` is the filter of clicks for a row; `hrefOf(row)` leads to a page of the object. */
export function RankedPanel({ title, dimension, valueOf, nameOf, filterBy, hrefOf, more = {}, limit = 8, allHref, className }) {
  const query = listQuery({ group_by: dimension, metrics: METRICS, limit, other: "1", ...more });
  const filterOf = (row) => (filterBy ? rowFilter(filterBy, valueOf(row)) : null);
  return html`<${Panel} title=${title} path="/reports" query=${query} rows=${limit} className=${`ranked ${className ?? ""}`}
    isEmpty=${({ rows }) => !rows.length} empty=${texts.states.noClicks}
    actions=${allHref && html`<a class="small" href=${allHref}>${texts.all}</a>`}
    render=${(data) => html`<${Ranked} data=${data} title=${title} nameOf=${nameOf} filterOf=${filterOf} hrefOf=${hrefOf} />`} />`;
}

function Ranked({ data, title, nameOf, filterOf, hrefOf }) {
  const most = Math.max(...data.rows.map((row) => row.clicks), 1);
  return html`<table><thead><tr><th scope="col"><span class="hidden">${title}</span></th>
      <th scope="col" class="number">${texts.metrics.clicks}</th>
      <th scope="col" class="number" title=${texts.metrics.registrations}>${texts.metrics.registrationsShort}</th>
      <th scope="col" class="number">${texts.metrics.rateShort}</th></tr></thead>
    <tbody>${data.rows.map((row) => html`<${Row} row=${row} most=${most} meta=${data.meta} name=${nameOf(row)} filter=${filterOf(row)} href=${hrefOf?.(row)} />`)}
    ${data.other?.groups > 0 && html`<tr class="other"><td>${say(texts.others, { count: number(data.other.groups) })}</td>
      <td class="number">${compactFrom(data.other.clicks)}</td><td class="number">${compactFrom(data.other.registrations)}</td>
      <td class="number">${percent(data.other.conversionRate)}</td></tr>`}</tbody></table>`;
}

function Row({ row, most, meta, name, filter, href }) {
  const shown = name ?? texts.unknown;
  const of = (metric) => clicksHref(meta, { ...filter, ...METRIC_FILTERS[metric] });
  return html`<tr><td><span class="bar" style=${{ width: `${(100 * row.clicks) / most}%` }}></span>
      <span class="name">${nameLink(shown, name, filter, href)}</span></td>
    <td class="number">${linked(filter && of("clicks"), compactFrom(row.clicks))}</td>
    <td class="number">${linked(filter && row.registrations && of("registrations"), compactFrom(row.registrations))}</td>
    <td class="number">${percent(row.conversionRate)}</td></tr>`;
}

const linked = (href, text) => (href ? html`<a href=${href}>${text}</a>` : text);
const compactFrom = (value) => (value < 100_000 ? number(value) : compact(value));

function nameLink(shown, name, filter, href) {
  const kind = name === null || name === undefined ? "unknown" : "";
  if (href) return html`<a class=${kind} href=${href} title=${shown}>${shown}</a>`;
  if (!filter) return html`<span class=${kind} title=${shown}>${shown}</span>`;
  return html`<button type="button" class="as-link ${kind}" title=${say(texts.filters.by, { value: shown })} onClick=${() => change(filter)}>${shown}</button>`;
}
