// Which plots are shown: of what, of which time, and asked for again while they are live.

import { get } from "./api.js";
import { Chart, CLASSES } from "./chart.js";
import { byId, h, setText } from "./dom.js";

const WINDOWS = [["1 min", 60000], ["10 min", 600000], ["1 h", 3600000], ["1 day", 86400000], ["All", null]];
const SHORTEST_MS = 30000;
const FIRST = 4; // so many variables are shown before anybody chose
const CHIPS_MAX = 60; // buttons at a time, besides those that are on; of more, some are found by name
const select = byId("source");
const find = byId("find");

let source = null; // "asset:ID" as stored, or "agent:ID" as sent
let chosen = new Map(); // source -> Set of keys
let windowMs = 600000;
let fixed = null; // [from, to], after a zoom
let charts = new Map();
let known = { assets: [], agents: [] };
let byHand = false;

// The variables of a source as {key, title, unit, path}.
function variablesOf(name) {
  const [kind, id] = [name?.slice(0, 5), name?.slice(6)];
  if (kind === "asset") {
    const asset = known.assets.find((other) => other.id === id);
    return (asset?.variables || []).map((variable) => ({
      key: String(variable.series), title: `${variable.aspect} · ${variable.name}`, unit: variable.unit,
      path: `series/${variable.series}?`, line: !/STRING|TIMESTAMP/.test(variable.type), newest: variable.newest,
    }));
  }
  const agent = known.agents.find((other) => other.id === id);
  return (agent?.points || []).map((point) => ({
    key: point.id, title: point.name, unit: point.unit, line: !/STRING|TIMESTAMP/.test(point.type), newest: true,
    path: `point?agent=${encodeURIComponent(id)}&point=${encodeURIComponent(point.id)}&`,
  }));
}

function newestOf(asset) {
  return Math.max(0, ...asset.variables.map((variable) => variable.newest?.time_ms || 0));
}

export async function refreshPlots() {
  known = await get("sources");
  showSources();
  if (!byHand) {
    // Until somebody chooses: the asset that was heard of last, then stay there.
    const [best] = known.assets.filter((asset) => newestOf(asset)).sort((a, b) => newestOf(b) - newestOf(a));
    if (best && !variablesOf(source).some((variable) => variable.newest)) choose(`asset:${best.id}`);
  }
  const variables = variablesOf(source);
  const keys = keysOf(variables);
  showChips(variables, keys);
  await showCharts(variables.filter((variable) => keys.has(variable.key)));
}

function keysOf(variables) {
  if (chosen.has(source)) return chosen.get(source);
  const lines = variables.filter((variable) => variable.line && variable.newest);
  return new Set((lines.length ? lines : variables).slice(0, FIRST).map((variable) => variable.key));
}

function choose(name) {
  source = name;
  select.value = name;
}

export function plotSource(asset, agent) {
  const stored = known.assets.find((other) => other.id === asset);
  byHand = true;
  choose(stored && newestOf(stored) ? `asset:${asset}` : `agent:${agent}`);
  byId("plots-title").scrollIntoView({ block: "start" });
  select.focus();
  refreshPlots();
}

function showSources() {
  const groups = [
    ["Stored, by asset", known.assets.map((asset) => [`asset:${asset.id}`, asset.name])],
    ["As sent, by agent", known.agents.map((agent) => [`agent:${agent.id}`, `${agent.name} (as sent)`])],
  ];
  const text = JSON.stringify(groups);
  if (select.shown === text) return;
  select.shown = text;
  select.replaceChildren(...groups.filter(([, options]) => options.length).map(([label, options]) =>
    h("optgroup", { label }, options.map(([value, name]) => h("option", { value }, name)))));
  select.value = source ?? "";
  if (source && !select.value) [source, byHand, fixed] = [null, false, null]; // another hub answers, or it was deleted
  if (!select.value && select.options.length) select.selectedIndex = 0;
  source ??= select.value || null;
}

function showChips(variables, keys) {
  const place = byId("chips");
  byId("find-label").hidden = variables.length <= CHIPS_MAX;
  const wanted = variables.length > CHIPS_MAX ? find.value.trim().toLowerCase() : "";
  const found = variables.filter((variable) => variable.title.toLowerCase().includes(wanted));
  const offered = new Set(found.slice(0, CHIPS_MAX));
  const shown = variables.filter((variable) => offered.has(variable) || keys.has(variable.key));
  const rest = found.length - offered.size;
  const text = JSON.stringify([source, shown.map((variable) => [variable.key, variable.title]), [...keys], rest]);
  if (place.shown === text) return;
  place.shown = text;
  const focused = document.activeElement?.dataset?.key;
  place.replaceChildren(...shown.map((variable) => h("button", {
    type: "button", class: "chip", "aria-pressed": String(keys.has(variable.key)), "data-key": variable.key,
    onclick: () => toggle(variable.key, keys),
  }, variable.title)));
  if (rest) place.append(h("span", { class: "quiet" }, `and ${rest.toLocaleString("en")} more`));
  if (focused) [...place.children].find((chip) => chip.dataset.key === focused)?.focus();
}

function toggle(key, keys) {
  const fresh = new Set(keys);
  if (!fresh.delete(key)) fresh.add(key);
  chosen.set(source, fresh);
  refreshPlots();
}

let asking = 0;

async function showCharts(variables) {
  const number = ++asking;
  const wanted = new Set(variables.map((variable) => `${source}/${variable.key}`));
  for (const [key, chart] of charts) {
    if (!wanted.has(key)) {
      chart.remove();
      charts.delete(key);
    }
  }
  byId("no-plots").hidden = variables.length > 0;
  byId("legend").hidden = variables.length === 0;
  const now = Date.now();
  const asked = fixed || (windowMs === null ? [null, null] : [now - windowMs, now]);
  const ends = asked[0] === null ? "" : `from=${Math.floor(asked[0])}&to=${Math.ceil(asked[1])}`;
  const all = await Promise.all(variables.map((variable) => get(variable.path + ends)));
  if (asking !== number) return; // somebody chose something else meanwhile
  const [from, to] = fixed || fitted(all, asked);
  variables.forEach((variable, at) => {
    const key = `${source}/${variable.key}`;
    let chart = charts.get(key);
    if (!chart) {
      chart = new Chart(variable.title, variable.unit, (from, to) => { fixed = [from, to]; showWindows(); refreshPlots(); });
      charts.set(key, chart);
    }
    if (byId("charts").children[at] !== chart.node) byId("charts").insertBefore(chart.node, byId("charts").children[at] || null);
    chart.show(all[at], [from, to]);
  });
}

// A window that data have only begun to fill begins where they begin.
function fitted(all, [from, to]) {
  const times = all.filter((data) => data.time_ms?.length).map((data) => [data.time_ms[0], data.time_ms[data.time_ms.length - 1]]);
  if (!times.length) return [from ?? Date.now() - 60000, to ?? Date.now()];
  const first = Math.min(...times.map(([begin]) => begin));
  const last = to ?? Math.max(...times.map(([, end]) => end));
  const begin = Math.max(from ?? -Infinity, first - (last - first) * 0.02);
  return last - begin < SHORTEST_MS ? [last - SHORTEST_MS, last] : [begin, last];
}

function showWindows() {
  const buttons = WINDOWS.map(([name, ms]) => h("button", {
    type: "button", "aria-pressed": String(!fixed && windowMs === ms),
    onclick: () => { windowMs = ms; fixed = null; showWindows(); refreshPlots(); },
  }, name));
  const step = (begin, end) => () => {
    const [from, to] = fixed || [Date.now() - (windowMs || 86400000), Date.now()];
    fixed = [Math.round(from + (to - from) * begin), Math.round(to + (to - from) * end)];
    showWindows();
    refreshPlots();
  };
  const moves = [["‹", "Earlier", -0.5, -0.5], ["›", "Later", 0.5, 0.5], ["+", "Zoom in", 0.25, -0.25], ["−", "Zoom out", -0.5, 0.5]].map(([sign, name, begin, end]) =>
    h("button", { type: "button", "aria-label": name, title: name, onclick: step(begin, end) }, sign));
  const place = byId("windows");
  const focused = [...place.children].indexOf(document.activeElement);
  place.replaceChildren(...buttons, ...moves);
  if (focused >= 0) place.children[focused].focus();
}

find.addEventListener("input", () => {
  const variables = variablesOf(source);
  showChips(variables, keysOf(variables));
});
select.addEventListener("change", () => { byHand = true; source = select.value; refreshPlots(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((chart) => chart.redraw()));
byId("legend").append("On its way: ", ...CLASSES.slice(1).map((kind) => {
  const dot = h("span", { class: `dot ${kind.colour.slice(2)}` });
  return h("span", { class: "kind" }, dot, kind.name);
}));
showWindows();
