// The pages: path -> file, and the menu. A page is loaded when it is opened. The default export of the file is a component.
// To add a page, add a row here and its words to texts.js.
import { hrefOf } from "./router.js";
import { may, viewer } from "./session.js";
import { texts } from "./texts.js";

const anyone = () => true;
const isAdmin = () => viewer.value?.scope === "admin";
const isPartner = () => viewer.value?.scope === "partner";

/** `path` may have `:name` parts, which the component gets as properties; `menu` pages are in the menu, in this order;
 *  a page elsewhere names the one that it is `under`. */
export const PAGES = [
  { path: "/", title: texts.titles.overview, menu: true, isFor: anyone, load: () => (isPartner() ? import("./pages/home.js") : import("./pages/overview.js")) },
  { path: "/live", title: texts.titles.live, menu: true, isFor: anyone, load: () => import("./pages/live.js") },
  { path: "/partners", title: texts.titles.partners, menu: true, isFor: may.seePartners, load: () => import("./pages/partners.js") },
  { path: "/partners/:profileId", title: texts.titles.partner, isFor: may.seePartners, load: () => import("./pages/partner.js") },
  { path: "/partners/:id/statement", title: texts.titles.statement, isFor: may.seePartners, load: () => import("./pages/statement.js") },
  { path: "/links", title: texts.titles.links, menu: true, isFor: anyone, load: () => import("./pages/links.js") },
  { path: "/links/:linkId", title: texts.titles.link, isFor: anyone, load: () => import("./pages/link.js") },
  { path: "/clicks", title: texts.titles.clicks, menu: true, isFor: anyone, load: () => import("./pages/clicks.js") },
  { path: "/clicks/:clickId", title: texts.titles.click, isFor: anyone, load: () => import("./pages/click.js") },
  { path: "/registrations", title: texts.titles.registrations, menu: true, isFor: anyone, load: () => import("./pages/registrations.js") },
  { path: "/clients/:profileId", title: texts.titles.client, under: "/registrations", isFor: anyone, load: () => import("./pages/client.js") },
  { path: "/postbacks", title: texts.titles.postbacks, menu: true, isFor: anyone, load: () => import("./pages/postbacks.js") },
  { path: "/setup", title: texts.titles.setup, menu: true, isFor: may.seePartners, load: () => import("./pages/setup.js") },
  { path: "/statement", title: texts.titles.statement, menu: true, isFor: isPartner, load: () => import("./pages/statement.js") },
  { path: "/settings", title: texts.titles.settings, menu: true, isFor: anyone, load: () => import("./pages/settings/account.js") },
  { path: "/settings/users", title: texts.settings.names.users, isFor: isAdmin, load: () => import("./pages/settings/users.js") },
  { path: "/settings/programs", title: texts.settings.names.programs, isFor: isAdmin, load: () => import("./pages/settings/programs.js") },
  { path: "/settings/sites", title: texts.settings.names.sites, isFor: isAdmin, load: () => import("./pages/settings/sites.js") },
  { path: "/settings/banners", title: texts.settings.names.banners, isFor: isAdmin, load: () => import("./pages/settings/banners.js") },
  { path: "/settings/privacy", title: texts.settings.names.privacy, isFor: isAdmin, load: () => import("./pages/settings/privacy.js") },
  { path: "/settings/audit", title: texts.settings.names.audit, isFor: isAdmin, load: () => import("./pages/settings/audit.js") },
  { path: "/settings/server", title: texts.settings.names.server, isFor: isAdmin, load: () => import("./pages/settings/server.js") },
];

const ID = /^[0-9a-f]{24}$/i;

/** The page at a path with the values of its `:name` parts, which are ids; null if there is none. */
export function findPage(path) {
  for (const page of PAGES) {
    const [own, given] = [page.path.split("/"), path.split("/")];
    const fits = own.length === given.length && own.every((part, index) => (part[0] === ":" ? ID.test(given[index]) : part === given[index]));
    if (fits) return { page, values: Object.fromEntries(own.flatMap((part, index) => (part[0] === ":" ? [[part.slice(1), given[index]]] : []))) };
  }
  return null;
}

/** The address of a page; null while there is no such page, so that nothing leads nowhere. */
export const hrefOfPage = (path, query) => (findPage(path)?.page.isFor() ? hrefOf(path, query) : null);
