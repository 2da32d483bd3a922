// Forms that send what was typed, and show what was wrong with it.
import { html, useState } from "../../vendor/preact/preact.js";
import { Problem } from "../api.js";
import { texts } from "../texts.js";
import { Dialog } from "./dialog.js";

/** A form that sends its fields; `send` gets their values by name, and raises Problem. */
export function Form({ send, submit, onCancel, children }) {
  const { problem, isBusy, run } = useAction();
  const onSubmit = (event) => {
    event.preventDefault();
    run(() => send(Object.fromEntries(new FormData(event.target)), event.target));
  };
  return html`<form method="post" onSubmit=${onSubmit}>${children}
    <${Wrong} problem=${problem} />
    ${onCancel
      ? html`<footer class="buttons"><button type="button" onClick=${onCancel}>${texts.cancel}</button><button class="primary" disabled=${isBusy}>${submit}</button></footer>`
      : html`<button class="primary" disabled=${isBusy}>${submit}</button>`}</form>`;
}

export function FormDialog({ title, submit, send, onClose, children }) {
  return html`<${Dialog} title=${title} onClose=${onClose}><${Form} send=${send} submit=${submit} onCancel=${onClose}>${children}<//><//>`;
}

/** Runs what may fail: `run(work)` shows its Problem, and says whether it went well. */
export function useAction() {
  const [state, setState] = useState({ problem: null, isBusy: false });
  const run = async (work) => {
    setState({ problem: null, isBusy: true });
    try {
      await work();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      setState({ problem, isBusy: false });
      return false;
    }
    setState({ problem: null, isBusy: false });
    return true;
  };
  return { ...state, run };
}

/** What was wrong, in words. */
export function Wrong({ problem }) {
  if (!problem) return null;
  const details = problem.errors.map((each) => `${(each.pointer ?? each.parameter ?? "").replace("/", "")} ${each.detail}.`);
  return html`<p class="problem" role="alert">${[problem.message, ...details].join(" ")}</p>`;
}
