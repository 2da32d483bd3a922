// Which own sites send page views?
import { html } from "../../../vendor/preact/preact.js";
import { CheckField, Field } from "../../components/form.js";
import { Copyable } from "../../components/states.js";
import { texts } from "../../texts.js";
import { Objects } from "./objects.js";

const words = texts.settings;
const COLUMNS = [
  { title: words.name, className: "wide", render: (row) => row.name || texts.none },
  { title: words.sites.origins, className: "wide", render: (row) => row.origins.map((each) => html`<div>${each}</div>`) },
  { title: words.sites.key, render: (row) => html`<${Copyable} text=${row.key} />` },
  { title: words.state, render: (row) => (row.enabled ? words.active : words.disabled) },
];

export default function Sites() {
  return html`<${Objects} path="/sites" own=${words.sites} idKey="siteId" nameOf=${(row) => row.name || row.siteId} columns=${COLUMNS}
    example=${{ name: "shop", origins: ["https://shop.example.org"] }}
    read=${({ name, origins, enabled }) => ({ name: name || null, origins: origins.split(/\s+/).filter(Boolean), enabled: enabled === "on" })}
    fields=${(row) => html`<${Field} name="name" label=${words.name} value=${row.name} autofocus />
      <${Field} name="origins" label=${words.sites.origins} help=${words.sites.originsHelp} rows="3" value=${row.origins?.join("\n")} placeholder="https://shop.example.org" required />
      <${CheckField} name="enabled" label=${words.sites.enabled} isChecked=${row.enabled ?? true} />`} />`;
}
