// Talking to the hub: its own origin and nothing else, which the content security policy enforces.

const OWN = "/_emulator/page/";

async function answerOf(response) {
  if (response.ok) return response;
  let why = `${response.status}`;
  try {
    why = (await response.json()).message || why;
  } catch {
    // no JSON: the status must do
  }
  throw new Error(why);
}

export async function get(path) {
  return (await answerOf(await fetch(OWN + path))).json();
}

export async function control(method, path, body) {
  const response = await fetch(`/_emulator/${path}`, { method, body: body === undefined ? undefined : JSON.stringify(body) });
  const answer = await answerOf(response);
  return answer.status === 204 ? null : answer.json();
}

// The first bytes of something a device sent; the rest is not fetched.
export async function firstBytes(path, most) {
  const reader = (await answerOf(await fetch(path))).body.getReader();
  const pieces = [];
  let length = 0;
  while (length <= most) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    length += value.length;
  }
  await reader.cancel();
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  return { bytes: bytes.subarray(0, most), cut: length > most };
}

export function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
