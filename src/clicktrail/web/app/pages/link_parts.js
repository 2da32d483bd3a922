// What the list of links and the page of one link share: marks, the partner's name, the form.
import { html } from "../../vendor/preact/preact.js";
import { ask } from "../api.js";
import { forgetName, useAnswer, useName } from "../answers.js";
import { Dialog } from "../components/dialog.js";
import { Field, Form, PartnerField, readPartner } from "../components/forms.js";
import { hrefOfPage } from "../pages.js";
import { texts } from "../texts.js";
import { rangeQuery } from "../view.js";

const words = texts.links;

export function LinkMarks({ link }) {
  const { expireTime } = link.redirect ?? {};
  const isOver = expireTime && new Date(expireTime) <= new Date();
  return html`${!link.enabled && html`<span class="mark warn">${words.disabled}</span>`}${isOver && html`<span class="mark warn">${words.expired}</span>`}`;
}

/** The name of a partner, which leads to the partner's page. */
export function PartnerName({ id }) {
  const name = useName(id ? `/profiles/${id}` : null, (profile) => profile.name || profile.profileId);
  if (!id) return html`<span class="unknown">${texts.none}</span>`;
  const href = hrefOfPage(`/partners/${id}`, rangeQuery());
  return href ? html`<a href=${href}>${name ?? id}</a>` : html`${name ?? id}`;
}

const FIELDS = ["code", "name", "uri", "profileId", "bannerId", "fallbackUri", "expireTime", "redirectStatus", "uuid"];

/** Creates a link, for a partner if one is given, or changes the given link, which has its `redirect`. `onSaved` gets the answer of the API. */
export function LinkForm({ link, partnerId, onClose, onSaved }) {
  const banners = useAnswer("/banners", { limit: 1000, sort_by: "bannerName", sort_order: "asc" });
  const send = async (values) => {
    const body = bodyOf(values, link);
    const { body: saved } = link ? await ask(`/links/${link.linkId}`, {}, { method: "PATCH", body }) : await ask("/links", {}, { method: "POST", body });
    forgetName(`/links/${saved.linkId}`);
    onClose();
    onSaved(saved);
  };
  return html`<${Dialog} title=${link ? words.edit : words.create} onClose=${onClose} isWide>
    <${Form} send=${send} submit=${texts.save} onCancel=${onClose} fields=${FIELDS}>${(errorOf) => html`<${Fields} link=${link} partnerId=${partnerId} errorOf=${errorOf} banners=${banners.data ?? []} />`}<//>
  <//>`;
}

function Fields({ link, partnerId, errorOf, banners }) {
  const { redirect = {} } = link ?? {};
  const field = (name, more) => html`<${Field} name=${name} label=${words.fields[name]} help=${words.helps[name]} value=${link?.[name] ?? redirect[name]} error=${errorOf(name)} ...${more} />`;
  return html`${field("uri", { type: "url", placeholder: "https://", autofocus: true })}
    <div class="pair">${field("name")}${field("code", { help: link ? words.codeChanged : words.codeHelp })}</div>
    <div class="pair"><${PartnerField} label=${words.partner} value=${link?.profileId ?? partnerId} error=${errorOf("profileId")} />
      ${field("bannerId", { key: `banner${banners.length}`, options: [["", words.noBanner], ...banners.map((each) => [each.bannerId, each.bannerName])] })}</div>
    <div class="pair">${field("expireTime", { type: "datetime-local", value: localTime(redirect.expireTime) })}
      ${field("redirectStatus", { value: String(redirect.redirectStatus ?? 302), options: [["302", words.statuses[302]], ["301", words.statuses[301]], ["307", words.statuses[307]]] })}</div>
    ${field("fallbackUri", { type: "url", placeholder: "https://" })}
    ${field("uuid")}`;
}

/** The body of the request. An empty code keeps the old one, or lets the server make one. */
function bodyOf(values, link) {
  const body = { profileId: readPartner(values.profileId), redirectStatus: Number(values.redirectStatus) };
  for (const name of ["uri", "name", "bannerId", "fallbackUri", "uuid"]) body[name] = values[name].trim() || null;
  if (values.code.trim() || !link) body.code = values.code || null;
  body.expireTime = values.expireTime ? new Date(values.expireTime).toISOString() : null;
  return body;
}

/** A moment as a field shows it: on the clock of the browser. */
function localTime(text) {
  if (!text) return "";
  const at = new Date(text);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
