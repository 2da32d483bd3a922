import { html } from "../../vendor/preact/preact.js";
import { change, changed, hrefOf, place } from "../router.js";
import { texts } from "../texts.js";

/** `columns`: `{key, title, help, render(row), isNumber, sort}`; `sort` is the API's sort key. */
export function Table({ columns, rows, label, sort, isDescending, keyOf, isMuted }) {
  return html`<div class="scroll" role="region" aria-label=${label} tabindex="0"><table>
    <thead><tr>${columns.map((column) => html`<${Head} column=${column} sort=${sort} isDescending=${isDescending} />`)}</tr></thead>
    <tbody>${rows.map(
      (row) => html`<tr key=${keyOf(row)} class=${isMuted?.(row) ? "muted" : ""}>
        ${columns.map((column) => html`<td class=${column.isNumber ? "number" : (column.className ?? "")}>${column.render(row)}</td>`)}
      </tr>`,
    )}</tbody>
  </table></div>`;
}

function Head({ column, sort, isDescending }) {
  const kind = column.isNumber ? "number" : "";
  if (!column.sort) return html`<th scope="col" class=${kind} title=${column.help}>${column.title}</th>`;
  const isSorted = sort === column.sort;
  const order = isSorted ? (isDescending ? "descending" : "ascending") : "none";
  const turn = () => change({ sort_by: column.sort, sort_order: isSorted && isDescending ? "asc" : "desc" }, { replace: true });
  return html`<th scope="col" class=${kind} aria-sort=${order} title=${column.help}>
    <button type="button" class="sort" onClick=${turn}>${column.title}<span aria-hidden="true">${isSorted ? (isDescending ? " ↓" : " ↑") : ""}</span></button>
  </th>`;
}

/** The first page and the next one: the API's cursors lead forward. The browser's Back leads back. */
export function Pages({ next, total }) {
  const { path, query } = place.value;
  const isFirst = !query.has("cursor");
  if (isFirst && !next && total === undefined) return null;
  return html`<nav class="pages" aria-label=${texts.pages.label}>
    <span>${total}</span>
    ${!isFirst && html`<a class="button" href=${hrefOf(path, changed({ cursor: null }))}>${texts.pages.first}</a>`}
    ${next && html`<a class="button" rel="next" href=${hrefOf(path, changed({ cursor: next }))}>${texts.pages.next}</a>`}
  </nav>`;
}
