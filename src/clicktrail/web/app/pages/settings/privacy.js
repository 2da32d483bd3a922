// What do we keep about people, why and for how long?
import { html } from "../../../vendor/preact/preact.js";
import { curlOf } from "../../api.js";
import { useAnswer } from "../../answers.js";
import { Box, contentOf } from "../../components/panel.js";
import { InForce, Settings, withCode } from "../../components/settings.js";
import { CopyButton } from "../../components/states.js";
import { Table } from "../../components/table.js";
import { moment, number, say } from "../../format.js";
import { texts } from "../../texts.js";
import { zone } from "../../view.js";

const words = texts.settings.privacy;
const FIELDS = [
  { title: words.data, className: "wide", render: (row) => withCode(row.data) },
  { title: words.purpose, className: "wide", render: (row) => withCode(row.purpose) },
  { title: words.kept, className: "wide", render: (row) => withCode(row.kept) },
  { title: words.settings, className: "wide", render: (row) => (row.settings.length ? row.settings.map((each) => html`<div><code>${each}</code></div>`) : texts.none) },
];
/** Each row counts the clicks that are older than those of the row before. */
const agesOf = (rows) => [
  { title: words.age, render: ({ days }) => ageOf(days, rows[rows.findIndex((each) => each.days === days) - 1]?.days) },
  { title: words.clicks, isNumber: true, render: ({ clicks }) => number(clicks) },
];

function ageOf(days, before) {
  if (days === null) return say(words.older, { before });
  return say(before === undefined ? words.upto : words.between, { before, days });
}

export default function Privacy() {
  const answer = useAnswer("/privacy");
  const curl = html`<${CopyButton} quiet text=${curlOf("/privacy")} label=${texts.copyAsCurl} />`;
  const part = (title, render) => html`<${Box} title=${title} isBusy=${answer.isLoading} actions=${curl}>${contentOf(answer, { render })}<//>`;
  const list = (rows) => html`<ul>${rows.map((each) => html`<li>${each}</li>`)}</ul>`;
  return html`<${Settings}>
    <p class="help">${words.text}</p>
    ${part(words.policy, ({ policy }) => html`<p class="help">${texts.settings.serverText}</p><${InForce} rows=${policy} />`)}
    ${part(words.fields, ({ fields }) => html`<${Table} label=${words.data} columns=${FIELDS} rows=${fields} keyOf=${(row) => row.data} isCards />`)}
    ${part(words.ages, ({ ages, firstClickTime, lastPurgeTime }) => html`<${Table} label=${words.age} columns=${agesOf(ages)} rows=${ages} keyOf=${({ days }) => days ?? "older"} />
      <dl class="pairs"><dt>${words.oldest}</dt><dd>${moment(firstClickTime, zone.value)}</dd><dt>${words.purge}</dt><dd>${moment(lastPurgeTime, zone.value)}</dd></dl>`)}
    ${part(words.recipients, ({ recipients }) => list(recipients))}
    ${part(words.security, ({ security }) => list(security))}<//>`;
}
