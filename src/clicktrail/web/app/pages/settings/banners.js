// Which banners can partners show?
import { html } from "../../../vendor/preact/preact.js";
import { Field } from "../../components/form.js";
import { texts } from "../../texts.js";
import { Objects } from "./objects.js";

const words = texts.settings;
const size = (row) => (row.width && row.height ? `${row.width} × ${row.height}` : texts.none);
const COLUMNS = [
  { title: words.name, className: "wide", render: (row) => row.bannerName },
  { title: words.banners.size, isNumber: true, render: size },
  { title: words.banners.picture, className: "wide", render: (row) => (row.cdnFileUrl ? html`<a href=${row.cdnFileUrl} target="_blank" rel="noreferrer">${row.cdnFileUrl}</a>` : texts.none) },
];
const whole = (text) => (text ? Number(text) : null);

export default function Banners() {
  return html`<${Objects} path="/banners" own=${words.banners} idKey="bannerId" nameOf=${(row) => row.bannerName} columns=${COLUMNS}
    example=${{ bannerName: "Spring", cdnFileUrl: "https://cdn.example.org/spring.png" }}
    read=${({ bannerName, cdnFileUrl, width, height }) => ({ bannerName, cdnFileUrl: cdnFileUrl || null, width: whole(width), height: whole(height) })}
    fields=${(row) => html`<${Field} name="bannerName" label=${words.name} value=${row.bannerName} required autofocus />
      <${Field} name="cdnFileUrl" type="url" label=${words.banners.picture} value=${row.cdnFileUrl} placeholder="https://cdn.example.org/spring.png" />
      <${Field} name="width" type="number" min="1" label=${words.banners.width} value=${row.width} />
      <${Field} name="height" type="number" min="1" label=${words.banners.height} value=${row.height} />`} />`;
}
