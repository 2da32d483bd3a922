// The form of a postback.
import { html } from "../../vendor/preact/preact.js";
import { ask } from "../api.js";
import { Dialog } from "../components/dialog.js";
import { Field, Form, PartnerField, readPartner } from "../components/forms.js";
import { texts } from "../texts.js";

const words = texts.postbacks;
const FIELDS = ["profileId", "name", "uri", "events", "method"];

/** Creates a postback, or changes the given one. `onSaved` gets the answer, which has the secret of a new one. */
export function PostbackForm({ postback, partnerId, onClose, onSaved }) {
  const send = async ({ profileId, name, uri, events, method, enabled }) => {
    const body = { profileId: readPartner(profileId), name: name.trim() || null, uri: uri.trim(), events: events.split(","), method, enabled: enabled === "on" };
    const { body: saved } = postback ? await ask(`/postbacks/${postback.postbackId}`, {}, { method: "PATCH", body }) : await ask("/postbacks", {}, { method: "POST", body });
    onClose();
    onSaved(saved);
  };
  const events = Object.entries(words.eventNames);
  return html`<${Dialog} title=${postback ? texts.postbacks.edit : words.create} onClose=${onClose} isWide>
    <${Form} send=${send} submit=${texts.save} onCancel=${onClose} fields=${FIELDS}>${(errorOf) => html`
      <${PartnerField} label=${words.partner} value=${postback?.profileId ?? (partnerId || null)} error=${errorOf("profileId")} />
      <${Field} name="name" label=${words.name} value=${postback?.name} error=${errorOf("name")} />
      <${Field} name="uri" type="url" label=${words.uri} help=${words.uriHelp} value=${postback?.uri} placeholder="https://" error=${errorOf("uri")} />
      <div class="pair"><${Field} name="events" label=${words.events} options=${events} value=${postback?.events.join() ?? "registration"} error=${errorOf("events")} />
        <${Field} name="method" label=${words.method} options=${[["GET", "GET"], ["POST", "POST"]]} value=${postback?.method ?? "GET"} error=${errorOf("method")} /></div>
      <label class="check"><input type="checkbox" name="enabled" defaultChecked=${postback?.enabled ?? true} /> ${words.enabled}</label>`}<//>
  <//>`;
}
