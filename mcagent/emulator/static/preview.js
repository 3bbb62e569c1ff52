// Bytes that a device sent, for people: text, a picture, or a hex dump. What the device says that
// it is does not matter; only bytes do. Pictures are pixels alone: SVG is shown as the text it is.

import { firstBytes } from "./api.js";
import { h } from "./dom.js";
import { size } from "./format.js";

const TEXT_MAX = 64 * 1024;
const PICTURE_MAX = 5 * 1024 * 1024;
const HEX_MAX = 1024;
const PICTURES = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38]],
];

const begins = (bytes, magic) => magic.every((byte, at) => bytes[at] === byte);

function textOf(bytes, cut) {
  try {
    // Cut in the middle of a character is no reason to call it binary.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: cut });
    return /[\0-\x08\x0e-\x1f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

function pretty(text, cut) {
  if (cut || !/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function dump(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}

const block = (text, label) => h("pre", { tabindex: "0", role: "group", "aria-label": label }, text);

// As they are; JSON in lines unless *raw*.
export async function preview(path, { raw = false, alt = "the picture" } = {}) {
  const { bytes, cut } = await firstBytes(path, PICTURE_MAX);
  if (!bytes.length) return [h("p", { class: "quiet" }, "Empty: 0 bytes.")];
  const picture = raw ? null : PICTURES.find(([, magic]) => begins(bytes, magic));
  if (picture && !cut) {
    const url = URL.createObjectURL(new Blob([bytes], { type: picture[0] }));
    const image = h("img", { src: url, alt });
    image.addEventListener("load", () => URL.revokeObjectURL(url));
    return [image];
  }
  const more = cut || bytes.length > TEXT_MAX;
  const head = bytes.subarray(0, TEXT_MAX);
  const text = textOf(head, more);
  const note = (shown) => (more || shown < bytes.length ? [h("p", { class: "quiet" }, `The first ${size(shown)}.`)] : []);
  if (text !== null) return [...note(head.length), block(raw ? text : pretty(text, more), "Content as text")];
  const few = bytes.subarray(0, HEX_MAX);
  return [...note(few.length), block(dump(few), "Content in hexadecimal")];
}
