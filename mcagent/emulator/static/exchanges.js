// What came: exchanges item by item with verdicts, requests as the network saw them, broken rules.

import { control } from "./api.js";
import { byId, bytesView, h, keyed, setText } from "./dom.js";
import { clockTime, dateTime, many, size } from "./format.js";
import { preview } from "./preview.js";
import { emptied } from "./records.js";

const KINDS = { timeseries: "time series", event: "events", file: "file", model: "data model", custom: "custom data" };
const raw = (where) => preview(where, { raw: true });

export function showExchanges(exchanges) {
  emptied(byId("exchanges"), exchanges.length, "No exchange yet.");
  keyed(byId("exchanges"), exchanges, (exchange) => exchange.exchange, (first) => {
    const items = h("ul", { class: "items" });
    const total = h("span", { class: "quiet" });
    const node = h("li", { class: "card" }, h("div", { class: "who" }, h("strong", {}, `Exchange ${first.exchange}`), h("span", {}, first.agent), total),
      h("p", { class: "quiet" }, `${dateTime(first.received_ms)} · correlation ${first.correlation_id}`), items);
    return [node, (exchange) => {
      const bytes = exchange.items.reduce((sum, item) => sum + item.size, 0);
      setText(total, `${many(exchange.items.length, "item")}, ${size(bytes)}`);
      keyed(items, exchange.items, (item) => item.item, itemRow);
    }];
  });
}

function itemRow(first) {
  const details = { ...first.details };
  delete details.sha256;
  const verdict = h("span");
  const told = Object.entries(details).filter(([, value]) => value && typeof value !== "object").map(([name, value]) => `${name} ${value}`).join(", ");
  const node = h("li", {}, h("div", { class: "who" }, h("span", { class: "pill" }, KINDS[first.kind] || first.kind), h("span", {}, `${many(first.lines, first.kind === "timeseries" ? "sample" : "entry", first.kind === "timeseries" ? "samples" : "entries")}, ${size(first.size)}`), verdict),
    told ? h("p", { class: "quiet" }, told) : null,
    bytesView("Raw bytes", `/_emulator/page/items/${first.item}`, `item-${first.item}`, raw));
  return [node, (item) => {
    setText(verdict, item.pending ? "being processed" : item.verdict);
    verdict.className = item.dropped ? "warn" : "quiet";
  }];
}

function outcome(request) {
  if (request.took_ms === null) return ["waiting", ""];
  if (!request.status) return [request.rules.length ? request.rules[request.rules.length - 1].replace("_", " ") : "no answer", "bad"];
  if (request.status >= 500) return [String(request.status), "bad"];
  return [String(request.status), request.status >= 400 ? "warn" : "good"];
}

export function showRequests(requests) {
  emptied(byId("requests"), requests.length, "No request yet.");
  keyed(byId("requests"), requests, (request) => request.number, (first) => {
    const pill = h("span", { class: "pill" });
    const facts = h("p", { class: "quiet" });
    const words = h("p", { class: "warn text" });
    const node = h("li", { class: "card" }, h("div", { class: "who" }, pill, h("code", {}, `${first.method} ${first.path}`)), facts, words);
    let body = false;
    return [node, (request) => {
      const [text, kind] = outcome(request);
      setText(pill, text);
      pill.className = `pill ${kind}`;
      setText(facts, [clockTime(request.time_ms, true), request.took_ms === null ? "" : `${request.took_ms} ms`, `${size(request.size)} in, ${size(request.answer_size)} out`, request.rules.length ? `fault: ${request.rules.join(", ")}` : "", request.content_type, request.correlation_id && `correlation ${request.correlation_id}`].filter(Boolean).join(" · "));
      setText(words, request.answer);
      words.hidden = !request.answer;
      if (request.kept && !body) {
        body = true;
        node.append(bytesView("Raw bytes", `/_emulator/page/requests/${request.number}`, `request-${request.number}`, raw));
      }
    }];
  });
}

export async function showRules() {
  const breaches = await control("GET", "breaches");
  emptied(byId("breaches"), breaches.length, "None was broken.");
  const rows = breaches.map((breach, at) => ({ ...breach, key: `${breach.time} ${at}` })).reverse();
  keyed(byId("breaches"), rows, (row) => row.key, (row) => [h("li", { class: "card" }, h("div", { class: "who" }, h("code", {}, row.switch), h("span", { class: "text" }, row.what)),
    h("p", { class: "quiet" }, [dateTime(Date.parse(row.time)), row.agent].filter(Boolean).join(" · ")))]);
}
