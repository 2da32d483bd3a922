// How are we doing against before, and who moved it?
import { html } from "../../vendor/preact/preact.js";
import { curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { TimeChart } from "../components/chart.js";
import { Figure } from "../components/figure.js";
import { Lazy } from "../components/lazy.js";
import { Filters } from "../components/filters.js";
import { Box, Panel } from "../components/panel.js";
import { Periods } from "../components/periods.js";
import { RankedPanel } from "../components/ranked.js";
import { UNEARNED } from "../fields.js";
import { Count, CopyButton, Failed, Skeleton } from "../components/states.js";
import { number, part, range } from "../format.js";
import { change, go, place } from "../router.js";
import { hrefOfPage } from "../pages.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { BAD, METRIC_FILTERS, clicksHref, isRate, rangeQuery, readFilters, reportQuery } from "../view.js";

const FIGURES = ["clicks", "uniqueClicks", "registrations", "conversionRate", "registered", "activePartners"];
const DELAYS = Object.keys(texts.delays);

export default function Overview() {
  return html`<div class="head"><h1>${texts.titles.overview}</h1><${Periods} /></div>
    <${Filters} />
    <${Summary} figures=${may.seePartners() ? FIGURES : FIGURES.map((name) => (name === "activePartners" ? "activeLinks" : name))} canBegin=${may.seePartners()} />
    <div class="panels">
      ${may.seePartners() && html`<${Partners} />`}
      <${Links} /><${Countries} /><${World} /><${Referrers} /><${Campaigns} /><${Devices} /><${Delay} />
    </div>`;
}

/** Figures and line are one answer: totals and rows of the same report. `more` are filters of the page. `canBegin`: an
 *  empty store says what to do. */
export function Summary({ figures, more = {}, canBegin = false }) {
  const query = reportQuery({ group_by: "time", metrics: figures.join(","), ...more });
  const answer = useAnswer("/reports", query);
  const chosen = place.value.query.get("show");
  const metric = figures.includes(chosen) ? chosen : figures[0];
  const { data, problem } = answer;
  const line = html`<${Line} data=${data} metric=${metric} more=${more} />`;
  const mayBeEmpty = canBegin && data && !data.totals.clicks && !readFilters().length;
  return html`<${Box} className="summary" title=${data ? range(data.meta.from, data.meta.to, data.meta.zone) : " "} isBusy=${answer.isLoading}
    actions=${html`<span class="asof">${data?.meta.zone}</span><${CopyButton} quiet text=${curlOf("/reports", query)} label=${texts.copyAsCurl} />`}>
    ${problem ? html`<${Failed} problem=${problem} onRetry=${answer.reload} />` : html`<${Figures} data=${data} figures=${figures} metric=${metric} more=${more} />
      ${data?.meta.leftOut > 0 && html`<p class="note"><${Count} value=${data.meta.leftOut} one=${texts.leftOut.one} many=${texts.leftOut.many} /></p>`}
      ${mayBeEmpty ? html`<${Begin} otherwise=${line} />` : line}`}
  <//>`;
}

/** What to do with an empty store. Robots alone and clicks of other days are clicks too. */
function Begin({ otherwise }) {
  const { data, problem } = useAnswer("/clicks", { limit: 1 });
  if (problem || data?.length) return otherwise;
  if (!data) return html`<div class="chart"><${Skeleton} rows=${7} /></div>`;
  return html`<div class="chart begin"><div class="state"><strong>${texts.begin.title}</strong><p>${texts.begin.text}</p>
    <a class="button primary" href=${hrefOfPage("/setup")}>${texts.begin.open}</a></div></div>`;
}

function Figures({ data, figures, metric, more }) {
  return html`<div class="figures">${figures.map((name) => html`<${Figure} key=${name} label=${texts.metrics[name]} help=${texts.help[name]}
    value=${data?.totals[name]} isRate=${isRate(name)} isBad=${BAD.has(name)} change=${data?.totals.change?.[name]}
    previous=${data?.totals.previous?.[name]} href=${data && hrefOfMetric(name, data.meta, more)}
    isPicked=${name === metric} onPick=${() => change({ show: name }, { replace: true })} />`)}</div>`;
}

function hrefOfMetric(name, meta, more) {
  if (name === "registered") return registrationsHref(meta);
  if (name === "activePartners") return hrefOfPage("/partners", rangeQuery());
  if (name === "activeLinks") return hrefOfPage("/links", rangeQuery());
  return METRIC_FILTERS[name] ? clicksHref(meta, { ...more, ...METRIC_FILTERS[name] }) : null;
}

/** The registrations of a report, which counts registrations that something earned. Null where its filters are of clicks:
 *  registrations do not have them. */
function registrationsHref(meta) {
  const filters = readFilters();
  if (!filters.every(({ name }) => ["partnerId", "linkId"].includes(name))) return null;
  const query = rangeQuery();
  query.delete("period");
  query.set("from", meta.from);
  query.set("to", meta.to);
  for (const { key, value } of filters) query.append(key, value);
  for (const rule of UNEARNED) query.append("filter[rule][ne]", rule);
  return hrefOfPage("/registrations", query);
}

function Line({ data, metric, more }) {
  if (!data) return html`<div class="chart"><${Skeleton} rows=${7} /></div>`;
  const open = (index) => {
    const ends = data.rows[index + 1]?.time ?? data.meta.to;
    const href = clicksHref({ from: data.rows[index].time, to: ends }, { ...more, ...METRIC_FILTERS[metric] });
    if (href) go(href);
  };
  return html`<${TimeChart} rows=${data.rows} meta=${data.meta} metric=${metric} isRate=${isRate(metric)} label=${texts.metrics[metric]} onOpen=${open} />`;
}

const Partners = () => html`<${RankedPanel} title=${texts.panels.partners} dimension="partner" filterBy="partnerId"
  allHref=${hrefOfPage("/partners", rangeQuery())} valueOf=${(row) => row.partnerId}
  nameOf=${(row) => (row.partnerId ? row.partnerName || row.partnerId : texts.panels.withoutPartner)}
  hrefOf=${(row) => row.partnerId && hrefOfPage(`/partners/${row.partnerId}`, rangeQuery())} />`;

export const Links = ({ more }) => html`<${RankedPanel} title=${texts.panels.links} dimension="link" filterBy="linkId" more=${more}
  allHref=${hrefOfPage("/links", rangeQuery())} valueOf=${(row) => row.linkId}
  nameOf=${(row) => (row.linkId ? row.linkName || row.linkCode || row.linkId : texts.panels.withoutLink)}
  hrefOf=${(row) => row.linkId && hrefOfPage(`/links/${row.linkId}`, rangeQuery())} />`;

export const Countries = ({ more }) => html`<${RankedPanel} title=${texts.panels.countries} dimension="countryCode" filterBy="countryCode" more=${more}
  valueOf=${(row) => row.countryCode} nameOf=${(row) => row.countryName ?? row.countryCode} />`;

export const World = (rest) => html`<${Lazy} load=${() => import("../components/world.js")} height=${358} ...${rest} />`;

export const Referrers = ({ more }) => html`<${RankedPanel} title=${texts.panels.referrers} dimension="referrerHost" filterBy="referrerHost" more=${more}
  valueOf=${(row) => row.referrerHost} nameOf=${(row) => row.referrerHost ?? texts.panels.noReferrer} />`;

const Campaigns = () => html`<${RankedPanel} title=${texts.panels.campaigns} dimension="utmCampaign" filterBy="utmCampaign"
  valueOf=${(row) => row.utmCampaign} nameOf=${(row) => row.utmCampaign ?? texts.panels.noCampaign} />`;

export const Devices = ({ more }) => html`<${RankedPanel} title=${texts.panels.devices} dimension="device" filterBy="device" more=${more}
  valueOf=${(row) => row.device} nameOf=${(row) => texts.devices[row.device] ?? row.device} />`;

/** How long registrations took, from the shortest to the longest. */
function Delay() {
  const query = reportQuery({ group_by: "delay", metrics: "registrations", "filter[registration]": "1" });
  query.delete("compare");
  return html`<${Panel} title=${texts.panels.delay} path="/reports" query=${query} className="ranked"
    isEmpty=${({ totals }) => !totals.registrations} empty=${texts.panels.noRegistrations}
    render=${({ rows, totals }) => {
      const counts = new Map(rows.map((row) => [row.delay, row.registrations]));
      const most = Math.max(...counts.values());
      return html`<table><thead><tr><th scope="col"><span class="hidden">${texts.panels.delay}</span></th>
          <th scope="col" class="number">${texts.metrics.registrationsShort}</th><th scope="col" class="number">${texts.panels.share}</th></tr></thead>
        <tbody>${DELAYS.map((name) => html`<tr><td><span class="bar" style=${{ width: `${(100 * (counts.get(name) ?? 0)) / most}%` }}></span><span class="name">${texts.delays[name]}</span></td>
          <td class="number">${number(counts.get(name) ?? 0)}</td><td class="number">${part(counts.get(name) ?? 0, totals.registrations)}</td></tr>`)}</tbody></table>`;
    }} />`;
}
