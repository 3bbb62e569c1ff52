// Data models as trees: agent, data sources, data points, and what each point is mapped to.

import { byId, h, keyed } from "./dom.js";
import { many } from "./format.js";

export function showModels(models) {
  keyed(byId("models"), models, (model) => model.agent, (first) => {
    const node = h("div", { class: "card tree" });
    return [node, (model) => {
      const closed = new Set([...node.querySelectorAll("details:not([open])")].map((part) => part.dataset.key));
      node.replaceChildren(tree(model, closed));
    }];
  });
  if (!models.length) byId("models").replaceChildren(h("p", { class: "empty" }, "No agent yet."));
  else byId("models").querySelector(":scope > .empty")?.remove();
}

function tree(entry, closed) {
  if (!entry.model) return h("p", {}, h("strong", {}, entry.name), h("span", { class: "quiet" }, " has sent no data model yet."));
  const mapped = new Map();
  for (const mapping of entry.mappings) mapped.set(mapping.point, [...(mapped.get(mapping.point) || []), mapping]);
  const sources = entry.model.dataSources;
  return fold("agent", closed, [h("strong", {}, entry.name), h("span", { class: "quiet" }, ` ${entry.model.configurationId} · eTag ${entry.etag} · ${many(sources.length, "data source")}`)],
    sources.map((source, at) => fold(`source-${at}`, closed, [source.name, h("span", { class: "quiet" }, ` ${many(source.dataPoints.length, "data point")}`), source.description ? h("span", { class: "quiet" }, ` · ${source.description}`) : null],
      [h("ul", {}, source.dataPoints.map((point) => pointRow(point, mapped.get(point.id) || [])))])));
}

function fold(key, closed, title, content) {
  return h("details", { open: !closed.has(key), "data-key": key }, h("summary", {}, title), content);
}

function pointRow(point, mappings) {
  const name = point.name === point.id ? point.id : `${point.name} (${point.id})`;
  return h("li", {}, h("span", {}, name), h("span", { class: "type" }, point.type), point.unit ? h("span", {}, point.unit) : null,
    mappings.length ? mappings.map(target) : h("span", { class: "warn" }, "not mapped: what comes is dropped"));
}

function target(mapping) {
  const where = `→ ${mapping.asset} / ${mapping.aspect} / ${mapping.variable}`;
  if (!mapping.invalid.length) return h("span", { class: "quiet" }, where);
  return h("span", { class: "warn" }, `${where} (invalid: ${mapping.invalid.join(", ")})`);
}
