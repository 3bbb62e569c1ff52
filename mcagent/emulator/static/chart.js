// One plot: a line that breaks where nothing was measured, and whose colour tells how long each
// value was on its way. What came late is drawn thicker, so that colour is not the only sign.

import { h, setText } from "./dom.js";
import { clockTime, dateOf, dateTime, many, number, span } from "./format.js";

// Longest delay of a class in ms, its name, its colour (page.css), how its dots and lines are drawn.
export const CLASSES = [
  { most: -5000, name: "from the future", colour: "--future", radius: 3, line: 2.6 },
  { most: 5000, name: "at once", colour: "--live", radius: 1.8, line: 1.4 },
  { most: 60000, name: "up to 1 min late", colour: "--late1", radius: 2.8, line: 2.6 },
  { most: 3600000, name: "up to 1 h late", colour: "--late2", radius: 3, line: 2.6 },
  { most: Infinity, name: "later", colour: "--late3", radius: 3.2, line: 2.6 },
];
const classOf = (delay) => CLASSES.findIndex((kind, at) => (at === 0 ? delay < kind.most : delay <= kind.most));
const DOT_ROOM = 7; // pixels a dot needs beside the next
const TABLE_ROWS = 20;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function axisTimes(_plot, splits, _axis, _space, step) {
  let day = "";
  return splits.map((ms) => {
    const text = step < 60000 ? clockTime(ms) : clockTime(ms).slice(0, 5);
    const date = dateOf(ms);
    const first = date !== day && (step >= 86400000 || day !== "" || step >= 3600000);
    day = date;
    if (step >= 86400000) return date.slice(5);
    return first ? `${date.slice(5)} ${text}` : text;
  });
}

// At full seconds, minutes and hours of this place.
function roundTimes(_plot, _axis, from, to, step) {
  const ahead = new Date(from).getTimezoneOffset() * -60000;
  const splits = [];
  for (let time = Math.ceil((from + ahead) / step) * step - ahead; time <= to; time += step) splits.push(time);
  return splits;
}

export class Chart {
  // title: text; onZoom(from_ms, to_ms): a range was dragged.
  constructor(title, unit, onZoom) {
    this.title = title;
    this.unit = unit;
    this.onZoom = onZoom;
    this.plot = null;
    this.data = null;
    this.value = h("span", { class: "value" });
    this.note = h("p", { class: "quiet note" });
    this.picture = h("div", { class: "picture", role: "img" });
    this.rows = h("tbody");
    this.table = h("details", {}, h("summary", {}, "Latest values as a table"), h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": `Values of ${title}` },
      h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time"), h("th", { scope: "col" }, "Value"), h("th", { scope: "col" }, "On its way"))), this.rows)));
    this.table.addEventListener("toggle", () => this.fillTable());
    this.node = h("figure", {}, h("figcaption", {}, h("span", {}, title, unit ? h("span", { class: "quiet" }, ` ${unit}`) : null), this.value), this.picture, this.note, this.table);
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.picture);
  }

  show(data, [from, to]) {
    this.data = data;
    if (data.texts) this.showTexts();
    else this.showLine(from, to);
    this.describe();
    this.fillTable();
  }

  showTexts() {
    this.picture.hidden = true;
    this.table.open = true;
  }

  showLine(from, to) {
    this.picture.hidden = false;
    const columns = [this.data.time_ms, this.data.value];
    if (!this.plot) this.plot = this.make(columns);
    else this.plot.setData(columns, false);
    this.plot.batch(() => {
      this.plot.setScale("x", { min: from, max: to });
      const [low, high] = this.limits(from, to);
      this.plot.setScale("y", { min: low, max: high });
    });
  }

  limits(from, to) {
    let low = Infinity;
    let high = -Infinity;
    this.data.value.forEach((value, at) => {
      if (value === null || this.data.time_ms[at] < from || this.data.time_ms[at] > to) return;
      low = Math.min(low, value);
      high = Math.max(high, value);
    });
    if (low > high) return [0, 1];
    const room = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
    return [low - room, high + room];
  }

  make(columns) {
    const axis = { stroke: () => colour("--quiet"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return new uPlot({
      width: this.picture.clientWidth || 300,
      height: 190,
      ms: 1,
      legend: { show: false },
      padding: [10, 30, 0, 0], // room for half a label of time
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { show: false } },
      scales: { x: { time: true, auto: false }, y: { auto: false } },
      axes: [{ ...axis, values: axisTimes, splits: roundTimes, space: 86, size: 30 }, { ...axis, size: (_plot, labels) => Math.max(44, 16 + 7.2 * Math.max(0, ...(labels || []).map((label) => label.length))), values: (_plot, splits) => splits.map(number) }],
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: {
        draw: [(plot) => this.draw(plot)],
        setCursor: [(plot) => this.read(plot.cursor.idx)],
        setSelect: [(plot) => this.zoom(plot)],
      },
    }, columns, this.picture);
  }

  draw(plot) {
    const { time_ms: times, value: values, delay_ms: delays } = this.data;
    const context = plot.ctx;
    const ratio = devicePixelRatio;
    const colours = CLASSES.map((kind) => colour(kind.colour));
    const { left, top, width, height } = plot.bbox;
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    context.lineJoin = "round";
    const at = times.map((time, index) => [plot.valToPos(time, "x", true), values[index] === null ? null : plot.valToPos(values[index], "y", true)]);
    // A stroke for each run of one class, in the colour of where it leads to.
    for (let index = 1; index < at.length; index++) {
      if (at[index][1] === null || at[index - 1][1] === null) continue;
      const kind = classOf(delays[index]);
      context.strokeStyle = colours[kind];
      context.lineWidth = CLASSES[kind].line * ratio;
      context.beginPath();
      context.moveTo(...at[index - 1]);
      context.lineTo(...at[index]);
      while (index + 1 < at.length && at[index + 1][1] !== null && classOf(delays[index + 1]) === kind) context.lineTo(...at[++index]);
      context.stroke();
    }
    const shown = at.filter(([x]) => x >= left && x <= left + width).length;
    const dots = shown * DOT_ROOM * ratio <= width;
    at.forEach(([x, y], index) => {
      const kind = classOf(delays[index]);
      const alone = (at[index - 1]?.[1] ?? null) === null && (at[index + 1]?.[1] ?? null) === null;
      if (y === null || (!dots && !alone)) return;
      context.fillStyle = colours[kind];
      context.beginPath();
      context.arc(x, y, CLASSES[kind].radius * ratio, 0, 7);
      context.fill();
    });
    context.restore();
  }

  read(index) {
    const shown = index ?? this.data?.value?.findLastIndex?.((value) => value !== null);
    if (shown == null || shown < 0 || this.data.value[shown] === null || this.data.value[shown] === undefined) return setText(this.value, "");
    const text = `${number(this.data.value[shown])}${this.unit ? ` ${this.unit}` : ""}`;
    setText(this.value, index == null ? text : `${text} · ${clockTime(this.data.time_ms[shown], true)} · ${this.delay(this.data.delay_ms[shown])}`);
  }

  delay(ms) {
    return ms < -1000 ? `${span(ms)} ahead of its time` : `${span(Math.max(0, ms))} on its way`;
  }

  zoom(plot) {
    const { left, width } = plot.select;
    if (width < 8) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.onZoom(Math.floor(from), Math.ceil(to));
  }

  describe() {
    const data = this.data;
    const parts = [many(data.count, "value")];
    if (data.reduced) parts.push("drawn by the least and the greatest of each range");
    if (data.late) parts.push(`${data.late.toLocaleString("en")} came late, up to ${span(data.longest_ms)}`);
    if (data.gaps) parts.push(many(data.gaps, "gap"));
    const text = parts.join(" · ");
    setText(this.note, text);
    this.note.classList.toggle("warn", Boolean(data.late));
    if (data.texts) return setText(this.value, data.texts[0]?.value ?? "");
    this.read(null);
    this.picture.setAttribute("aria-label", `${this.title}: ${text}. Latest: ${this.value.textContent || "none"}.`);
  }

  fillTable() {
    if (!this.table.open || !this.data) return;
    const { texts, time_ms: times, value: values, delay_ms: delays } = this.data;
    const rows = texts || times.map((time, at) => ({ time_ms: time, value: values[at], delay_ms: delays[at] })).filter((row) => row.value !== null).reverse();
    this.rows.replaceChildren(...rows.slice(0, TABLE_ROWS).map((row) => h("tr", {}, h("td", {}, dateTime(row.time_ms)), h("td", { class: "text" }, texts ? row.value : number(row.value)), h("td", {}, span(Math.max(0, row.delay_ms))))));
  }

  resize() {
    const width = this.picture.clientWidth;
    if (this.plot && width && width !== this.plot.width) this.plot.setSize({ width, height: 190 });
  }

  redraw() {
    this.plot?.redraw();
  }

  remove() {
    this.sizes.disconnect();
    this.plot?.destroy();
    this.node.remove();
  }
}
