// What the list of links and the page of one link share: marks and the form.
import { html, useState } from "../../vendor/preact/preact.js";
import { ask } from "../api.js";
import { forgetName, useAnswer } from "../answers.js";
import { Field, FormDialog, changesOf } from "../components/form.js";
import { PartnerField, readPartner } from "../components/partner-field.js";
import { may } from "../session.js";
import { texts } from "../texts.js";

const words = texts.links;

const isOver = ({ redirect }) => Boolean(redirect?.expireTime) && new Date(redirect.expireTime) <= new Date();

export function LinkMarks({ link }) {
  return html`${!link.enabled && html`<span class="mark warn">${words.disabled}</span>`}${isOver(link) && html`<span class="mark warn">${words.expired}</span>`}`;
}

/** Creates a link, for a partner if one is given, or changes the given link, which has its `redirect`. `onSaved` gets the answer of the API. */
export function LinkForm({ link, partnerId, onClose, onSaved }) {
  const banners = useAnswer("/banners", { limit: 1000, sort_by: "bannerName", sort_order: "asc" });
  const send = async (values, { before }) => {
    const body = link ? changesOf((each) => bodyOf(each, link), values, before) : bodyOf(values);
    const { body: saved } = link ? await ask(`/links/${link.linkId}`, {}, { method: "PATCH", body }) : await ask("/links", {}, { method: "POST", body });
    forgetName(`/links/${saved.linkId}`);
    onClose();
    onSaved(saved);
  };
  return html`<${FormDialog} title=${link ? words.edit : words.create} submit=${texts.save} send=${send} onClose=${onClose} isWide>
    <${Fields} link=${link} partnerId=${partnerId} banners=${banners.data ?? []} /><//>`;
}

/** The owner and the operator's own key are not a partner's to set, nor is the code of a link that is there, nor where
 *  a link leads that is over. */
function Fields({ link, partnerId, banners }) {
  const isOperator = may.seePartners();
  const mayLead = isOperator || !link || (link.enabled && !isOver(link));
  const { redirect = {} } = link ?? {};
  const field = (name, more) => html`<${Field} name=${name} label=${words.fields[name]} help=${words.helps[name]} value=${link?.[name] ?? redirect[name]} ...${more} />`;
  const [bannerId, setBannerId] = useState(link?.bannerId ?? "");
  const banner = field("bannerId", { value: bannerId, onChange: ({ target }) => setBannerId(target.value), options: [["", words.noBanner], ...banners.map((each) => [each.bannerId, each.bannerName])] });
  return html`${mayLead ? field("uri", { type: "url", placeholder: "https://", autofocus: true }) : html`<p class="help">${words.over}</p>`}
    ${isOperator || !link ? html`<div class="pair">${field("name")}${field("code", { help: link ? words.codeChanged : words.codeHelp })}</div>` : field("name")}
    ${isOperator ? html`<div class="pair"><${PartnerField} value=${link?.profileId ?? partnerId} help=${link && words.partnerHelp} />${banner}</div>` : banner}
    <div class="pair">${mayLead && field("expireTime", { type: "datetime-local", value: localTime(redirect.expireTime) })}
      ${field("redirectStatus", { value: String(redirect.redirectStatus ?? 302), options: [["302", words.statuses[302]], ["301", words.statuses[301]], ["307", words.statuses[307]]] })}</div>
    ${mayLead && field("fallbackUri", { type: "url", placeholder: "https://" })}
    ${isOperator && field("uuid")}`;
}

/** The body of the request. An empty code keeps the old one, or lets the server make one. */
function bodyOf(values, link) {
  const body = { redirectStatus: Number(values.redirectStatus) };
  if ("profileId" in values) body.profileId = readPartner(values.profileId);
  for (const name of ["uri", "name", "bannerId", "fallbackUri", "uuid"]) if (name in values) body[name] = values[name].trim() || null;
  if (values.code?.trim() || !link) body.code = values.code || null;
  if ("expireTime" in values) body.expireTime = values.expireTime ? new Date(values.expireTime).toISOString() : null;
  return body;
}

/** A moment as a field shows it: on the clock of the browser. */
function localTime(text) {
  if (!text) return "";
  const at = new Date(text);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
