// The filters of a view: chips that can be removed, and a dialog that adds one.
import { html, useState } from "../../vendor/preact/preact.js";
import { useName } from "../answers.js";
import { FIELDS, OPERATORS, fieldOf } from "../fields.js";
import { say } from "../format.js";
import { useKeys } from "../keyboard.js";
import { change, place } from "../router.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { readFilters } from "../view.js";
import { Dialog } from "./dialog.js";

/** `names`: the filters of the list, if they are not filters of clicks. */
export function Filters({ names }) {
  const [isOpen, setOpen] = useState(false);
  const filters = readFilters();
  const clear = () => change(Object.fromEntries(filters.map(({ key }) => [key, null])));
  useKeys({
    f: [texts.keys.filter, () => setOpen(true)],
    Escape: [texts.keys.clear, () => (filters.length ? clear() : false)],
  });
  return html`<div class="filters">
    ${filters.map((filter) => html`<${Chip} key=${filter.key + filter.value} filter=${filter} />`)}
    <button type="button" class="quiet" onClick=${() => setOpen(true)}>+ ${texts.filters.add}</button>
    ${filters.length > 1 && html`<button type="button" class="quiet" onClick=${clear}>${texts.filters.clear}</button>`}
    ${isOpen && html`<${FilterDialog} names=${names} onClose=${() => setOpen(false)} />`}
  </div>`;
}

function remove({ key, value }) {
  const rest = place.value.query.getAll(key).filter((each) => each !== value);
  change({ [key]: rest.length ? rest : null });
}

const OBJECTS = {
  linkId: ["/links/", (link) => link.name || link.code],
  partnerId: ["/profiles/", (profile) => profile.name || profile.profileId],
};

function Chip({ filter }) {
  const [path, read] = OBJECTS[filter.name] ?? [];
  const hasName = path && filter.operator !== "null" && !filter.value.includes(",");
  const name = useName(hasName ? path + filter.value : null, read);
  const text = textOf(filter, name);
  return html`<span class="chip">${text}
    <button type="button" aria-label=${say(texts.filters.remove, { filter: text })} onClick=${() => remove(filter)}>✕</button>
  </span>`;
}

function textOf({ name, operator, value }, shown) {
  const { label, kind, plain } = fieldOf(name);
  const isYes = ["1", "true"].includes(value);
  if (operator === "null") return `${label} ${isYes ? texts.operators.null : texts.operators.known}`;
  if (kind === "flag") return `${label}: ${isYes === (operator !== "ne") ? texts.yes : texts.no}`;
  return `${label} ${texts.operators[operator || plain] ?? operator} ${shown ?? WORDS[name]?.[value] ?? value}`;
}
const WORDS = { rule: texts.rules };

/** Filters that need what partners do not see. */
const HIDDEN = ["partnerId", "profileName", "profileContacts"];

function FilterDialog({ names, onClose }) {
  const all = names?.map(fieldOf) ?? FIELDS;
  const shown = all.filter((each) => !HIDDEN.includes(each.name) || may.seePartners());
  const [name, setName] = useState(names ? shown[0].name : "countryCode");
  const { kind } = fieldOf(name);
  const [operator, setOperator] = useState("eq");
  const add = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const value = operator === "null" ? "1" : form.get("value").trim();
    const key = `filter[${name}][${form.get("operator")}]`;
    onClose();
    change({ [key]: [...place.value.query.getAll(key).filter((each) => each !== value), value] });
  };
  return html`<${Dialog} title=${texts.filters.add} onClose=${onClose}><form onSubmit=${add}>
    <label>${texts.filters.field}
      <select value=${name} onChange=${(event) => (setName(event.target.value), setOperator("eq"))}>
        ${shown.map((each) => html`<option value=${each.name}>${each.label}</option>`)}
      </select></label>
    <label>${texts.filters.operator}
      <select name="operator" value=${operator} onChange=${(event) => setOperator(event.target.value)}>
        ${OPERATORS[kind].map((each) => html`<option value=${each}>${texts.operators[each]}</option>`)}
      </select></label>
    ${operator !== "null" && html`<label>${texts.filters.value}<${ValueField} kind=${kind} />${operator === "in" && html`<span class="help">${texts.filters.listHelp}</span>`}</label>`}
    <footer class="buttons"><button class="primary">${texts.filters.apply}</button></footer>
  </form><//>`;
}

function ValueField({ kind }) {
  if (kind !== "flag") return html`<input name="value" required autocomplete="off" />`;
  return html`<select name="value"><option value="1">${texts.yes}</option><option value="0">${texts.no}</option></select>`;
}
