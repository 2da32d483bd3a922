// A field for a partner, found by typing a part of the name.
import { html, useEffect, useId, useRef, useState } from "../../vendor/preact/preact.js";
import { useName } from "../answers.js";
import { ask } from "../api.js";
import { texts } from "../texts.js";
import { Field, mistake } from "./form.js";
import { useTyped } from "./search.js";

const SHOWN = 20;
const ID = /([0-9a-f]{24})\)?$/i;
const isBare = (text) => ID.exec(text)?.index === 0;
const optionOf = (profile) => `${profile.name || profile.uuid || ""} (${profile.profileId})`.trim();

/** `help` gives way to the name of an id that was typed. Its value in the form is what `readPartner` takes: the id alone until the name is known, so that no form is ever
 *  sent without the partner that it has. What was typed meanwhile stays: the name becomes the default of the field alone. */
export function PartnerField({ name = "profileId", value = "", help, ...rest }) {
  const list = useId();
  const [found, setFound] = useState([]);
  const [shown, setShown] = useState(value);
  const latest = useRef("");
  const search = async (text) => {
    latest.current = text;
    const { body } = await ask("/profiles", { ...(text ? { "filter[name][contains]": text } : { "filter[isPartner]": "1" }), limit: SHOWN, sort_by: "name", sort_order: "asc" });
    if (latest.current === text) setFound(body);
  };
  useEffect(() => {
    search("").catch(() => {});
    if (value) ask(`/profiles/${value}`).then(({ body }) => setShown(optionOf(body)), () => {});
  }, []);
  const [typed, setTyped] = useState(null);
  const type = useTyped((text) => {
    setTyped(isBare(text) ? text : null);
    if (!ID.test(text)) search(text).catch(() => {}); // without the list an id can still be typed
  });
  const chosen = useName(typed && `/profiles/${typed}`, (profile) => profile.name || profile.profileId);
  return html`<${Field} name=${name} label=${texts.fields.partner} help=${chosen ?? help} value=${shown} list=${list}
    onInput=${type} placeholder=${texts.forms.partnerHint} ...${rest} />
    <datalist id=${list}>${found.map((each) => html`<option value=${optionOf(each)}></option>`)}</datalist>`;
}

/** The id in a partner field; null if it is empty. Raises Problem for a text without an id. */
export function readPartner(text, name = "profileId") {
  if (!text.trim()) return null;
  const id = ID.exec(text.trim())?.[1];
  if (!id) throw mistake([name, texts.forms.choosePartner]);
  return id;
}
