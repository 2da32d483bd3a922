// What did a partner bring in a month? A page to print.
import { html, useEffect, useState } from "../../vendor/preact/preact.js";
import { ask, curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { Box, contentOf } from "../components/panel.js";
import { Zone } from "../components/periods.js";
import { CopyButton } from "../components/states.js";
import { Table } from "../components/table.js";
import { bucket, moment, number, range, say } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { change, place } from "../router.js";
import { viewer } from "../session.js";
import { texts } from "../texts.js";
import { zone } from "../view.js";

const words = texts.statement;
const METRICS = ["clicks", "uniqueClicks", "registrations", "registered"];
const MONTHS = 36;
const IS_MONTH = /^\d{4}-(0[1-9]|1[0-2])$/;
const PAGE = 100;
const MOST = 20 * PAGE;

export default function Statement({ id }) {
  const partnerId = id ?? viewer.value.partnerId;
  const partner = useAnswer(`/profiles/${partnerId}`);
  const month = monthOf(place.value.query.get("month"));
  const query = { group_by: "link", metrics: METRICS.join(","), from: `${month}-01`, to: lastDay(month), zone: zone.value, limit: "1000", other: "1",
    ...(id ? { "filter[partnerId][eq]": id } : {}) };
  const answer = useAnswer("/reports", query);
  const crumb = id && html`<a class="crumb" href=${hrefOfPage(`/partners/${id}`)}>${texts.titles.partner}</a>`;
  if (id && partner.problem) return html`<h1>${texts.titles.statement}</h1>${contentOf(partner, {})}`;
  return html`<div class="head"><div>${crumb}<h1>${say(words.of, { name: partner.data?.name || partnerId })}</h1></div><div class="periods">
      <${Months} month=${month} /><${Zone} /><button type="button" onClick=${() => print()}>${words.print}</button></div></div>
    <article class="statement">
    <${Box} title=${words.links} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/reports", query)} label=${texts.copyAsCurl} />`}>
      ${contentOf(answer, { render: (data) => html`<${Facts} data=${data} /><${Links} data=${data} />` })}<//>
    ${answer.data && html`<${Clients} meta=${answer.data.meta} partnerId=${id} />`}</article>`;
}

function Months({ month }) {
  const now = monthOf(null);
  const shown = [...new Set([...Array.from({ length: MONTHS }, (_, back) => shift(now, -back)), month])].sort().reverse();
  return html`<select class="month" aria-label=${words.month} value=${month} onChange=${({ target }) => change({ month: target.value })}>
    ${shown.map((each) => html`<option value=${each}>${bucket(`${each}-15T12:00:00Z`, "month", "UTC")}</option>`)}</select>`;
}

/** A month of the URL; the current one on the clock of the zone where there is none. */
function monthOf(text) {
  if (IS_MONTH.test(text ?? "")) return text;
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone.value, year: "numeric", month: "2-digit", day: "2-digit" }).format(new Date()).slice(0, 7);
}

function shift(month, by) {
  const [year, number_] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number_ - 1 + by, 1)).toISOString().slice(0, 7);
}

function lastDay(month) {
  const [year, number_] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number_, 0)).toISOString().slice(0, 10);
}

function Facts({ data: { meta } }) {
  return html`<dl class="pairs facts"><dt>${words.period}</dt><dd>${range(meta.from, meta.to, meta.zone)}</dd>
    <dt>${words.zone}</dt><dd>${meta.zone}</dd><dt>${words.asOf}</dt><dd>${moment(meta.asOf, meta.zone)}</dd></dl>
    ${new Date(meta.asOf) < new Date(meta.to) && html`<p class="note">${words.partial}</p>`}`;
}

function Links({ data }) {
  const help = { registrations: words.registrationsHelp, registered: words.registeredHelp };
  const cells = (row) => METRICS.map((name) => html`<td class="number" data-label=${texts.metrics[name]} data-metric=${name}>${number(row[name])}</td>`);
  return html`<div class="scroll tiles" tabindex="0"><table><thead><tr><th scope="col">${texts.titles.link}</th>
      ${METRICS.map((name) => html`<th scope="col" class="number" title=${help[name] ?? texts.help[name]}>${texts.metrics[name]}</th>`)}</tr></thead>
    <tbody>${data.rows.map((row) => html`<tr key=${row.linkId}><td>${row.linkName || row.linkCode || row.linkId || texts.panels.withoutLink}</td>${cells(row)}</tr>`)}
      ${data.other?.groups > 0 && html`<tr><td>${say(texts.others, { count: number(data.other.groups) })}</td>${cells(data.other)}</tr>`}</tbody>
    <tfoot><tr><th scope="row">${words.total}</th>${cells(data.totals)}</tr></tfoot></table></div>
    <p class="help">${texts.metrics.registrations}: ${words.registrationsHelp} ${texts.metrics.registered}: ${words.registeredHelp}</p>`;
}

function Clients({ meta, partnerId }) {
  const query = { "filter[registration][eq]": "1", "filter[clickStartTime][gte]": meta.from, "filter[clickStartTime][lt]": meta.to, sort_by: "time", sort_order: "asc",
    limit: String(PAGE), "query[profile]": "1", "query[contacts]": "1", "query[link]": "1", ...(partnerId ? { "filter[partnerId][eq]": partnerId } : {}) };
  const answer = useAll("/clicks", query);
  const columns = [
    { title: words.click, className: "time", render: (row) => moment(row.time, meta.zone) },
    { title: words.link, render: ({ link }) => link?.name || link?.code || texts.none },
    { title: words.client, render: (row) => row.profile?.name || row.profileId },
    { title: words.contact, render: ({ contacts }) => (contacts ?? []).map(({ value }) => masked(value)).join(", ") || texts.none },
  ];
  return html`<${Box} title=${words.clients} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/clicks", query)} label=${texts.copyAsCurl} />`}>
    ${contentOf(answer, { isEmpty: (rows) => !rows.length, empty: words.noClients, render: (rows) => html`<p class="help">${words.clientsHelp}</p>
      <${Table} columns=${columns} rows=${rows} label=${say(texts.tableOf, { title: words.clients })} keyOf=${(row) => row.clickId} isCards />
      ${answer.isCut && html`<p class="help">${say(words.more, { count: number(rows.length) })}</p>`}` })}<//>`;
}

/** A contact as partners see it, also where a manager prints the page. The API has masked the contacts that partners see. */
function masked(value) {
  if (viewer.value.scope === "partner" || value.includes("***")) return value;
  return value.includes("@") ? `${value[0]}***@***` : `***${value.slice(-2)}`;
}

/** All pages of a list, up to `MOST` rows. */
function useAll(path, query) {
  const [state, setState] = useState({ data: null, problem: null, isLoading: true });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setState({ data: null, problem: null, isLoading: true });
    const load = async () => {
      const rows = [];
      let cursor = null;
      do {
        const { body, next } = await ask(path, cursor ? { ...query, cursor } : query, { signal: stop.signal });
        rows.push(...body);
        cursor = next;
      } while (cursor && rows.length < MOST);
      setState({ data: rows, problem: null, isLoading: false, isCut: cursor !== null });
    };
    load().catch((problem) => problem.name !== "AbortError" && setState({ data: null, problem, isLoading: false }));
    return () => stop.abort();
  }, [JSON.stringify(query), round]);
  return { ...state, reload: () => setRound((old) => old + 1) };
}
