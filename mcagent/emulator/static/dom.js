// Making elements. Text only ever becomes text: nothing here, or anywhere on the page, parses
// markup, and the content security policy (trusted types) has the browser refuse it.

export const byId = (id) => document.getElementById(id);

// h("a", {href: "#x", class: "y", onclick: f}, "text", node): attributes are set, not parsed.
export function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Keep *list* in step with *items*: a row keeps its element, and with it focus and what is unfolded.
// make(item) gives [element, update(item)].
export function keyed(list, items, keyOf, make) {
  const rows = (list.rows ??= new Map());
  const wanted = new Set(items.map((item) => String(keyOf(item))));
  for (const [key, row] of rows) {
    if (!wanted.has(key)) {
      row.node.remove();
      rows.delete(key);
    }
  }
  let place = list.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const text = JSON.stringify(item);
    let row = rows.get(key);
    if (!row) {
      const [node, update] = make(item);
      row = { node, update, text: null };
      rows.set(key, row);
    }
    if (row.text !== text) {
      row.text = text;
      row.update?.(item);
    }
    if (row.node === place) place = place.nextElementSibling;
    else list.insertBefore(row.node, place);
  }
}

let saying;
// Say something to everybody: a line on the screen that screen readers read out.
export function say(text, bad = false) {
  const line = byId("said");
  line.textContent = text;
  line.classList.toggle("bad", bad);
  clearTimeout(saying);
  saying = setTimeout(() => { line.textContent = ""; }, bad ? 12000 : 6000);
}

// Bytes a device sent, unfolded when asked for; and a way to save all of them.
export function bytesView(label, path, name, load) {
  const place = h("div", { class: "bytes" });
  const node = h("details", {}, h("summary", {}, label), place);
  node.addEventListener("toggle", async () => {
    if (!node.open || place.childElementCount) return;
    try {
      place.replaceChildren(...(await load(path)), h("p", {}, h("a", { href: path, download: name }, `Save ${name}`)));
    } catch (error) {
      place.replaceChildren(h("p", { class: "bad" }, error.message));
    }
  });
  return node;
}
