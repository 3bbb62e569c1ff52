// The page: which view is shown, and when it is asked for again.

import { get } from "./api.js";
import { showAgents } from "./agents.js";
import { byId, say, setText } from "./dom.js";
import { showExchanges, showRequests, showRules } from "./exchanges.js";
import { showClock, showFaults } from "./faults.js";
import { dateOf, clockTime } from "./format.js";
import { showModels } from "./models.js";
import { refreshPlots } from "./plots.js";
import { showEvents, showFiles } from "./records.js";

const VIEWS = {
  home: refreshPlots,
  models: async () => showModels(await get("models")),
  events: async () => showEvents(await get("events")),
  files: async () => showFiles(await get("files")),
  exchanges: async () => showExchanges(await get("exchanges")),
  requests: async () => showRequests(await get("requests")),
  rules: showRules,
};
const PAUSE_MS = 500;

let view = "home";
let stream = null;
let wanted = false;
let busy = false;
let clockAhead = 0;
let hurried = false;
let endPause = () => {};

function choose() {
  const name = location.hash.slice(1);
  if (name === "main") return;
  view = name in VIEWS ? name : "home";
  for (const section of document.querySelectorAll("[data-view]")) section.hidden = section.dataset.view !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  refresh();
  hurried = true; // who goes somewhere does not wait for what the view before cost
  endPause();
}

// One round at a time, and a pause after it that grows with what it cost: a hub that is busy with
// devices is not kept from them by a page that looks.
async function refresh() {
  wanted = true;
  if (busy || document.hidden) return;
  busy = true;
  while (wanted && !document.hidden) {
    wanted = hurried = false;
    const begun = performance.now();
    try {
      showOverview(await get("overview"));
      await VIEWS[view]();
    } catch (error) {
      if (stream?.readyState === EventSource.OPEN) say(error.message, true);
    }
    if (hurried) continue;
    await new Promise((done) => {
      endPause = done;
      setTimeout(done, Math.max(PAUSE_MS, 4 * (performance.now() - begun)));
    });
  }
  busy = false;
}

function showOverview(overview) {
  clockAhead = overview.now_ms - Date.now();
  showAgents(overview);
  showFaults(overview.faults);
  showClock(overview);
  for (const place of document.querySelectorAll("[data-count]")) {
    const count = overview.counts[place.dataset.count];
    setText(place, count ? count.toLocaleString("en") : "");
  }
  const on = overview.faults.filter((rule) => rule.state === "on" || rule.state === "waiting").length;
  const pill = byId("faulty");
  pill.hidden = on === 0;
  setText(pill, on === 1 ? "1 fault on" : `${on} faults on`);
}

function tick() {
  const now = Date.now() + clockAhead;
  const clock = byId("clock");
  clock.dateTime = new Date(now).toISOString();
  setText(clock, `${dateOf(now)} ${clockTime(now)}`);
}

function live(open) {
  const pill = byId("live");
  setText(pill, open ? "live" : "no connection");
  pill.classList.toggle("good", open);
  pill.classList.toggle("bad", !open);
}

// A hidden tab asks for nothing: browsers grant a server only six connections.
function listen() {
  stream?.close();
  stream = null;
  if (document.hidden) return;
  stream = new EventSource("/_emulator/page/stream");
  stream.addEventListener("open", () => live(true));
  stream.addEventListener("change", refresh);
  stream.addEventListener("error", () => {
    live(false);
    if (stream?.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
  refresh();
}

addEventListener("hashchange", choose);
document.addEventListener("visibilitychange", listen);
setInterval(tick, 1000);
// Nothing may have arrived, and yet "seen 5 s ago" grows older, and an outage longer.
setInterval(refresh, 5000);
tick();
choose();
listen();
