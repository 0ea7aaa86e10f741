// Readies the service worker, then goes to the archived page; without one after a moment, too.
"use strict";
const goal = document.documentElement.dataset.to;
const ready = "serviceWorker" in navigator
  ? navigator.serviceWorker.register("/-/worker.js", { scope: "/" }).then(() => navigator.serviceWorker.ready)
  : Promise.resolve();
const patience = new Promise((resolve) => setTimeout(resolve, 2000));
Promise.race([ready, patience]).catch(() => {}).then(() => location.replace(goal));
