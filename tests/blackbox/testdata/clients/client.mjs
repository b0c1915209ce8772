// node client.mjs URL CA: what a client of HTTP/2 does, by Node.js.
import http2 from "node:http2";
import { readFileSync } from "node:fs";

const [base, roots] = process.argv.slice(2);
const session = http2.connect(base, roots ? { ca: readFileSync(roots) } : {});

function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": method, ":path": path });
    const parts = [];
    let status;
    stream.on("response", (fields) => (status = fields[":status"]));
    stream.on("data", (part) => parts.push(part));
    stream.on("end", () => (status === 200 ? resolve(Buffer.concat(parts)) : reject(new Error(`${method} ${path}: ${status}`))));
    stream.on("error", reject);
    stream.end(body);
  });
}

const body = Buffer.alloc(1 << 20, "0123456789");
const echo = await ask("POST", "/body", body);
const file = await ask("GET", "/file");
const texts = await Promise.all(Array.from({ length: 100 }, () => ask("GET", "/")));
console.log(session.alpnProtocol, echo.equals(body), file.length, new Set(texts.map(String)).size, String(texts[0]));
session.close();
