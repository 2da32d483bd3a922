import { html, useEffect, useId, useRef } from "../../vendor/preact/preact.js";
import { texts } from "../texts.js";

/** A native dialog that is open while it is on the page. Escape and the button close it. */
export function Dialog({ title, onClose, children, isWide }) {
  const place = useRef(null);
  const name = useId();
  useEffect(() => {
    const before = document.activeElement;
    place.current.showModal();
    return () => before?.focus?.();
  }, []);
  return html`<dialog ref=${place} class=${isWide ? "wide" : ""} aria-labelledby=${name} onClose=${onClose}
    onClick=${(event) => event.target === place.current && place.current.close()}>
    <div class="dialog-box">
      <header><h2 id=${name}>${title}</h2>
        <button class="quiet" type="button" aria-label=${texts.close} onClick=${() => place.current.close()}>✕</button>
      </header>
      ${children}
    </div>
  </dialog>`;
}

/** Asks before something that cannot be undone. `onYes` may be asynchronous; a problem is shown. `isSafe`: it can be
 *  undone. */
export function Confirm({ title, text, yes, onYes, onClose, problem, isSafe }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <p>${text}</p>
    ${problem && html`<p class="problem" role="alert">${problem.message}</p>`}
    <footer class="buttons">
      <button type="button" onClick=${onClose}>${texts.cancel}</button>
      <button type="button" class=${isSafe ? "primary" : "danger"} onClick=${onYes}>${yes}</button>
    </footer>
  <//>`;
}
