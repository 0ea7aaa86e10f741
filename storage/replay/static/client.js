// Runs before an archived page's own scripts: what they ask for by an absolute address, or by one from the root, is asked
// of the archive. A convenience only: the content security policy is what keeps the page from the live web.
(() => {
  "use strict";
  const script = document.currentScript;
  const { timestamp, app } = script ? script.dataset : {};
  if (!script || timestamp === undefined) return;
  script.remove();
  const REPLAY = /^\/replay\/(?:\d*(?:[a-z]{2}_)?\/)?(https?:\/\/?.+)$/;
  const prefix = timestamp ? `/replay/${timestamp}/` : "/replay/";
  const setAttribute = Element.prototype.setAttribute;

  const original = (address) => {
    try {
      const url = new URL(address, location.href);
      const found = REPLAY.exec(url.pathname + url.search);
      return found ? new URL(found[1]) : null;
    } catch { return null; }
  };
  const here = () => original(document.baseURI) || original(location.href);

  // The address in the archive of what a script names; anything else as it is.
  const map = (value) => {
    if (value === null || value === undefined) return value;
    const text = String(value).trim();
    if (!text || text.startsWith("#")) return value;
    let url;
    try { url = new URL(text, document.baseURI); } catch { return value; }
    if (url.protocol !== "http:" && url.protocol !== "https:") return value;
    if (url.origin !== location.origin) return prefix + url.href;
    if (url.pathname.startsWith("/replay/") || url.pathname.startsWith("/-/")) return value;
    const base = here();
    return base ? prefix + base.origin + url.pathname + url.search + url.hash : value;
  };
  const mapSet = (value) =>
    String(value).replace(/([^\s,]\S*[^\s,])((?:\s[^,]*)?)/g, (_, url, rest) => map(url) + rest);

  const ADDRESSES = {
    a: ["href"], area: ["href"], audio: ["src"], embed: ["src"], form: ["action"], frame: ["src"], iframe: ["src"],
    img: ["src", "srcset"], input: ["src"], link: ["href"], object: ["data"], script: ["src"], source: ["src", "srcset"],
    track: ["src"], video: ["src", "poster"], image: ["href"], use: ["href"],
  };
  const mapped = (name, value) => (name === "srcset" ? mapSet(value) : map(value));

  const wrap = (object, name, make) => {
    if (object && typeof object[name] === "function") object[name] = make(object[name]);
  };
  wrap(window, "fetch", (real) => function (input, init) {
    const request = input instanceof Request ? new Request(map(input.url), input) : map(input);
    return real.call(window, request, init);
  });
  wrap(XMLHttpRequest.prototype, "open", (real) => function (method, url, ...rest) {
    return real.call(this, method, map(url), ...rest);
  });
  for (const name of ["Worker", "SharedWorker", "EventSource"]) {
    wrap(window, name, (Real) => class extends Real { constructor(url, ...rest) { super(map(url), ...rest); } });
  }
  for (const name of ["pushState", "replaceState"]) {
    wrap(history, name, (real) => function (state, title, url) {
      return real.call(history, state, title, url === undefined ? url : map(url));
    });
  }
  wrap(Element.prototype, "setAttribute", (real) => function (name, value) {
    const names = ADDRESSES[this.localName];
    const lower = String(name).toLowerCase();
    if (lower === "integrity") return undefined;
    return real.call(this, name, names && names.includes(lower) ? mapped(lower, value) : value);
  });
  const property = (Class, name, change) => {
    const found = Class && Object.getOwnPropertyDescriptor(Class.prototype, name);
    if (!found || !found.set) return;
    Object.defineProperty(Class.prototype, name, { ...found, set(value) { found.set.call(this, change(value)); } });
  };
  for (const [Class, ...names] of [
    [window.HTMLImageElement, "src", "srcset"], [window.HTMLScriptElement, "src"], [window.HTMLLinkElement, "href"],
    [window.HTMLIFrameElement, "src"], [window.HTMLFrameElement, "src"], [window.HTMLMediaElement, "src"],
    [window.HTMLSourceElement, "src", "srcset"], [window.HTMLTrackElement, "src"], [window.HTMLEmbedElement, "src"],
    [window.HTMLObjectElement, "data"], [window.HTMLInputElement, "src"], [window.HTMLVideoElement, "poster"],
    [window.HTMLAnchorElement, "href"], [window.HTMLAreaElement, "href"], [window.HTMLFormElement, "action"],
  ]) {
    for (const name of names) property(Class, name, (value) => mapped(name, value));
  }
  for (const Class of [window.HTMLScriptElement, window.HTMLLinkElement]) property(Class, "integrity", () => "");

  // What would only speak to servers, or get past the policy.
  if (navigator.sendBeacon) navigator.sendBeacon = () => true;
  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection", "WebTransport"]) {
    try { delete window[name]; } catch { /* not there */ }
  }
  if (navigator.serviceWorker) {
    navigator.serviceWorker.register = () => Promise.reject(new DOMException("not in a replay", "SecurityError"));
  }

  // Markup that scripts write.
  const mend = (element) => {
    for (const name of ADDRESSES[element.localName] || []) {
      const value = element.getAttribute(name);
      if (value === null) continue;
      const better = mapped(name, value);
      if (better !== value) setAttribute.call(element, name, better);
    }
  };
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) {
        if (node.nodeType !== 1) continue;
        mend(node);
        for (const inner of node.querySelectorAll(Object.keys(ADDRESSES).join(","))) mend(inner);
      }
    }
  }).observe(document, { childList: true, subtree: true });

  // A sandboxed frame may move itself only. A link meant for another frame asks that frame to go.
  const top = (() => {
    let frame = window;
    try { while (frame.parent !== frame && frame.parent.location.origin === location.origin) frame = frame.parent; } catch { /* the application */ }
    return frame;
  })();
  const named = (frame, name) => {
    try {
      if (frame.name === name) return frame;
      for (let number = 0; number < frame.length; number += 1) {
        const found = named(frame[number], name);
        if (found) return found;
      }
    } catch { /* not of this origin */ }
    return null;
  };
  const meant = (target) => {
    if (target === "_top" || target === "_blank") return top;
    if (target === "_parent") return window === top ? window : window.parent;
    return named(top, target) || top;
  };
  window.addEventListener("click", (event) => {
    const link = event.composedPath().find((node) => node.localName === "a" || node.localName === "area");
    if (event.defaultPrevented || !link || !link.href || typeof link.href !== "string") return;
    const base = document.querySelector("base[target]");
    const target = link.target || (base ? base.target : "");
    if (!target || target === "_self" || target === window.name || !/^https?:/.test(link.href)) return;
    event.preventDefault();
    meant(target).postMessage({ "replay-goes-to": link.href }, location.origin);
  });
  window.addEventListener("message", (event) => {
    const goal = event.origin === location.origin && event.data && event.data["replay-goes-to"];
    if (typeof goal === "string") { event.stopImmediatePropagation(); location.assign(map(goal)); }
  });
  window.open = (url) => { if (url) location.assign(map(url)); return null; };

  // The application shows where its reader is.
  if (window === top && window.parent !== window && app) {
    const tell = () => {
      const url = original(location.href);
      const state = document.readyState;
      const told = { url: url && url.href + location.hash, timestamp, title: document.title, state };
      if (url) window.parent.postMessage({ replay: told }, app);
    };
    document.addEventListener("DOMContentLoaded", tell);
    for (const name of ["load", "hashchange", "popstate"]) window.addEventListener(name, tell);
  }
})();
