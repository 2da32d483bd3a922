// Which link works? What do I hand out?
import { html, useState } from "../../vendor/preact/preact.js";
import { curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { Choice } from "../components/choice.js";
import { Filters } from "../components/filters.js";
import { PartnerName } from "../components/names.js";
import { Box } from "../components/panel.js";
import { Periods } from "../components/periods.js";
import { Search, searchedFor } from "../components/search.js";
import { CopyButton, Empty, Failed, Skeleton } from "../components/states.js";
import { Pages, Table, cursorOf, orderOf } from "../components/table.js";
import { number, percent, withoutScheme } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { change, go, hrefOf, place } from "../router.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { METRIC_FILTERS, clicksHref, linkUrl, listQuery, rangeQuery, rowFilter } from "../view.js";
import { LinkForm, LinkMarks } from "./link_parts.js";

const words = texts.links;
const METRICS = ["clicks", "uniqueClicks", "registrations", "conversionRate"];
const LIST_SORTS = ["createTime", "name"];
const LIMIT = 25;

export default function Links() {
  const [isOpen, setOpen] = useState(false);
  const isAll = place.value.query.get("list") === "all" || searchedFor() !== "";
  const created = (link) => go(hrefOf(`/links/${link.linkId}`, rangeQuery()));
  return html`<div class="head"><h1>${texts.titles.links}</h1><${Periods} comparesBy=${null} /></div>
    <${Filters} />
    <div class="tools"><${Search} label=${words.searchLabel} more=${OTHER_LIST} />
      <${Choice} label=${words.which} options=${CHOICES} value=${isAll ? "all" : "active"} isDisabled=${searchedFor() !== ""}
        onPick=${(list) => change({ list: list === "all" ? list : null, ...OTHER_LIST })} />
      ${may.change("links") && html`<button type="button" class="primary push" onClick=${() => setOpen(true)}>${words.create}</button>`}</div>
    ${isAll ? html`<${AllLinks} />` : html`<${ActiveLinks} />`}
    ${isOpen && html`<${LinkForm} onClose=${() => setOpen(false)} onSaved=${created} />`}`;
}

const OTHER_LIST = { sort_by: null, sort_order: null };

const CHOICES = [
  ["active", words.active],
  ["all", words.everything],
];

/** The links with clicks in the range, the best first: the rows of a report, with the links that they are about. */
function ActiveLinks() {
  const { sort, order } = orderOf(METRICS);
  const query = listQuery({ group_by: "link", metrics: METRICS.join(","), limit: LIMIT, sort_by: sort, sort_order: order, ...cursorOf() });
  const answer = useAnswer("/reports", query, COUNTED);
  const ids = (answer.data?.rows ?? []).map((row) => row.linkId).filter(Boolean);
  const links = useAnswer(ids.length ? "/links" : null, { "filter[linkId][in]": ids.join(","), limit: LIMIT, "query[redirect]": "1" });
  const byId = new Map((links.data ?? []).map((link) => [link.linkId, link]));
  const rows = answer.data?.rows.map((row) => ({ ...row, id: row.linkId, link: byId.get(row.linkId), name: nameOf(row) }));
  const empty = html`<${Empty} text=${words.noneActive} curl=${filledBy("/clicks", { ip: "8.8.8.8", uri: "https://shop.example.org/?referral=spring" })} />`;
  return html`<${List} answer=${answer} rows=${rows} meta=${answer.data?.meta} sort=${sort} order=${order} empty=${empty} curl=${curlOf("/reports", query)} />`;
}

/** The request that would fill an empty list, for users who may make it. */
const filledBy = (path, body) => (may.change(path.slice(1)) ? curlOf(path, {}, { method: "POST", body }) : null);

const COUNTED = { headers: { Prefer: "count=exact" } };
const nameOf = (row) => (row.linkId ? row.linkName || row.linkCode : texts.panels.withoutLink);

/** All links, or the links that a search finds, with their figures of the range. */
function AllLinks() {
  const { sort, order } = orderOf(LIST_SORTS);
  const text = searchedFor();
  const asked = { limit: LIMIT, sort_by: sort, sort_order: order, "query[redirect]": "1", ...(text ? { "filter[search]": text } : {}), ...cursorOf() };
  const answer = useAnswer("/links", asked, COUNTED);
  const ids = (answer.data ?? []).map((link) => link.linkId);
  const query = listQuery({ group_by: "link", metrics: METRICS.join(","), limit: LIMIT, "filter[linkId][in]": ids.join(",") });
  const figures = useAnswer(ids.length ? "/reports" : null, query);
  const known = figures.isOld ? null : figures.data; // figures of another period belong to other links
  const byId = new Map((known?.rows ?? []).map((row) => [row.linkId, row]));
  const zero = known ? { clicks: 0, uniqueClicks: 0, registrations: 0, conversionRate: "0.00" } : {};
  const rows = answer.data?.map((link) => ({ ...zero, ...byId.get(link.linkId), id: link.linkId, link, name: link.name || link.code }));
  const empty = html`<${Empty} text=${text ? words.noMatch : words.empty} curl=${text ? null : filledBy("/links", { code: "spring", uri: "https://shop.example.org/" })} />`;
  return html`<${List} answer=${answer} rows=${rows} meta=${known?.meta} sort=${sort} order=${order} empty=${empty} curl=${curlOf("/links", asked)} isAll />`;
}

function List({ answer, rows, meta, sort, order, empty, curl, isAll }) {
  const { total, next, problem, isLoading, reload } = answer;
  return html`<${Box} title=${isAll ? words.all : words.active} isBusy=${isLoading} actions=${html`<${CopyButton} quiet text=${curl} label=${texts.copyAsCurl} />`}>
    ${problem ? html`<${Failed} problem=${problem} onRetry=${reload} />` : !rows ? html`<${Skeleton} rows=${10} />` : !rows.length ? empty
      : html`<${Table} columns=${columnsOf(meta, isAll)} rows=${rows} label=${words.label} keyOf=${(row) => row.id} sort=${sort}
          isDescending=${order === "desc"} isMuted=${(row) => row.link?.enabled === false} isTiles />
        <${Pages} next=${next} total=${total === null ? "" : texts.pages.total.replace("{count}", number(total))} />`}
  <//>`;
}

function columnsOf(meta, isAll) {
  const sortable = (name) => (isAll ? undefined : name);
  const count = (name, title = texts.metrics[name]) => ({ title, help: texts.help[name], isNumber: true, sort: sortable(name), render: (row) => figure(row, name, meta) });
  return [
    { title: texts.fields.link, className: "wide", sort: isAll ? "name" : undefined, render: (row) => html`<${NameCell} row=${row} />` },
    ...(may.seePartners() ? [{ title: words.partner, render: (row) => (row.id && !row.link ? "" : html`<${PartnerName} id=${row.link?.profileId} />`) }] : []),
    count("clicks"),
    count("uniqueClicks", texts.partners.unique),
    count("registrations", texts.metrics.registrationsShort),
    { title: texts.metrics.rateShort, help: texts.help.conversionRate, isNumber: true, sort: sortable("conversionRate"), render: (row) => percent(row.conversionRate) },
    ...(isAll ? [{ title: words.created, sort: "createTime", className: "time", render: (row) => html`<${Created} at=${row.link.createTime} />` }] : []),
    { title: words.address, isNumber: true, render: (row) => row.link && html`<${CopyButton} text=${linkUrl(row.link.code)} label=${texts.copy} />` },
  ];
}

function Created({ at }) {
  return html`<time datetime=${at}>${new Intl.DateTimeFormat(navigator.language, { dateStyle: "medium" }).format(new Date(at))}</time>`;
}

function figure(row, name, meta) {
  const href = meta && row[name] ? clicksHref(meta, { ...rowFilter("linkId", row.id), ...METRIC_FILTERS[name] }) : null;
  return href ? html`<a href=${href}>${number(row[name])}</a>` : number(row[name]);
}

function NameCell({ row }) {
  if (!row.id) return html`<span class="unknown">${row.name}</span>`;
  return html`<a class="strong" href=${hrefOfPage(`/links/${row.id}`, rangeQuery())}>${row.name}</a> ${row.link && html`<${LinkMarks} link=${row.link} />`}
    <span class="below">${row.link ? [row.link.name && row.link.code, shortUri(row.link.uri)].filter(Boolean).join(" → ") : row.linkCode}</span>`;
}

const shortUri = (uri) => withoutScheme(uri ?? words.noLanding).replace(/^(.{70}).+/, "$1…");
