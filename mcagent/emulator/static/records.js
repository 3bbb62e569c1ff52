// Events and files, newest first.

import { byId, bytesView, h, keyed, setText } from "./dom.js";
import { dateTime, size } from "./format.js";
import { preview } from "./preview.js";

const SEVERITIES = { 20: ["error", "bad"], 30: ["warning", "warn"], 40: ["information", ""] };

function emptied(list, count, text) {
  list.previousElementSibling.classList.contains("empty") && list.previousElementSibling.remove();
  if (!count) list.before(h("p", { class: "empty" }, text));
}

export function showEvents(events) {
  emptied(byId("events"), events.length, "No event yet.");
  keyed(byId("events"), events, (item) => item.number, () => {
    const node = h("li", { class: "card" });
    return [node, (item) => {
      const event = item.event;
      const [severity, kind] = SEVERITIES[event.severity] || [`severity ${event.severity ?? "none"}`, ""];
      const open = node.querySelector("details")?.open;
      node.replaceChildren(
        h("div", { class: "who" }, h("span", { class: `pill ${kind}` }, severity), h("strong", {}, String(event.description ?? "without a description"))),
        h("p", { class: "quiet" }, [dateTime(item.time_ms), item.agent || "an application", `on ${item.asset}`, item.type].filter(Boolean).join(" · ")),
        h("details", { open }, h("summary", {}, "As it came"), h("pre", { tabindex: "0", role: "group", "aria-label": "Event as it came" }, JSON.stringify(event, null, 2))),
      );
    }];
  });
}

export function showFiles(files) {
  emptied(byId("files"), files.length, "No file yet.");
  keyed(byId("files"), files, (file) => `${file.number} ${file.sha256}`, (file) => {
    const facts = h("p", { class: "quiet" });
    const path = `/_emulator/files/${file.sha256}`;
    const name = file.name.split("/").pop();
    const node = h("li", { class: "card" }, h("strong", {}, file.name), facts,
      bytesView("Preview", path, name, (where) => preview(where, { alt: `Picture ${file.name}` })));
    return [node, (fresh) => setText(facts, [size(fresh.size), fresh.type || "no type", fresh.agent || "an application", `on ${fresh.asset}`, dateTime(fresh.updated_ms), `SHA-256 ${fresh.sha256.slice(0, 12)}…`].join(" · "))];
  });
}

export { emptied };
