// Shows which page the replay is at. What it says is text and nothing else, whoever says it.
"use strict";
const frame = document.querySelector("iframe[data-origin]");
const address = document.getElementById("address");
if (frame && address) {
  frame.setAttribute("aria-busy", "true");
  window.addEventListener("message", (event) => {
    if (event.origin !== frame.dataset.origin || event.source !== frame.contentWindow) return;
    const told = event.data && event.data.replay;
    if (!told || typeof told.url !== "string" || !/^https?:\/\//.test(told.url)) return;
    frame.setAttribute("aria-busy", String(told.state !== "complete"));
    address.textContent = told.url.slice(0, 2000);
    document.title = `${String(told.title || told.url).slice(0, 200)} · Annals`;
  });
}
