// Agents: who they are, when they were last heard of, their boarding files.

import { control, save } from "./api.js";
import { byId, h, keyed, say, setText } from "./dom.js";
import { ago, many } from "./format.js";
import { plotSource } from "./plots.js";

const BOARDING = { NOT_ONBOARDED: "not onboarded", ONBOARDING: "waits for its device", ONBOARDED: "onboarded" };
let shownAt = 0;

export function showAgents(overview) {
  shownAt = overview.now_ms;
  byId("no-agents").hidden = overview.agents.length > 0;
  // The time is part of a row, so that "seen 5 s ago" grows older.
  keyed(byId("agents"), overview.agents.map((agent) => ({ ...agent, now: overview.now_ms })), (agent) => agent.id, row);
}

function row(first) {
  let agent = first;
  const name = h("strong");
  const boarding = h("span", { class: "pill" });
  const seen = h("span", { class: "pill" });
  const facts = h("p", { class: "quiet" });
  const lost = h("p", { class: "warn" });
  const automap = h("button", { type: "button", role: "switch", class: "switch" }, "Map automatically");
  automap.addEventListener("click", () => act(async () => {
    await control("POST", `agents/${agent.id}/automap`, { asset: !agent.automap });
    say(agent.automap ? `${agent.name}: fresh data points are no longer mapped automatically.` : `${agent.name}: every data point is mapped.`);
  }));
  const file = h("button", { type: "button", class: "main", onclick: () => act(() => download(agent)) }, "Boarding file");
  const plot = h("button", { type: "button", onclick: () => plotSource(agent.asset, agent.id) }, "Plot");
  const node = h("li", {}, h("div", { class: "who" }, name, boarding, seen), facts, lost, h("div", { class: "does" }, file, plot, automap));
  const update = (fresh) => {
    agent = fresh;
    setText(name, agent.name);
    setText(boarding, BOARDING[agent.boarding] || agent.boarding);
    boarding.classList.toggle("good", agent.boarding === "ONBOARDED");
    setText(seen, ago(agent.last_seen_ms, shownAt));
    seen.classList.toggle("good", agent.online);
    const mapped = agent.points ? `${many(agent.points, "data point")}, ${agent.mapped} mapped` : "no data model yet";
    setText(facts, `${agent.profile} · ${mapped}`);
    const drops = Object.entries(agent.dropped).map(([why, number]) => `${number.toLocaleString("en")} ${why}`);
    setText(lost, drops.length ? `Dropped after its 200: ${drops.join(", ")}` : "");
    lost.hidden = !drops.length;
    automap.setAttribute("aria-checked", String(agent.automap));
    file.classList.toggle("main", agent.boarding !== "ONBOARDED");
    for (const [button, does] of [[file, "Boarding file of"], [plot, "Plot"], [automap, "Map automatically: data points of"]]) {
      button.setAttribute("aria-label", `${does} ${agent.name}`);
    }
  };
  return [node, update];
}

async function act(work) {
  try {
    await work();
  } catch (error) {
    say(error.message, true);
  }
}

async function download(agent) {
  let method = "GET";
  if (agent.boarding === "ONBOARDED") {
    const sure = confirm(`${agent.name} is onboarded: its boarding file was used. Offboard it and make a fresh one?`);
    if (!sure) return;
    method = "POST";
  }
  const configuration = await control(method, `agents/${agent.id}/boarding`);
  if (!configuration.content) {
    say("The boarding configuration is still being made: try again in a moment.", true);
    return;
  }
  const name = fileName(agent.name);
  save(name, JSON.stringify(configuration, null, 2));
  say(`${name} was downloaded. It works once, and for seven days.`);
}

// Whatever an agent is called, the file has a plain name.
const fileName = (agent) => `agentconfig-${agent.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 60) || "agent"}.json`;

const form = byId("create-agent");
const opener = byId("new-agent");
opener.addEventListener("click", () => {
  form.hidden = !form.hidden;
  opener.setAttribute("aria-expanded", String(!form.hidden));
  if (!form.hidden) form.elements.name.focus();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { name, profile, automap } = form.elements;
  act(async () => {
    await control("POST", "agents", { name: name.value, securityProfile: profile.value, automap: automap.checked });
    say(`${name.value} was created. Download its boarding file.`);
    form.reset();
    form.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    opener.focus();
  });
});
