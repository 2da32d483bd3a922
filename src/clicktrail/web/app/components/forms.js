// Forms whose mistakes stand beside their fields, as the API names them by pointers.
import { html, useEffect, useId, useRef, useState } from "../../vendor/preact/preact.js";
import { Problem, ask } from "../api.js";
import { texts } from "../texts.js";
import { useTyped } from "./search.js";

/** `send(values)` raises Problem. `children(errorOf)` are the fields; an error of no field stands above the buttons. */
export function Form({ send, submit, onCancel, fields, children }) {
  const [problem, setProblem] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const place = useRef(null);
  const errorOf = (name) => problem?.errors.filter((each) => pointerOf(each) === name).map((each) => each.detail).join(" ");
  const others = (problem?.errors ?? []).filter((each) => !fields.includes(pointerOf(each)));
  useEffect(() => place.current.querySelector("[aria-invalid=true]")?.focus(), [problem]);
  const onSubmit = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await send(Object.fromEntries(new FormData(event.target)));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
      setBusy(false);
    }
  };
  return html`<form ref=${place} onSubmit=${onSubmit} noValidate>
    ${children(errorOf)}
    ${problem && html`<p class="problem" role="alert">${[problem.message, ...others.map((each) => `${pointerOf(each)} ${each.detail}`)].join(" ")}</p>`}
    <footer class="buttons">
      ${onCancel && html`<button type="button" onClick=${onCancel}>${texts.cancel}</button>`}
      <button class="primary" disabled=${isBusy}>${submit}</button>
    </footer></form>`;
}

const pointerOf = ({ pointer, parameter }) => (pointer ?? parameter ?? "").split("/").filter(Boolean)[0] ?? "";

/** A mistake that the form finds by itself, in the shape of the API's. */
export const mistake = (name, detail) => new Problem(422, { detail: texts.forms.invalid, errors: [{ pointer: `/${name}`, detail }] });

/** A labelled control with its help and its error. `options` of `[value, text]` make it a list. */
export function Field({ name, label, help, error, options, rows, value, ...rest }) {
  const id = useId();
  const said = [help && `${id}h`, error && `${id}e`].filter(Boolean).join(" ") || undefined;
  const own = { name, ...rest, "aria-describedby": said, "aria-invalid": error ? "true" : undefined };
  return html`<label><span>${label}</span>
    ${options
      ? html`<select ...${own}>${options.map(([key, text]) => html`<option value=${key} selected=${key === (value ?? "")}>${text}</option>`)}</select>`
      : rows
        ? html`<textarea rows=${rows} defaultValue=${value ?? ""} ...${own}></textarea>`
        : html`<input autocomplete="off" defaultValue=${value ?? ""} ...${own} />`}
    ${help && html`<span class="help" id=${`${id}h`}>${help}</span>`}
    ${error && html`<span class="problem" id=${`${id}e`}>${error}</span>`}</label>`;
}

const SHOWN = 20;

/** A field for a partner, found by name. Its value in the form is what `readPartner` takes. */
export function PartnerField({ name = "profileId", label, help, error, value, isNeeded }) {
  const list = useId();
  const [found, setFound] = useState([]);
  const [shown, setShown] = useState(null);
  const search = async (text) => {
    const { body } = await ask("/profiles", { ...(text ? { "filter[name][contains]": text } : { "filter[isPartner]": "1" }), limit: SHOWN, sort_by: "name", sort_order: "asc" });
    setFound(body);
  };
  useEffect(() => {
    search("").catch(() => {});
    if (value) ask(`/profiles/${value}`).then(({ body }) => setShown(optionOf(body)), () => setShown(value));
    else setShown("");
  }, []);
  const type = useTyped((text) => ID.test(text) || search(text).catch(() => {})); // without the list an id can still be typed
  return html`<${Field} key=${shown === null ? "waiting" : "known"} name=${name} label=${label} help=${help} error=${error} value=${shown ?? ""} list=${list}
    required=${isNeeded} onInput=${type} placeholder=${texts.forms.partnerHint} />
    <datalist id=${list}>${found.map((each) => html`<option value=${optionOf(each)}></option>`)}</datalist>`;
}

const ID = /([0-9a-f]{24})\)?$/i;
const optionOf = (profile) => `${profile.name || profile.uuid || ""} (${profile.profileId})`.trim();

/** The id in a partner field; null if it is empty. Raises Problem for a text without an id. */
export function readPartner(text, name = "profileId") {
  if (!text.trim()) return null;
  const id = ID.exec(text.trim())?.[1];
  if (!id) throw mistake(name, texts.forms.choosePartner);
  return id;
}
