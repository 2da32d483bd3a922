// Calls a server by openapi-fetch with the types that openapi-typescript makes of its document, and prints what came of
// them.
import createClient from "openapi-fetch"
import type { components, paths } from "./api.js"

declare const process: { env: Record<string, string> }
declare const console: { log(text: string): void }

const { URL: baseUrl, MARK: mark, CLIENT: client_id, SECRET: client_secret } = process.env as Record<string, string>
// An object in the query string is a set of parameters: filters with operators.
const options = { baseUrl, querySerializer: { object: { style: "form", explode: true } } } as const

function must<T>(answer: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (answer.data === undefined) throw new Error(answer.error?.detail)
  return answer.data
}

const token = must(
  await createClient<paths>(options).POST("/tokens", {
    body: { grant_type: "client_credentials", client_id, client_secret },
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  }),
)
const client = createClient<paths>({ ...options, headers: { Authorization: `Bearer ${token.access_token}` } })

must(await client.POST("/links", { body: { code: mark } }))
const uri = `https://x.example/?referral=${mark}&utm_source=${mark}&n=`
const stored = must(
  await client.POST("/clicks/batch", { body: [0, 1, 2].map((n) => ({ ip: "8.8.8.8", uri: uri + n })) }),
)
if (!("clickIds" in stored)) throw new Error("not a summary")

const own = { "filter[utmSource]": mark } as const
const filters = { "filter[uri][contains]": "n=1", "filter[ip][in]": "8.8.0.0/16", "filter[referrer][null]": true } as const
const found = must(await client.GET("/clicks", { params: { query: { ...own, filters, "query[link]": true } } }))
const first = await client.GET("/clicks", {
  params: { query: { ...own, limit: 2 }, header: { Prefer: "count=exact" } },
})
const cursor = decodeURIComponent(/cursor=([^>&]*)/.exec(first.response.headers.get("Link") ?? "")?.[1] ?? "")
const second = must(await client.GET("/clicks", { params: { query: { ...own, limit: 2, cursor } } }))

must(
  await client.PATCH("/clicks/{clickId}", {
    params: { path: { clickId: stored.clickIds[0] ?? "" } },
    body: { profile: { firstName: "Mary" } },
  }),
)
const clients = must(
  await client.GET("/clicks", {
    params: { query: { ...own, "filter[registration]": true, "query[profile]": true } },
  }),
)
const lines = must(await client.GET("/clicks/export", { params: { query: own }, parseAs: "text" }))
const refused = await client.POST("/clicks", { body: { ip: "nowhere", uri: "https://x.example/" } })

const last = (click: components["schemas"]["Click"]) => click.uri.split("=").at(-1)
console.log(
  JSON.stringify({
    scope: token.scope,
    found: found.map(last),
    codes: found.map((click) => click.link?.code),
    total: first.response.headers.get("X-Total-Count"),
    pages: [...must(first), ...second].map(last),
    names: clients.map((click) => click.profile?.name),
    lines: lines.trimEnd().split("\n").length,
    pointers: refused.error?.errors.map((mistake) => mistake.pointer),
    status: refused.response.status,
    has_id: refused.response.headers.has("X-Request-Id"),
  }),
)
