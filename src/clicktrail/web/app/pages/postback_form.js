// The form of a postback.
import { html } from "../../vendor/preact/preact.js";
import { ask } from "../api.js";
import { CheckField, Field, FormDialog, changesOf } from "../components/form.js";
import { PartnerField, readPartner } from "../components/partner-field.js";
import { may } from "../session.js";
import { texts } from "../texts.js";

const words = texts.postbacks;
const METHODS = ["GET", "POST"].map((name) => [name, name]);

/** Creates a postback, or changes the given one. `onSaved` gets the answer, which has the secret of a new one. */
export function PostbackForm({ postback, partnerId, onClose, onSaved }) {
  const send = async (values, { before }) => {
    const body = postback ? changesOf(bodyOf, values, before) : bodyOf(values);
    const { body: saved } = postback ? await ask(`/postbacks/${postback.postbackId}`, {}, { method: "PATCH", body }) : await ask("/postbacks", {}, { method: "POST", body });
    onClose();
    onSaved(saved);
  };
  return html`<${FormDialog} title=${postback ? words.edit : words.create} submit=${texts.save} send=${send} onClose=${onClose} isWide>
    ${may.seePartners() && html`<${PartnerField} value=${postback?.profileId ?? partnerId} required />`}
    <${Field} name="name" label=${words.name} value=${postback?.name} />
    <${Field} name="uri" type="url" label=${words.uri} help=${words.uriHelp} value=${postback?.uri} placeholder="https://" />
    <div class="pair"><${Field} name="events" label=${words.events} options=${Object.entries(words.eventNames)} value=${postback?.events.join() ?? "registration"} />
      <${Field} name="method" label=${words.method} options=${METHODS} value=${postback?.method ?? "GET"} /></div>
    <${CheckField} name="enabled" label=${words.enabled} isChecked=${postback?.enabled ?? true} /><//>`;
}

function bodyOf({ profileId, name, uri, events, method, enabled }) {
  const body = { name: name.trim() || null, uri: uri.trim(), events: events.split(","), method, enabled: enabled === "on" };
  return profileId === undefined ? body : { ...body, profileId: readPartner(profileId) };
}
