// What the client graphql-sse makes of our event streams, one operation a connection.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "graphql-sse";
import { JOB_EVENTS, plan, site, start } from "./transports.mjs";

async function all(client, query, variables) {
  const results = [];
  for await (const result of client.iterate({ query, variables })) results.push(result);
  return results;
}

test("graphql-sse asks, watches to the end, and is refused in words", async (t) => {
  const server = await start();
  t.after(server.stop);
  const client = createClient({ url: server.url, retryAttempts: 0 });
  assert.deepEqual(await all(client, "{ __typename }"), [{ data: { __typename: "Query" } }]);
  const id = await plan(server, await site(server));
  const events = await all(client, JOB_EVENTS, { id });
  assert.equal(events.at(-1).data.jobEvents.job.state, "SUCCEEDED");
  const after = events[0].data.jobEvents.cursor;
  const rest = await all(client, JOB_EVENTS, { id, after });
  assert.equal(rest.at(-1).data.jobEvents.cursor, events.at(-1).data.jobEvents.cursor);
  for (const query of ["{", "{ nothing }"]) {
    const [{ data, errors }] = await all(client, query);
    assert.equal(data, undefined);
    assert.match(errors[0].extensions.code, /^GRAPHQL_(PARSE|VALIDATION)_FAILED$/);
  }
});

test("a browser's way of coming back, Last-Event-ID, goes on behind the last event", async (t) => {
  const server = await start();
  t.after(server.stop);
  const id = await plan(server, await site(server));
  const url = `${server.url}?${new URLSearchParams({ query: JOB_EVENTS, variables: JSON.stringify({ id }) })}`;
  const events = async (headers) => {
    const answer = await fetch(url, { headers: { accept: "text/event-stream", ...headers } });
    const blocks = (await answer.text()).split("\n\n").filter((block) => block.startsWith("event: next"));
    return blocks.map((block) => /^id: (.*)$/m.exec(block)[1]);
  };
  await events({});
  // Once more, now that it is over: all that is kept, and then from the middle.
  const seen = await events({});
  assert.ok(seen.length >= 2);
  assert.deepEqual(await events({ "last-event-id": seen.at(-2) }), seen.slice(-1));
  assert.deepEqual(await events({ "last-event-id": seen.at(-1) }), []);
});
