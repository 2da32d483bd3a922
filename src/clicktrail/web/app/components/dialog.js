import { html, useEffect, useId, useRef, useState } from "../../vendor/preact/preact.js";
import { texts } from "../texts.js";

const FIRST = "form :is(input:not([type=checkbox]), select, textarea)";

/** A native dialog that is open while it is on the page. Escape and the button close it, but not while something in it
 *  is being sent: that would look as if it were not done. The keyboard begins at the first field. */
export function Dialog({ title, onClose, children, isWide }) {
  const place = useRef(null);
  const name = useId();
  useEffect(() => {
    const before = document.activeElement;
    place.current.showModal();
    if (!place.current.querySelector("[autofocus]")) place.current.querySelector(FIRST)?.focus();
    return () => before?.focus?.();
  }, []);
  const isSending = () => Boolean(place.current?.querySelector("[aria-busy=true]"));
  const close = () => isSending() || place.current.close();
  const onClosed = () => (isSending() ? place.current.showModal() : onClose()); // a browser lets no page prevent Escape twice in a row
  return html`<dialog ref=${place} class=${isWide ? "wide" : ""} aria-labelledby=${name} onClose=${onClosed}
    onCancel=${(event) => isSending() && event.preventDefault()} onClick=${(event) => event.target === place.current && close()}>
    <div class="dialog-box">
      <header><h2 id=${name}>${title}</h2>
        <button class="quiet" type="button" aria-label=${texts.close} onClick=${close}>✕</button>
      </header>
      ${children}
    </div>
  </dialog>`;
}

/** Asks before something that cannot be undone. `onYes` may be asynchronous, and runs once however often it is clicked
 *  meanwhile; a problem is shown. `isSafe`: it can be undone. */
export function Confirm({ title, text, yes, onYes, onClose, problem, isSafe }) {
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    await onYes();
    setBusy(false);
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <p>${text}</p>
    ${problem && html`<p class="problem" role="alert">${problem.message}</p>`}
    <footer class="buttons" aria-busy=${isBusy ? "true" : "false"}>
      <button type="button" disabled=${isBusy} onClick=${onClose}>${texts.cancel}</button>
      <button type="button" class=${isSafe ? "primary" : "danger"} disabled=${isBusy} onClick=${run}>${yes}</button>
    </footer>
  <//>`;
}
