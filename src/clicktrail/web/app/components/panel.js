import { html, useId } from "../../vendor/preact/preact.js";
import { curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { texts } from "../texts.js";
import { CopyButton, Empty, Failed, Skeleton } from "./states.js";

/** A box with a title whose content is one answer of the API. `render` gets the answer, `isEmpty` says when
 *  `empty` replaces it. While it `waits`, it asks nothing. */
export function Panel({ title, path, query, render, isEmpty, empty, fill, rows = 8, actions, headers, waits = false, className = "" }) {
  const answer = useAnswer(waits ? null : path, query, { headers });
  return html`<${Box} title=${title} className=${className} isBusy=${answer.isLoading}
    actions=${html`${actions}<${CopyButton} quiet text=${curlOf(path, query)} label=${texts.copyAsCurl} />`}>
    ${contentOf(answer, { render, isEmpty, empty, fill, rows })}
  <//>`;
}

export function contentOf(answer, { render, isEmpty, empty, fill, rows = 8 }) {
  if (answer.problem) return html`<${Failed} problem=${answer.problem} onRetry=${answer.reload} />`;
  if (answer.data === null) return html`<${Skeleton} rows=${rows} />`;
  if (isEmpty?.(answer.data)) return html`<${Empty} text=${empty} curl=${fill} />`;
  return render(answer.data, answer);
}

export function Box({ title, actions, children, isBusy, className = "" }) {
  const name = useId();
  return html`<section class="panel ${className}" aria-labelledby=${name} aria-busy=${isBusy ? "true" : "false"}>
    <header><h2 id=${name}>${title}</h2><div class="actions">${actions}</div></header>
    ${children}
  </section>`;
}
