// Forms. What was wrong stands beside its field, whether the browser or the API finds it.
import { createContext, html, useContext, useEffect, useId, useRef, useState } from "../../vendor/preact/preact.js";
import { Problem } from "../api.js";
import { texts } from "../texts.js";
import { Dialog } from "./dialog.js";

const Problems = createContext(null);

/** A form whose children are fields. `send` gets the values by name, and `{form, before}`: the form, and the values with
 *  which it was opened. It raises Problem. What no field shows of it stands above the buttons. */
export function Form({ send, submit, onCancel, isDanger, children }) {
  const { problem, isBusy, run } = useAction();
  const place = useRef(null);
  const before = useRef({});
  useEffect(() => {
    before.current = valuesOf(place.current);
    if (document.activeElement === document.body) place.current.querySelector("[autofocus]")?.focus(); // browsers do it once a page
  }, []);
  useEffect(() => {
    if (problem) place.current.querySelector("[aria-invalid=true], :invalid")?.focus();
  }, [problem]);
  const hasField = (each) => place.current.querySelector(`[data-shows="${CSS.escape(nameOf(each))}"]`);
  const onSubmit = (event) => {
    event.preventDefault();
    const form = event.target;
    run(() => send(checked(form), { form, before: before.current }));
  };
  return html`<form ref=${place} method="post" aria-busy=${isBusy ? "true" : "false"} onSubmit=${onSubmit} noValidate>
    <${Problems.Provider} value=${problem}>${children}<//>
    <${Wrong} problem=${problem} isShown=${hasField} />
    ${onCancel
      ? html`<footer class="buttons"><button type="button" disabled=${isBusy} onClick=${onCancel}>${texts.cancel}</button><button class=${isDanger ? "danger" : "primary"} disabled=${isBusy}>${submit}</button></footer>`
      : html`<button class="primary" disabled=${isBusy}>${submit}</button>`}</form>`;
}

/** The values by name. Raises Problem for what the browser itself refuses, in the language of the browser. */
function checked(form) {
  const refused = [...form.elements].filter((each) => each.dataset.shows && !each.validity.valid);
  if (refused.length) throw mistake(...refused.map((each) => [each.dataset.shows, wordsOf(each)]));
  return valuesOf(form);
}

/** Browsers do not say what a URL lacks: mostly its scheme. */
const wordsOf = ({ type, validity, validationMessage }) => (type === "url" && validity.typeMismatch ? texts.forms.url : validationMessage);

const valuesOf = (form) => Object.fromEntries(new FormData(form));

/** The body of a change: what the person changed, and nothing else. So saving keeps what the form cannot show, and what
 *  others changed while it was open. `read` makes a body of values. */
export function changesOf(read, values, before) {
  const [body, old] = [read(values), read(before)];
  return Object.fromEntries(Object.entries(body).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(old[name])));
}

/** Mistakes that are found here, as pairs of a field and what is wrong, in the shape of the API's. */
export const mistake = (...pairs) =>
  new Problem(422, { detail: texts.forms.invalid, errors: pairs.map(([name, detail]) => ({ pointer: `/${name}`, detail })) });

/** `isDanger`: what it sends cannot be undone. */
export function FormDialog({ title, submit, send, onClose, isWide, isDanger, children }) {
  return html`<${Dialog} title=${title} onClose=${onClose} isWide=${isWide}><${Form} send=${send} submit=${submit} onCancel=${onClose} isDanger=${isDanger}>${children}<//><//>`;
}

/** Runs what may fail: `run(work)` shows its Problem, and returns whether it went well. */
export function useAction() {
  const [state, setState] = useState({ problem: null, isBusy: false });
  const run = async (work) => {
    setState((old) => ({ ...old, isBusy: true }));
    try {
      await work();
    } catch (problem) {
      setState({ problem: problem instanceof Problem ? problem : null, isBusy: false });
      if (!(problem instanceof Problem)) throw problem;
      return false;
    }
    setState({ problem: null, isBusy: false });
    return true;
  };
  return { ...state, run };
}

const nameOf = ({ pointer, parameter }) => (pointer ?? parameter ?? "").split("/").filter(Boolean)[0] ?? "";
const never = () => false;

/** What was wrong, in words, without what `isShown` elsewhere. */
export function Wrong({ problem, isShown = never }) {
  if (!problem) return null;
  const others = problem.errors.filter((each) => !isShown(each)).map((each) => `${nameOf(each)} ${each.detail}.`);
  const areMarked = problem.status === 422 && problem.errors.length > 0 && !others.length;
  return html`<p class="problem" role="alert">${areMarked ? texts.forms.invalid : [problem.message, ...others].join(" ")}</p>`;
}

/** A labelled control with its help and its mistakes. `options` of `[value, text]` make it a list, `rows` a text area.
 *  `shows` names the key of the API whose mistakes it shows, if that is not its own name. */
export function Field({ name, label, help, shows = name, options, rows, value, ...rest }) {
  const id = useId();
  const problem = useContext(Problems);
  const error = (problem?.errors ?? []).filter((each) => nameOf(each) === shows).map((each) => each.detail).join(" ");
  const said = [help && `${id}h`, error && `${id}e`].filter(Boolean).join(" ") || undefined;
  const own = { id, name, "data-shows": shows, ...rest, "aria-describedby": said, "aria-invalid": error ? "true" : undefined };
  return html`<div class="field"><label for=${id}>${label}</label>
    ${options
      ? html`<select ...${own}>${withValue(options, value ?? "").map(([key, text]) => html`<option value=${key} selected=${key === (value ?? "")}>${text}</option>`)}</select>`
      : rows
        ? html`<textarea rows=${rows} defaultValue=${value ?? ""} ...${own}></textarea>`
        : html`<input autocomplete="off" defaultValue=${value ?? ""} ...${own} />`}
    ${help && html`<span class="help" id=${`${id}h`}>${help}</span>`}
    ${error && html`<span class="problem" id=${`${id}e`}>${error}</span>`}</div>`;
}

/** A list always has what is set, also before its options are loaded, or saving the form would change it. */
const withValue = (options, value) => (options.some(([key]) => key === value) ? options : [...options, [value, value]]);

export function CheckField({ name, label, isChecked }) {
  return html`<label class="check"><input type="checkbox" name=${name} defaultChecked=${isChecked} />${label}</label>`;
}
