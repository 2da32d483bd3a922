// Which own sites send page views?
import { html } from "../../../vendor/preact/preact.js";
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
    fields=${(row) => html`<label>${words.name}<input name="name" value=${row.name ?? ""} autocomplete="off" autofocus /></label>
      <label>${words.sites.origins}<textarea name="origins" rows="3" required placeholder="https://shop.example.org">${(row.origins ?? []).join("\n")}</textarea><span class="help">${words.sites.originsHelp}</span></label>
      <label class="check"><input type="checkbox" name="enabled" checked=${row.enabled ?? true} />${words.sites.enabled}</label>`} />`;
}
