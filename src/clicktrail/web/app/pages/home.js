// A partner's first page: what do I hand out, what did I bring, and why did some clicks not count?
import { html } from "../../vendor/preact/preact.js";
import { useAnswer } from "../answers.js";
import { Filters } from "../components/filters.js";
import { Box, Panel, contentOf } from "../components/panel.js";
import { Periods } from "../components/periods.js";
import { Latest } from "../components/registered.js";
import { CopyButton } from "../components/states.js";
import { curlOf } from "../api.js";
import { number } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { METRIC_FILTERS, clicksHref, linkUrl, rangeQuery, reportQuery } from "../view.js";
import { Summary } from "./overview.js";

const words = texts.home;
const FIGURES = ["clicks", "uniqueClicks", "registrations", "conversionRate"];
const LINKS = { limit: "20", "query[metrics]": "1" };
const COUNTED = "allClicks,bots,clicks,duplicates,uniqueClicks,dataCentreClicks";
/** The clicks between the clicks and the unique ones that are no repeats. */
const LATER = { "filter[isFirst]": "0", "filter[duplicateOf][null]": "1", "filter[isBot][ne]": "1" };
const FILTERS = { ...METRIC_FILTERS, laterClicks: LATER };
const withLater = (totals) => ({ ...totals, laterClicks: Math.max(totals.clicks - totals.duplicates - totals.uniqueClicks, 0) });

export default function Home() {
  return html`<div class="head"><h1>${texts.titles.overview}</h1><${Periods} /></div>
    <${OwnLinks} /><${Filters} /><${Summary} figures=${FIGURES} />
    <div class="panels"><${Latest} title=${words.last} empty=${words.noRegistrations} /><${Why} /></div>`;
}

/** The link with the most clicks first: that is the one which people look for. */
function OwnLinks() {
  const answer = useAnswer("/links", LINKS);
  const links = [...(answer.data ?? [])].sort((one, other) => other.enabled - one.enabled || other.metrics.clicks - one.metrics.clicks);
  const [first, ...others] = links;
  const all = others.length > 0 && hrefOfPage("/links", rangeQuery());
  return html`<${Box} title=${words.yourLink} className="own-link" isBusy=${answer.isLoading} actions=${html`
      ${all && html`<a class="small" href=${all}>${words.otherLinks}</a>`}<${CopyButton} quiet text=${curlOf("/links", LINKS)} label=${texts.copyAsCurl} />`}>
    ${contentOf(answer, { rows: 1, isEmpty: (rows) => !rows.length, empty: html`<${NoLink} />`, render: () => html`
      <${OwnLink} link=${first} isMain />
      ${others.slice(0, 4).map((link) => html`<${OwnLink} link=${link} />`)}` })}<//>`;
}

/** A partner who may add links is led to where that is done. */
function NoLink() {
  return may.change("links") ? html`${words.noLinkYet} <a href=${hrefOfPage("/links", { list: "all" })}>${words.addLink}</a>` : words.noLink;
}

function OwnLink({ link, isMain }) {
  const href = hrefOfPage(`/links/${link.linkId}`, rangeQuery());
  return html`<div class=${isMain ? "address main" : "address"}>
    <code>${linkUrl(link.code)}</code><${CopyButton} text=${linkUrl(link.code)} label=${texts.copy} />
    <span class="help">${href ? html`<a href=${href}>${link.name || link.code}</a>` : link.name}${!link.enabled && html` · ${words.notInUse}`}</span></div>`;
}

/** From all that was recorded to what counts, each step with its rule. */
function Why() {
  const query = reportQuery({ metrics: COUNTED }, { compare: "none" });
  query.delete("compare");
  return html`<${Panel} title=${words.why} path="/reports" query=${query} isEmpty=${({ totals }) => !totals.allClicks} empty=${words.noClicks}
    render=${({ totals, meta }) => html`<table class="steps"><tbody>${words.steps.map(([name, label, help]) => {
      const href = FILTERS[name] && clicksHref(meta, FILTERS[name]);
      const value = number(withLater(totals)[name]);
      return html`<tr class=${["allClicks", "clicks", "uniqueClicks"].includes(name) ? "kept" : ""}><td>${label}<p class="help">${help}</p></td>
        <td class="number">${href ? html`<a href=${href}>${value}</a>` : value}</td></tr>`;
    })}</tbody></table>`} />`;
}
