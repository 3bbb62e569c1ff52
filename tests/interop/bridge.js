// The Node client behind a pipe: one JSON request a line on stdin, one JSON answer a line on stdout.
//
//     node bridge.js DIRECTORY_OF_NODE_MODULES
//
//     {"make": "agent", "name": "a1", "class": "MindConnectAgent", "args": [...]}
//     {"call": "PostData", "on": "a1", "via": ["Sdk"], "args": [...]}
//     {"class": "a1", "via": ["Sdk"]}
//     {"methods": ["MindConnectAgent", ...]}
//
// What JSON cannot say: {"$date": ms}, {"$bytes": base64}, {"$collect": true} (a function that keeps
// what it is called with; the answer lists it as `collected`).
const { createRequire } = require("module");
const readline = require("readline");

const load = createRequire(process.argv[2] + "/");
const client = {
    ...load("@mindconnect/mindconnect-nodejs"),
    // its commands use this class; the package does not export it
    ...load("@mindconnect/mindconnect-nodejs/dist/src/api/mindconnect-setup"),
};
const objects = new Map();

function decode(value, collected) {
    if (Array.isArray(value)) return value.map((item) => decode(item, collected));
    if (value === null || typeof value !== "object") return value;
    if ("$date" in value) return new Date(value.$date);
    if ("$bytes" in value) return Buffer.from(value.$bytes, "base64");
    if ("$collect" in value) return (...given) => void collected.push(given[0]);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decode(item, collected)]));
}

async function encode(value) {
    if (value && typeof value.arrayBuffer === "function") {
        // a fetch Response, which the client hands out as it is
        const body = Buffer.from(await value.arrayBuffer()).toString("base64");
        return { status: value.status, headers: Object.fromEntries(value.headers), body };
    }
    if (value && typeof value.forEach === "function" && typeof value.append === "function") {
        return { headers: Object.fromEntries(value) };
    }
    return value === undefined ? null : value;
}

// Names of the public methods of a class and of the classes above it; the client marks its private
// ones in TypeScript only, so what begins small is taken for private.
function methods(name) {
    const found = new Set();
    for (let level = client[name].prototype; level !== Object.prototype; level = Object.getPrototypeOf(level)) {
        for (const method of Object.getOwnPropertyNames(level)) {
            if (/^[A-Z]/.test(method)) found.add(method);
        }
    }
    return [...found].sort();
}

async function serve(request) {
    const collected = [];
    if ("methods" in request) {
        return { value: Object.fromEntries(request.methods.map((name) => [name, methods(name)])) };
    }
    const args = decode(request.args, collected);
    if ("make" in request) {
        objects.set(request.make, new client[request.class](...args));
        return { value: null };
    }
    let target = objects.get(request.on || request.class);
    for (const getter of request.via) target = target[getter]();
    if ("class" in request) return { value: { name: target.constructor.name, path: target._baseUrl } };
    const value = await encode(await target[request.call](...args));
    return { value, collected, of: target.constructor.name };
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
    let answer;
    try {
        answer = await serve(JSON.parse(line));
    } catch (error) {
        answer = { error: `${(error && error.message) || error}` };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
});
