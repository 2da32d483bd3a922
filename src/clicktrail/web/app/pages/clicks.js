// Which clicks are behind this number?
import { html, useState } from "../../vendor/preact/preact.js";
import { curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { Dialog } from "../components/dialog.js";
import { ExportDialog } from "../components/export.js";
import { Filters } from "../components/filters.js";
import { Marks, isLess } from "../components/marks.js";
import { ClickLink, ClientName, LinkName, PartnerName } from "../components/names.js";
import { Box, contentOf } from "../components/panel.js";
import { Periods } from "../components/periods.js";
import { CopyButton } from "../components/states.js";
import { Pages, Table } from "../components/table.js";
import { isMissing, moment, number, say, span, withoutScheme } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { CLICK_TIMES, listQuery, useRange } from "../ranges.js";
import { change, place } from "../router.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { rangeQuery, readFilters, zone } from "../view.js";

const words = texts.clicks;
const ROWS = matchMedia("(max-width: 600px)").matches ? 20 : 50;
const SHOWN = ["time", "link", "countryName", "device", "referrer", "client", "mark"];
const text = (name, more) => ({ name, sort: name, render: (click) => click[name] ?? texts.none, ...more });
const ofVisitor = (name) => ({ name, needs: "visitor", file: `visitor.${name}`, render: ({ visitor }) => texts.devices[visitor[name]] ?? visitor[name] ?? texts.none });

/** The columns to choose from: what each shows, its part of the API, and its keys in a file. */
const COLUMNS = [
  { name: "time", sort: "time", className: "time", render: (click) => html`<${ClickLink} id=${click.clickId} text=${moment(click.time, zone.value)} />` },
  { name: "link", needs: "link", file: "link.code,link.name", render: (click) => (click.linkId ? html`<${LinkName} id=${click.linkId} link=${click.link} />` : texts.none) },
  { name: "partner", needs: "origin", file: "origin.partnerId", isFor: may.seePartners, render: ({ origin }) => (origin.partnerId ? html`<${PartnerName} id=${origin.partnerId} />` : texts.none) },
  text("countryName", { sort: undefined }),
  ofVisitor("device"),
  ofVisitor("browser"),
  ofVisitor("os"),
  text("referrer", { className: "wide", render: ({ referrer }) => (isMissing(referrer) ? texts.none : withoutScheme(referrer)) }),
  text("uri", { className: "wide" }),
  text("utmSource"),
  text("utmMedium"),
  text("utmCampaign"),
  text("utmContent"),
  text("utmTerm"),
  text("ip"),
  text("userAgent", { className: "wide" }),
  { name: "client", needs: "profile", file: "profile.name", render: (click) => (click.profileId ? html`<${ClientName} id=${click.profileId} profile=${click.profile} />` : texts.none) },
  text("bannerName", { sort: undefined }),
  text("latitude", { isNumber: true }),
  text("longitude", { isNumber: true }),
  { name: "createTime", sort: "createTime", className: "time", render: (click) => moment(click.createTime, zone.value) },
  text("uuid", { sort: undefined }),
  text("clickId", { render: (click) => html`<${ClickLink} id=${click.clickId} text=${click.clickId} />` }),
  { name: "mark", needs: "visitor", file: "visitor.isBot,visitor.botRule,visitor.duplicateOf,visitor.isDataCentre,visitor.isPrefetch", className: "marks", render: (click) => html`<${Marks} visitor=${click.visitor} />` },
].map((column) => ({ title: texts.fields[column.name], ...column }));

const possible = () => COLUMNS.filter(({ isFor }) => isFor?.() ?? true);

function chosen() {
  const names = place.value.query.get("columns")?.split(",") ?? SHOWN;
  const found = possible().filter(({ name }) => names.includes(name));
  return found.length ? found : possible().filter(({ name }) => SHOWN.includes(name));
}

export default function Clicks() {
  const range = useRange();
  const columns = chosen();
  const { query } = place.value;
  const order = { sort_by: query.get("sort_by") ?? "time", sort_order: query.get("sort_order") ?? "desc" };
  const asked = listQuery(range, CLICK_TIMES, { ...expansions(columns), ...order, limit: ROWS });
  if (query.has("cursor")) asked.set("cursor", query.get("cursor"));
  const answer = useAnswer(range.isReady ? "/clicks" : null, asked);
  const count = useAnswer(range.isReady ? "/clicks" : null, listQuery(range, CLICK_TIMES, { limit: 0 }), { headers: { Prefer: "count=exact" } });
  const total = count.isLoading || !range.isReady ? null : count.total;
  return html`<div class="head"><h1>${texts.titles.clicks}</h1><${Periods} comparesBy=${null} /></div>
    <div class="bar"><${Filters} /><${Tools} range=${range} columns=${columns} order=${order} /></div>
    <${Box} className="list" title=${titleOf(total, range)} isBusy=${answer.isLoading || range.isLoading}
      actions=${html`<span class="asof">${zone.value}</span><${CopyButton} quiet text=${curlOf("/clicks", asked)} label=${texts.copyAsCurl} />`}>
      ${contentOf(range.problem ? range : answer, {
        rows: 12,
        isEmpty: (clicks) => !clicks.length,
        empty: query.has("cursor") ? words.noMore : words.empty,
        fill: may.change("clicks") ? fillCurl() : undefined,
        render: (clicks) => html`<${Table} columns=${columns} rows=${clicks} label=${words.label} sort=${order.sort_by} isDescending=${order.sort_order === "desc"}
          keyOf=${(click) => click.clickId} isMuted=${isLess} isCards />
          ${clicks.some(isLess) && html`<p class="help">${words.greyed}</p>`}`,
      })}
      ${range.isReady && answer.data && html`<${Pages} next=${answer.next} />`}
    <//>`;
}

/** The number of clicks, and their range. */
function titleOf(total, { from, to, isReady }) {
  const when = !isReady ? "" : from ? span(from, to, zone.value) : words.anyTime;
  const count = total === null || total === undefined ? words.label : say(total === 1 ? words.one : words.many, { count: number(total) });
  return html`<span class="count">${count}</span> <span class="asof">${when}</span>`;
}

/** Whether a row is greyed is known of its visitor, also where no column shows it. */
const expansions = (columns) => Object.fromEntries(["visitor", ...columns.flatMap(({ needs }) => needs ?? [])].map((name) => [`query[${name}]`, "1"]));
const fillCurl = () => curlOf("/clicks", {}, { method: "POST", body: { ip: "8.8.8.8", uri: "https://shop.example/?referral=CODE" } });

function Tools({ range, columns, order }) {
  const [open, setOpen] = useState(null);
  const report = rangeQuery();
  for (const { key, value } of readFilters()) report.append(key, value);
  const close = () => setOpen(null);
  const keys = columns.map(({ name, file }) => file ?? name);
  return html`<div class="tools">
    <button type="button" onClick=${() => setOpen("columns")}>${words.columns}</button>
    <button type="button" disabled=${!range.isReady} onClick=${() => setOpen("export")}>${texts.export.title}</button>
    <a class="button" href=${hrefOfPage("/", report)}>${words.asReport}</a>
    ${open === "columns" && html`<${ColumnDialog} onClose=${close} />`}
    ${open === "export" && html`<${ExportDialog} query=${listQuery(range, CLICK_TIMES, order)} columns=${["clickId", ...keys]} onClose=${close} />`}
  </div>`;
}

function ColumnDialog({ onClose }) {
  const shown = new Set(chosen().map(({ name }) => name));
  const apply = (event) => {
    event.preventDefault();
    const names = new FormData(event.target).getAll("column");
    onClose();
    change({ columns: names.length && names.join() !== SHOWN.join() ? names.join() : null, cursor: place.value.query.get("cursor") }, { replace: true });
  };
  return html`<${Dialog} title=${words.columns} onClose=${onClose} isWide><form onSubmit=${apply}>
    <div class="checks">${possible().map(({ name, title }) => html`<label class="check"><input type="checkbox" name="column" value=${name} checked=${shown.has(name)} />${title}</label>`)}</div>
    <footer class="buttons"><button class="primary">${words.apply}</button></footer>
  </form><//>`;
}
