// Asks for paths at once on one connection of HTTP/2, with Node's http2, and sends content to the first; prints JSON.
// Usage: node http2_node.js URL CA_FILE|- PATH...
const http2 = require("node:http2");
const fs = require("node:fs");
const process = require("node:process");

const [url, authority, ...paths] = process.argv.slice(2);
const session = http2.connect(url, authority === "-" ? {} : { ca: fs.readFileSync(authority) });
session.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
const ask = (path, index) =>
  new Promise((resolve, reject) => {
    const stream = session.request({ ":path": path, ":method": index === 0 ? "POST" : "GET" });
    let status = 0;
    let bytes = 0;
    stream.on("response", (fields) => status = fields[":status"]);
    stream.on("data", (part) => bytes += part.length);
    stream.on("end", () => resolve({ path, status, bytes }));
    stream.on("error", reject);
    stream.end(index === 0 ? "x".repeat(1_000_000) : undefined);
  });
Promise.all(paths.map(ask)).then((answers) => {
  console.log(JSON.stringify(answers));
  session.close();
}, (error) => {
  console.error(error);
  process.exit(1);
});
