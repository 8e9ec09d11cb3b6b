// What the client graphql-ws makes of our WebSocket: it decides by close codes whether to come back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { JOB_EVENTS, SITE_EVENTS, plan, run, site, start } from "./transports.mjs";

/** Everything that an operation brings. */
async function all(client, query, variables) {
  const results = [];
  for await (const result of client.iterate({ query, variables })) results.push(result);
  return results;
}

const connect = (server, options = {}) => createClient({ url: server.socket, webSocketImpl: WebSocket, ...options });

test("graphql-ws asks, changes, watches to the end, and is refused in words", async (t) => {
  const server = await start();
  t.after(server.stop);
  const client = connect(server, { retryAttempts: 0 });
  t.after(() => client.dispose());
  assert.deepEqual(await all(client, "{ __typename }"), [{ data: { __typename: "Query" } }]);
  const id = await plan(server, await site(server));
  const events = await all(client, JOB_EVENTS, { id });
  assert.equal(events.at(-1).data.jobEvents.__typename, "JobFinished");
  assert.equal(events.at(-1).data.jobEvents.job.state, "SUCCEEDED");
  for (const query of ["{", "{ nothing }", "subscription { nothing }"]) {
    await assert.rejects(all(client, query), (errors) => {
      assert.ok(Array.isArray(errors), `${query}: an error message, not a closed socket`);
      assert.match(errors[0].extensions.code, /^GRAPHQL_(PARSE|VALIDATION)_FAILED$/);
      return true;
    });
  }
  assert.deepEqual(await all(client, "{ __typename }"), [{ data: { __typename: "Query" } }]);
});

test("graphql-ws comes back by itself after a restart, and misses nothing", async (t) => {
  const server = await start();
  t.after(server.stop);
  const codes = [];
  const client = connect(server, {
    retryAttempts: 20,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 100)),
    on: { closed: (event) => codes.push(event.code) },
  });
  t.after(() => client.dispose());
  const id = await site(server);
  const finished = (async () => {
    const seen = [];
    for await (const { data } of client.iterate({ query: SITE_EVENTS, variables: { id } })) {
      seen.push(data.blueprintEvents.__typename);
      heard[seen.length - 1]?.();
      if (data.blueprintEvents.__typename === "JobFinished") return seen;
    }
  })();
  const heard = [];
  const first = [0, 1].map((place) => new Promise((resolve) => (heard[place] = resolve)));
  await first[0];
  await server.again();
  // What happens before the client is back is part of the snapshot that it begins with.
  await first[1];
  await plan(server, id);
  const seen = await finished;
  assert.deepEqual(codes.slice(0, 1), [1012]);
  assert.ok(seen.includes("JobQueued") && seen.includes("JobFinished"), seen.join());
});

test("graphql-ws is told of a key that is none, and of one that was revoked", async (t) => {
  const server = await start({ SITEWRIGHT_AUTH__MODE: "keys" });
  t.after(server.stop);
  const stranger = connect(server, { retryAttempts: 0, connectionParams: { Authorization: "Bearer no" } });
  await assert.rejects(all(stranger, "{ __typename }"), { code: 4403 });
  const secret = /sw_live_[\w-]{43}/.exec(await run(server, "key", "create", "--name", "judge"))[0];
  const headers = { authorization: `Bearer ${secret}` };
  const client = connect(server, { retryAttempts: 0, connectionParams: { Authorization: `Bearer ${secret}` } });
  const watch = client.iterate({ query: "subscription { accountEvents { __typename } }" });
  const ended = assert.rejects(watch.next(), { code: 4403 });
  const ask = "{ viewer { apiKey { id } } }";
  const [{ data }] = await all(client, ask);
  await server.ask("mutation($id: ID!) { revokeApiKey(input: { id: $id }) { userErrors { message } } }", { id: data.viewer.apiKey.id }, headers);
  await ended;
});
