// A registration explained: the rule, what the request named, and every click that was considered.
import { html } from "../../vendor/preact/preact.js";
import { duration, moment, say } from "../format.js";
import { texts } from "../texts.js";
import { zone } from "../view.js";
import { ClickLink, ClientName, LinkName } from "./names.js";
import { Table } from "./table.js";

const words = texts.attribution;

/** `found` is an attribution of the API; `clickId` is the click that the page is about; without it, it is about the client.
 *  `profile` is the client where the page has it; null for one that is not there. */
export function Attribution({ found, clickId, profile }) {
  const named = Object.entries(found.named ?? {}).filter(([, value]) => value);
  return html`<div class="attribution">
    <p><strong>${found.reason}</strong></p>
    <dl class="pairs">
      ${clickId && found.profileId && html`<dt>${texts.fields.client}</dt><dd><${ClientName} id=${found.profileId} profile=${profile && profile.profileId !== found.profileId ? undefined : profile} /></dd>`}
      <dt>${words.registeredAt}</dt><dd>${moment(found.time, zone.value)}</dd>
      <dt>${words.rule}</dt><dd>${texts.rules[found.rule] ?? found.rule}</dd>
      ${found.model && html`<dt>${words.model}</dt><dd>${words.models[found.model]}${found.windowDays !== null && `, ${say(words.days, { count: found.windowDays })}`}</dd>`}
      ${found.linkId && html`<dt>${words.link}</dt><dd><${LinkName} id=${found.linkId} /></dd>`}
      ${named.length > 0 && html`<dt>${words.named}</dt><dd>${named.map(([name, value]) => html`<div>${words.names[name]}: <code>${value}</code></div>`)}</dd>`}
    </dl>
    ${found.considered.length > 0 && html`<h3>${words.candidates}</h3>
      <${Table} columns=${columnsOf(found, clickId)} rows=${found.considered} label=${words.candidates} keyOf=${(each) => each.clickId}
        isMuted=${({ outcome }) => outcome !== "wins"} isCards />`}
  </div>`;
}

function columnsOf(found, clickId) {
  const before = ({ time }) => (new Date(found.time) - new Date(time)) / 1000;
  return [
    { title: texts.fields.time, className: "time", render: (each) => html`<${ClickLink} id=${each.clickId} text=${moment(each.time, zone.value)} />` },
    { title: words.before, render: (each) => (before(each) < 0 ? words.after : duration(before(each))) },
    { title: texts.fields.link, render: ({ linkId }) => (linkId ? html`<${LinkName} id=${linkId} />` : texts.none) },
    { title: words.evidence, render: ({ evidence }) => evidence.map((name) => words.names[name] ?? name).join(", ") },
    {
      title: words.outcome,
      className: "outcome",
      render: (each) => html`<span class="mark ${each.outcome === "wins" ? "good" : ""}">${words.outcomes[each.outcome] ?? each.outcome}</span>
        ${each.clickId === clickId && html`<span class="mark">${words.thisClick}</span>`}<span class="rule">${words.outcomeHelp[each.outcome]}</span>`,
    },
  ];
}
