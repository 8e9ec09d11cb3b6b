// A connection that nobody answers, as when a machine falls asleep in its first moment, is given up and made again.
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import WebSocket from "ws";
import { WatchJob, noText, sitewright, watch } from "../build/index.js";

for (const transport of ["websocket", "multipart"]) {
  // Seen to fail over WebSocket: a socket that never opened was waited for without end.
  test(`a ${transport} connection that nobody answers is made again`, { timeout: 60_000 }, async (t) => {
    const connections = new Set();
    const mute = createServer((connection) => {
      connections.add(connection.on("error", () => {}));
      if (connections.size === 2) mute.emit("again");
    });
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    const url = `http://127.0.0.1:${mute.address().port}/graphql`;
    const kit = sitewright({ url, transport, webSocketImpl: WebSocket, silenceMs: 200, firstMs: 20, mostMs: 100 });
    t.after(() => {
      kit.close();
      connections.forEach((connection) => connection.destroy());
      mute.close();
    });
    const again = once(mute, "again");
    const watched = watch(kit.client, { document: WatchJob, variables: { jobId: "job_1" }, initial: noText, apply: (state) => state });
    watched.ended.catch(() => {});
    await again;
    watched.stop();
  });
}
