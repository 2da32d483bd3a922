// The start: who is signed in, then the frame with the menu and the page of the URL.
import { html, render, useEffect, useState } from "../vendor/preact/preact.js";
import { Problem, ask } from "./api.js";
import { Wrong, useAction } from "./components/form.js";
import { Empty, Failed, Forbidden, NotFound, Skeleton } from "./components/states.js";
import { say } from "./format.js";
import { KeyList, isListOpen, useKeys } from "./keyboard.js";
import { PAGES, findPage } from "./pages.js";
import { SignIn, SignInAgain, Welcome } from "./signin.js";
import { hrefOf, intoView, place } from "./router.js";
import { end, forget, isOver, token, viewer } from "./session.js";
import { texts } from "./texts.js";
import { rangeQuery } from "./view.js";

function App() {
  const isWelcome = place.value.path === "/welcome";
  const [problem, setProblem] = useState(null);
  const start = () => {
    setProblem(null);
    ask("/session").then(({ body }) => (viewer.value = body)).catch((found) => (found.status === 401 ? forget() : setProblem(found)));
  };
  useEffect(() => {
    if (!isWelcome) start();
  }, []);
  useEffect(() => {
    addEventListener("focus", follow);
    return () => removeEventListener("focus", follow);
  }, []);
  if (isWelcome) return html`<${Welcome} />`;
  if (viewer.value === undefined) return html`<header class="top"><span class="brand"><span class="logo" aria-hidden="true"></span>${texts.name}</span></header>
    <main id="content">${problem ? html`<${Failed} problem=${problem} onRetry=${start} />` : html`<${Skeleton} rows=${3} />`}</main>`;
  return viewer.value === null ? html`<${SignIn} />` : html`<${Frame} key=${viewer.value.userId} /><${KeyList} />${isOver.value && html`<${SignInAgain} />`}`;
}

/** All tabs share one session: another person may have signed in in another tab, who sees something else. */
async function follow() {
  const before = viewer.value;
  if (!before || token.value) return;
  try {
    const { body } = await ask("/session");
    if (viewer.value === before && body.userId !== before.userId) viewer.value = body;
  } catch (problem) {
    if (problem.status === 401) end();
  }
}

function Frame() {
  const found = findPage(place.value.path);
  const title = found?.page.title ?? texts.titles.notFound;
  document.title = `${title} – ${texts.name}`;
  return html`<a class="skip" href="#content">${texts.skip}</a>
    <header class="top"><a class="brand" href=${hrefOf("/", rangeQuery())}><span class="logo" aria-hidden="true"></span>${texts.name}</a>
      <${Menu} /><${Account} /></header>
    <main id="content" tabindex="-1">${found ? html`<${Page} key=${place.value.path} ...${found} />` : html`<h1>${title}</h1><${Empty} text=${texts.states.notFoundPage} />`}</main>`;
}

function Menu() {
  const { path } = place.value;
  const under = findPage(path)?.page.under;
  const isHere = (page) => (page.path === "/" ? path === "/" : [path, under].includes(page.path) || path.startsWith(`${page.path}/`));
  return html`<nav class="menu" aria-label=${texts.menu}>
    ${PAGES.filter((page) => page.menu && page.isFor()).map(
      (page) => html`<a href=${hrefOf(page.path, rangeQuery())} aria-current=${isHere(page) ? "page" : undefined} ref=${isHere(page) ? intoView : undefined}>${page.title}</a>`,
    )}
  </nav>`;
}

function Account() {
  const { name } = viewer.value;
  const { problem, isBusy, run } = useAction();
  const leave = () => run(async () => {
    if (!token.value) await endSession();
    forget();
  });
  return html`<div class="account"><${Wrong} problem=${problem} /><${Search} /><button type="button" class="quiet" title=${texts.keys.title} aria-label=${texts.keys.title} onClick=${() => (isListOpen.value = true)}>?</button>
    <span class="who" title=${say(texts.signIn.signedInAs, { name: name ?? "" })}>${name}</span>
    <button type="button" class="quiet" disabled=${isBusy} onClick=${leave}>${texts.signIn.signOut}</button></div>`;
}

/** A person who reads "signed out" may leave the computer to others. So if the session could not be ended, the page says
 *  so. */
async function endSession() {
  try {
    await ask("/session", {}, { method: "DELETE" });
  } catch (problem) {
    if (problem.status !== 401) throw new Problem(problem.status, { detail: texts.signIn.stillSignedIn });
  }
}

/** The search for a click or a client. A page's own search field comes first. */
function Search() {
  const [state, setState] = useState({});
  const open = () => void import("./components/find.js").then(({ SearchDialog }) => setState({ SearchDialog }));
  useKeys({ "/": [texts.find.title, () => (document.querySelector("main input[type=search]") ? false : open())] });
  return html`<button type="button" class="quiet" title=${texts.find.title} onClick=${open}>${texts.search}</button>
    ${state.SearchDialog && html`<${state.SearchDialog} onClose=${() => setState({})} />`}`;
}

const isId = (text) => /^[0-9a-f]{24}$/i.test(text);

/** Loads the file of a page. After an update of the server the old files are deleted: the person loads the page again. */
function Page({ page, values }) {
  const [state, setState] = useState({ component: null, isGone: false });
  useEffect(() => {
    page.load().then(({ default: component }) => setState({ component }), () => setState({ isGone: true }));
  }, [page]);
  if (!page.isFor()) return html`<h1>${page.title}</h1><${Forbidden} />`;
  if (!Object.values(values).every(isId)) return html`<h1>${page.title}</h1><${NotFound} />`;
  if (state.isGone) return html`<div class="state failed" role="alert"><strong>${texts.states.newVersion}</strong><p>${texts.states.newVersionText}</p>
    <button type="button" onClick=${() => location.reload()}>${texts.states.reload}</button></div>`;
  if (!state.component) return html`<h1>${page.title}</h1><${Skeleton} />`;
  const Component = state.component;
  return html`<${Component} ...${values} />`;
}

render(html`<${App} />`, document.getElementById("app"));
findPage(place.value.path)?.page.load().catch(() => {}); // its file comes while the session is asked for; Page shows a failure
