// Readies the service worker, then goes to the archived page; without one after a moment, too.
"use strict";
const goal = document.documentElement.dataset.to;
const workers = navigator.serviceWorker;
const readied = () => workers.register("/-/worker.js", { scope: "/" }).then(() => workers.ready);
const ready = workers && !workers.controller ? readied() : Promise.resolve();
const patience = new Promise((resolve) => setTimeout(resolve, 2000));
Promise.race([ready, patience]).catch(() => {}).then(() => location.replace(goal));
