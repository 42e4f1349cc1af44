/** `npm run playground`: builds the playground and serves it on the loopback (`--port N`; by default any free one). */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { buildPlayground } from "./build.mjs";

const { values } = parseArgs({ options: { port: { type: "string", default: "0" } } });
const files = {
  "/": ["playground.html", "text/html; charset=utf-8"],
  "/build/playground.js": ["build/playground.js", "text/javascript; charset=utf-8"],
};

await buildPlayground();
const server = createServer(async (request, response) => {
  const found = files[new URL(request.url, "http://localhost").pathname];
  response.writeHead(found ? 200 : 404, { "Content-Type": found ? found[1] : "text/plain" });
  response.end(found ? await readFile(new URL(found[0], import.meta.url)) : "");
});
server.listen(Number(values.port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
