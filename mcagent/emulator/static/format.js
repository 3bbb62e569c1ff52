// Numbers, times and bytes for people.

const two = (number) => String(number).padStart(2, "0");

export function clockTime(ms, millis = false) {
  const day = new Date(ms);
  const text = `${two(day.getHours())}:${two(day.getMinutes())}:${two(day.getSeconds())}`;
  return millis ? `${text}.${String(day.getMilliseconds()).padStart(3, "0")}` : text;
}

export function dateOf(ms) {
  const day = new Date(ms);
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

export const dateTime = (ms) => (ms == null ? "never" : `${dateOf(ms)} ${clockTime(ms)}`);

export function span(ms) {
  const s = Math.abs(ms) / 1000;
  if (s < 0.9995) return `${Math.round(s * 1000)} ms`;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}

export function ago(ms, nowMs) {
  if (ms == null) return "never seen";
  return nowMs - ms < 2000 ? "seen just now" : `seen ${span(nowMs - ms)} ago`;
}

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toPrecision(3)} kB`;
  return `${(bytes / 1e6).toPrecision(3)} MB`;
}

export function number(value) {
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return Math.abs(value) < 1e4 ? String(value) : value.toLocaleString("en");
  return String(Number(value.toPrecision(6)));
}

export const many = (count, one, several = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : several}`;
