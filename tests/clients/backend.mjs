// A backend with Node's own parser, as lenient as it can be told to be. Says on stdout where it listens, then each whole request
// that it got; the path `/end` ends it.
import { createServer } from "node:http";

const say = (seen) => process.stdout.write(`${JSON.stringify(seen)}\n`);

const server = createServer({ insecureHTTPParser: true, keepAliveTimeout: 60_000 }, (request, response) => {
  let length = 0;
  request.on("data", (piece) => {
    length += piece.length;
  });
  // Not told of a request that breaks off.
  request.on("end", () => {
    if (request.url === "/end") {
      response.end();
      server.close();
      server.closeAllConnections();
      return;
    }
    say({ method: request.method, path: request.url, length });
    response.end(`${request.method} ${request.url} ${length}`);
  });
  request.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
