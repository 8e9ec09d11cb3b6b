// Coming back is for cuts. What the server refuses is said once, on both transports, and not asked again.
import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "ws";
import { serve } from "../../../tests/judges/server.mjs";
import { WatchAccount, WatchJob, noText, sitewright, watch, webStore } from "../build/index.js";

const TRANSPORTS = ["websocket", "multipart"];

function open(t, server, transport, key) {
  const kit = sitewright({ url: server.url, transport, key, webSocketImpl: WebSocket, silenceMs: 2_000, firstMs: 20, mostMs: 100 });
  t.after(() => kit.close());
  return kit.client;
}

test("a job that does not exist is refused, not waited for", async (t) => {
  const server = await serve(t);
  for (const transport of TRANSPORTS) {
    const { ended } = watch(open(t, server, transport), { document: WatchJob, variables: { jobId: "job_none" }, initial: noText, apply: (state) => state });
    await assert.rejects(ended, ({ errors }) => errors[0].extensions.code === "NOT_FOUND", transport);
  }
});

test("without a key, with a wrong one and with a revoked one, watching ends", async (t) => {
  const environment = {};
  const server = await serve(t, environment);
  const { createApiKey } = await server.data('mutation { createApiKey(input: { name: "kit" }) { apiKey { id } secret } }');
  const { createApiKey: other } = await server.data('mutation { createApiKey(input: { name: "other" }) { secret } }');
  await server.stop();
  environment.SITEWRIGHT_AUTH__MODE = "keys";
  await server.start();
  const watchAccount = (transport, key, onState) =>
    watch(open(t, server, transport, key), { document: WatchAccount, variables: {}, initial: 0, apply: (count) => count + 1, onState }).ended;
  for (const transport of TRANSPORTS) {
    for (const key of [undefined, "sk_wrong"]) await assert.rejects(watchAccount(transport, key), transport);
  }
  const ends = TRANSPORTS.map((transport) => assert.rejects(watchAccount(transport, createApiKey.secret), transport));
  const revoke = "mutation($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { revokedAt } } }";
  const headers = { "content-type": "application/json", authorization: `Bearer ${other.secret}` };
  const body = JSON.stringify({ query: revoke, variables: { id: createApiKey.apiKey.id } });
  const { data } = await (await fetch(server.url, { method: "POST", headers, body })).json();
  assert.ok(data.revokeApiKey.apiKey.revokedAt);
  await Promise.all(ends);
});

test("a store that is full, forbidden or from another version costs time, not the page", () => {
  const broken = webStore({ getItem: () => "{nonsense", setItem: () => { throw new Error("full"); } });
  assert.equal(broken.load("key"), undefined);
  broken.save("key", { cursor: "c", state: 1 });
});
