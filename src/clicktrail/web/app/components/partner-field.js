// A field for a partner: its id, found by typing a part of the name.
import { html, useId, useState } from "../../vendor/preact/preact.js";
import { useAnswer, useName } from "../answers.js";
import { texts } from "../texts.js";

const IS_ID = /^[0-9a-f]{24}$/i;

export function PartnerField({ name = "partnerId", value = "" }) {
  const list = useId();
  const [typed, setTyped] = useState(value);
  const isId = IS_ID.test(typed);
  const found = useAnswer(typed.length > 1 && !isId ? "/profiles" : null, { "filter[name][contains]": typed, limit: "8" });
  const chosen = useName(isId ? `/profiles/${typed}` : null, (profile) => profile.name || profile.profileId);
  return html`<label>${texts.settings.partner}
    <input name=${name} list=${list} required autocomplete="off" value=${typed} onInput=${(event) => setTyped(event.target.value.trim())} />
    <datalist id=${list}>${(found.data ?? []).map((each) => html`<option value=${each.profileId}>${each.name}</option>`)}</datalist>
    <span class="help">${chosen ?? texts.settings.partnerHelp}</span></label>`;
}

export function PartnerName({ id }) {
  const name = useName(id && `/profiles/${id}`, (profile) => profile.name || profile.profileId);
  return html`${name ?? id ?? texts.none}`;
}
