/* Clicktrail: which click brought this visitor? https://… /docs; nothing is sent to anybody else. */
(function (w, d) {
  var script = d.currentScript, data = script.dataset, n = navigator
  var base = script.src.replace(/\/clicktrail\.js.*/, ""), name = "_ct", days = +data.days || 30
  var own = /[?&](utm_[a-z]+|%REFERRAL%|%CLICK%)=/i, kept = {}, page, allowed

  function random() {
    if (w.crypto.randomUUID) return w.crypto.randomUUID()
    return Array.from(w.crypto.getRandomValues(new Uint8Array(16)), function (b) { return (b + 256).toString(16).slice(1) }).join("")
  }

  function load() {
    try {
      var found = d.cookie.match("(?:^|; )" + name + "=([\\w-]*)\\.(\\w*)")
      if (found) kept = { visitor: found[1], click: found[2] }
    } catch (blocked) { /* then this page alone remembers */ }
  }

  function save(age) {
    try {
      d.cookie = name + "=" + kept.visitor + "." + (kept.click || "") + "; Max-Age=" + age + "; Path=/; SameSite=Lax; Secure"
    } catch (blocked) { /* as above */ }
  }

  function fill() {
    d.querySelectorAll("input[type=hidden]").forEach(function (field) {
      if (field.name == "%CLICK%" && kept.click) field.value = kept.click
      if (field.name == "visitor_id" && kept.visitor) field.value = kept.visitor
    })
  }

  function keep(click, isOwn) {
    if (click && (isOwn || !kept.click)) kept.click = click
    save(days * 86400)
    fill()
  }

  function view() {
    var url = w.location.href.split("#")[0], from = page || d.referrer, isOwn = own.test(url)
    if (!allowed || url == page) return
    page = url
    if (!kept.visitor) kept.visitor = random()
    var found = url.match(/[?&]%CLICK%=([0-9a-f]{24})/)
    keep(found && found[1], true)
    if (data.views == "campaign" && !isOwn) return
    var body = JSON.stringify({
      key: data.key, uri: url, referrer: from || null, locale: n.language || null, visitorId: kept.visitor, uuid: random()
    })
    var visitor = kept.visitor
    function isStill() { return kept.visitor == visitor } // else consent was taken back meanwhile
    if (!w.fetch) return n.sendBeacon && n.sendBeacon(base + "/collect", body)
    w.fetch(base + "/collect", { method: "POST", body: body, keepalive: true, credentials: "omit" })
      .then(function (answer) { return answer.ok ? answer.json() : {} })
      .then(function (made) { if (isStill()) keep(made.clickId, isOwn) })
      .catch(function () { isStill() && n.sendBeacon && n.sendBeacon(base + "/collect", body) })
  }

  function consent(yes) {
    allowed = yes && !(n.globalPrivacyControl || n.doNotTrack == "1")
    if (allowed) load()
    else {
      load()
      if (!yes && kept.visitor) n.sendBeacon && n.sendBeacon(base + "/collect", JSON.stringify({
        key: data.key, uri: w.location.origin + "/", visitorId: kept.visitor, consent: false
      }))
      save(0)
      kept = {}
    }
    view()
  }

  ;["pushState", "replaceState"].forEach(function (method) {
    var original = w.history[method]
    w.history[method] = function () {
      var result = original.apply(this, arguments)
      view()
      return result
    }
  })
  w.addEventListener("popstate", view)
  d.addEventListener("submit", fill, true)
  d.addEventListener("DOMContentLoaded", fill)
  w.clicktrail = {
    clickId: function () { return kept.click || null },
    visitorId: function () { return kept.visitor || null },
    consent: consent,
    view: view
  }
  if (data.consent != "wait") consent(true)
})(window, document)
