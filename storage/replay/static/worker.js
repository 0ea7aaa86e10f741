// Answers what archived pages ask for by an address from the root: it belongs to the page's own host, so the browser is
// sent to that place in the archive. Asks for nothing itself.
"use strict";
const REPLAY = /^\/replay\/((?:\d*(?:[a-z]{2}_)?\/)?)(https?:\/\/?[^/?#]+)/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

const place = (address) => {
  try {
    const url = new URL(address);
    return url.origin === self.location.origin ? REPLAY.exec(url.pathname) : null;
  } catch { return null; }
};

const answer = async (event, url) => {
  let found = place(event.request.referrer);
  for (const id of found ? [] : [event.clientId, event.replacesClientId, event.resultingClientId]) {
    const client = id ? await self.clients.get(id) : null;
    found = found || (client && place(client.url));
  }
  if (!found) return fetch(event.request);
  return Response.redirect(`/replay/${found[1]}${found[2]}${url.pathname}${url.search}`, 307);
};

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== self.location.origin) {
    event.respondWith(Response.error());
  } else if (!url.pathname.startsWith("/replay/") && !url.pathname.startsWith("/-/")) {
    event.respondWith(answer(event, url));
  }
});
