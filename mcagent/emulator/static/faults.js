// Faults to switch on and off, and the platform's clock.

import { control } from "./api.js";
import { byId, h, keyed, say, setText } from "./dom.js";
import { dateTime, many, span } from "./format.js";

const EXCHANGE = "POST /api/mindconnect/v3/exchange";
// What a developer of a device wants to see once; each is a rule like any other.
const SWITCHES = [
  ["page-down", "Platform is down", "every request gets a 503", { action: "status", status: 503, match: "/api/*" }],
  ["page-cut", "Link is cut", "connections are closed at once", { action: "drop_before", match: "/api/*" }],
  ["page-lost", "Answers get lost", "exchanges take effect, the device never hears of it", { action: "drop_after", match: EXCHANGE }],
  ["page-busy", "Too many requests", "429 with Retry-After: 5", { action: "status", status: 429, headers: { "Retry-After": "5" }, match: EXCHANGE }],
  ["page-slow", "Slow answers", "each waits for 3 s", { action: "delay", seconds: 3, match: "/api/*" }],
  ["page-html", "A gateway's page", "HTML instead of the platform's answer", { action: "html", status: 502, match: "/api/*" }],
];
const OWN = new Set(SWITCHES.map(([id]) => id));
const isOn = (rule) => Boolean(rule) && rule.enabled;

let rules = [];

export function showFaults(present) {
  rules = present;
  const byKey = new Map(rules.map((rule) => [rule.id, rule]));
  keyed(byId("faults"), SWITCHES.map(([id, label, what, rule]) => ({ id, label, what, rule, present: byKey.get(id) || null })), (item) => item.id, switchRow);
  keyed(byId("rules"), rules.filter((rule) => !OWN.has(rule.id)), (rule) => rule.id, otherRow);
}

function switchRow(first) {
  let item = first;
  const hits = h("span");
  const button = h("button", { type: "button", role: "switch", class: "switch", "aria-describedby": `${item.id}-what` }, item.label);
  button.addEventListener("click", () => flip(item.id, item.label, item.present, { ...item.rule, id: item.id, label: item.label }));
  const node = h("li", {}, button, h("span", { class: "quiet" }, h("span", { id: `${item.id}-what` }, item.what), hits));
  return [node, (fresh) => {
    item = fresh;
    button.setAttribute("aria-checked", String(isOn(item.present)));
    setText(hits, item.present?.hits ? ` · ${many(item.present.hits, "time")}` : "");
  }];
}

async function flip(id, label, present, rule) {
  try {
    if (present) await control("PATCH", `faults/${encodeURIComponent(id)}`, { enabled: !isOn(present) });
    else await control("POST", "faults", rule);
    say(`${label}: ${isOn(present) ? "off" : "on"}.`);
  } catch (error) {
    say(error.message, true);
  }
}

function otherRow(first) {
  let rule = first;
  const text = h("code", { tabindex: "0", role: "group", class: "scroll" });
  const state = h("span", { class: "quiet" });
  const button = h("button", { type: "button", role: "switch", class: "switch" });
  button.addEventListener("click", () => flip(rule.id, rule.label, rule, rule));
  const away = h("button", { type: "button" }, "Remove");
  away.addEventListener("click", async () => {
    try {
      await control("DELETE", `faults/${encodeURIComponent(rule.id)}`);
    } catch (error) {
      say(error.message, true);
    }
  });
  return [h("li", {}, button, state, text, away), (fresh) => {
    rule = fresh;
    setText(button, rule.label);
    button.setAttribute("aria-checked", String(isOn(rule)));
    away.setAttribute("aria-label", `Remove ${rule.label}`);
    setText(state, ` ${rule.state} · ${many(rule.hits, "time")}`);
    const { id, label, hits, state: _state, enabled, ...members } = rule;
    text.setAttribute("aria-label", `Rule ${rule.label}`);
    setText(text, JSON.stringify(Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null && value !== ""))));
  }];
}

const form = byId("add-rule");
form.elements.rule.value = JSON.stringify({ action: "status", status: 500, match: EXCHANGE, times: 3 }, null, 1);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await control("POST", "faults", JSON.parse(form.elements.rule.value));
    say("The rule was added.");
  } catch (error) {
    say(error.message, true);
  }
});

let typed = false;

export function showClock({ now_ms: now, clock_offset_s: offset }) {
  setText(byId("clock-text"), dateTime(now));
  setText(byId("clock-offset"), offset ? `${span(offset * 1000)} ${offset > 0 ? "ahead of" : "behind"} this machine` : "as this machine's");
  const field = byId("set-clock").elements.offset;
  if (!typed && document.activeElement !== field) field.value = offset;
}

async function setClock(offset) {
  try {
    await control("POST", "clock", { offset_s: offset });
    typed = false;
    say(offset ? `The platform's clock is ${span(offset * 1000)} ${offset > 0 ? "ahead" : "behind"}.` : "The platform's clock is right again.");
  } catch (error) {
    say(error.message, true);
  }
}

byId("set-clock").elements.offset.addEventListener("input", () => { typed = true; });
byId("set-clock").addEventListener("submit", (event) => {
  event.preventDefault();
  setClock(Number(event.target.elements.offset.value));
});
byId("right-clock").addEventListener("click", () => setClock(0));
