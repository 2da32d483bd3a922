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

/** Its value in the form is what `readPartner` takes: the id alone until the name is known, so that no form is ever
 *  sent without the partner that it has. */
export function PartnerField({ name = "profileId", value = "", ...rest }) {
  const list = useId();
  const hasTyped = useRef(false);
  const [found, setFound] = useState([]);
  const [shown, setShown] = useState(value);
  const search = async (text) => {
    const { body } = await ask("/profiles", { ...(text ? { "filter[name][contains]": text } : { "filter[isPartner]": "1" }), limit: SHOWN, sort_by: "name", sort_order: "asc" });
    setFound(body);
  };
  useEffect(() => {
    search("").catch(() => {});
    if (value) ask(`/profiles/${value}`).then(({ body }) => hasTyped.current || setShown(optionOf(body)), () => {});
  }, []);
  const [typed, setTyped] = useState(null);
  const pause = useTyped((text) => {
    setTyped(isBare(text) ? text : null);
    if (!ID.test(text)) search(text).catch(() => {}); // without the list an id can still be typed
  });
  const type = (event) => {
    hasTyped.current = true;
    pause(event);
  };
  const chosen = useName(typed && `/profiles/${typed}`, (profile) => profile.name || profile.profileId);
  return html`<${Field} key=${shown} name=${name} label=${texts.fields.partner} help=${chosen} value=${shown} list=${list}
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
