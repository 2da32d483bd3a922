// Who brings clients, who brings robots?
import { html, useState } from "../../vendor/preact/preact.js";
import { curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { Choice } from "../components/choice.js";
import { Filters } from "../components/filters.js";
import { Box } from "../components/panel.js";
import { Periods } from "../components/periods.js";
import { Search, searchedFor } from "../components/search.js";
import { Spark } from "../components/spark.js";
import { CopyButton, Empty, Failed, Skeleton } from "../components/states.js";
import { Pages, Table, cursorOf, orderOf } from "../components/table.js";
import { duration, number, percent, say } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { change, go, hrefOf, place } from "../router.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { METRIC_FILTERS, clicksHref, isRate, listQuery, rangeQuery, rowFilter } from "../view.js";
import { PartnerForm } from "./partner_parts.js";

const words = texts.partners;
const COUNTS = ["clicks", "uniqueClicks", "botRate", "duplicateRate", "dataCentreRate", "registrations", "conversionRate"];
const METRICS = [...COUNTS, "timeToRegistration"];
const LIMIT = 25;
const COUNTED = { headers: { Prefer: "count=exact" } };
const CHOICES = [
  ["active", words.active],
  ["all", words.everyone],
];

export default function Partners() {
  const [isOpen, setOpen] = useState(false);
  const isAll = place.value.query.get("list") === "all";
  return html`<div class="head"><h1>${texts.titles.partners}</h1><${Periods} comparesBy=${null} /></div>
    <${Filters} />
    <div class="tools"><${Search} label=${words.searchLabel} />
      <${Choice} label=${words.which} options=${CHOICES} value=${isAll ? "all" : "active"} onPick=${(list) => change({ list: list === "all" ? list : null, sort_by: null, sort_order: null })} />
      ${may.change("profiles") && html`<button type="button" class="primary push" onClick=${() => setOpen(true)}>${words.create}</button>`}</div>
    ${isAll ? html`<${AllPartners} />` : html`<${ActivePartners} />`}
    ${isOpen && html`<${PartnerForm} onClose=${() => setOpen(false)} onSaved=${(made) => go(hrefOf(`/partners/${made.profileId}`, rangeQuery()))} />`}`;
}

const searched = (filter) => (searchedFor() ? { [filter]: searchedFor() } : {});
const figuresOf = (more) => listQuery({ group_by: "partner", metrics: METRICS.join(","), limit: LIMIT, ...more });
const EXAMPLE = { firstName: "Ada", lastName: "Media" };

/** The partners with clicks in the range. Clicks without a partner are no one's row. */
function ActivePartners() {
  const { sort, order } = orderOf(METRICS);
  const query = figuresOf({ sort_by: sort, sort_order: order, "filter[partnerId][null]": "0", ...searched("filter[profileName][contains]"), ...cursorOf() });
  const answer = useAnswer("/reports", query, COUNTED);
  const rows = answer.data?.rows.map((row) => ({ ...row, id: row.partnerId, name: row.partnerName || row.partnerId }));
  return html`<${List} answer=${answer} rows=${rows} meta=${answer.data?.meta} sort=${sort} order=${order} empty=${words.empty} curl=${curlOf("/reports", query)} />`;
}

/** All profiles that own a link, with their figures of the range. */
function AllPartners() {
  const { sort, order } = orderOf(["name"]);
  const asked = { limit: LIMIT, "filter[isPartner]": "1", sort_by: sort, sort_order: place.value.query.get("sort_order") ?? "asc", ...searched("filter[name][contains]"), ...cursorOf() };
  const answer = useAnswer("/profiles", asked, COUNTED);
  const ids = (answer.data ?? []).map((profile) => profile.profileId);
  const figures = useAnswer(ids.length ? "/reports" : null, figuresOf({ "filter[partnerId][in]": ids.join(",") }));
  const known = figures.isOld ? null : figures.data; // figures of another period belong to other partners
  const byId = new Map((known?.rows ?? []).map((row) => [row.partnerId, row]));
  const zero = known ? Object.fromEntries(COUNTS.map((name) => [name, isRate(name) ? "0.00" : 0])) : {};
  const rows = answer.data?.map((profile) => ({ ...zero, ...byId.get(profile.profileId), id: profile.profileId, name: profile.name || profile.profileId, isDisabled: !profile.enabled }));
  return html`<${List} answer=${answer} rows=${rows} meta=${known?.meta} sort=${sort} order=${asked.sort_order || order} empty=${words.noPartner} curl=${curlOf("/profiles", asked)} isAll />`;
}

function List({ answer, rows, meta, sort, order, empty, curl, isAll }) {
  const { total, next, problem, isLoading, reload } = answer;
  const trends = useTrends((rows ?? []).map((row) => row.id));
  const fill = searchedFor() || !may.change("profiles") ? null : curlOf("/profiles", {}, { method: "POST", body: EXAMPLE });
  return html`<${Box} title=${isAll ? words.all : words.active} isBusy=${isLoading} actions=${html`<${CopyButton} quiet text=${curl} label=${texts.copyAsCurl} />`}>
    ${problem ? html`<${Failed} problem=${problem} onRetry=${reload} />` : !rows ? html`<${Skeleton} rows=${10} />`
      : !rows.length ? html`<${Empty} text=${searchedFor() ? words.noMatch : empty} curl=${fill} />`
        : html`<${Table} columns=${columnsOf(meta, trends, isAll)} rows=${rows} label=${words.label} keyOf=${(row) => row.id} sort=${sort}
            isDescending=${order === "desc"} isMuted=${(row) => row.isDisabled} isTiles />
          <${Pages} next=${next} total=${total === null ? "" : say(texts.pages.total, { count: number(total) })} />`}
  <//>`;
}

/** The clicks by time of the partners of the page: id -> numbers. */
function useTrends(ids) {
  const query = listQuery({ group_by: "time,partner", metrics: "clicks", "filter[partnerId][in]": ids.join(",") });
  const { data } = useAnswer(ids.length ? "/reports" : null, query);
  const found = new Map(ids.map((id) => [id, []]));
  for (const row of data?.rows ?? []) found.get(row.partnerId)?.push(row.clicks);
  return found;
}

function columnsOf(meta, trends, isAll) {
  const column = (name, title) => ({ title: title ?? texts.metrics[name], help: texts.help[name], isNumber: true, sort: isAll ? undefined : name, render: (row) => figure(row, name, meta) });
  return [
    { title: words.label, className: "wide", sort: isAll ? "name" : undefined, render: (row) => html`<a class="strong" href=${hrefOfPage(`/partners/${row.id}`, rangeQuery())}>${row.name}</a>${row.isDisabled && html` <span class="mark warn">${words.disabled}</span>`}` },
    { title: words.trend, render: (row) => html`<${Spark} values=${trends.get(row.id) ?? []} />` },
    column("clicks"),
    column("uniqueClicks", words.unique),
    column("botRate"),
    column("duplicateRate"),
    column("dataCentreRate"),
    column("registrations", texts.metrics.registrationsShort),
    column("conversionRate", texts.metrics.rateShort),
    { title: texts.metrics.delay, help: texts.help.delay, isNumber: true, sort: isAll ? undefined : "timeToRegistration", render: (row) => duration(row.timeToRegistration?.median) },
  ];
}

/** A number, and the clicks that it counts. */
function figure(row, name, meta) {
  const text = isRate(name) ? percent(row[name]) : number(row[name]);
  const href = meta && Number(row[name]) ? clicksHref(meta, { ...rowFilter("partnerId", row.id), ...METRIC_FILTERS[name] }) : null;
  return href ? html`<a href=${href}>${text}</a>` : text;
}
