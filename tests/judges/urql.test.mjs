// What urql makes of our event streams: its fetch exchange asks for them by itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, fetchExchange } from "@urql/core";
import { JOB_EVENTS, plan, site, start } from "./transports.mjs";

test("urql asks with fetch and watches a job to its end over SSE", async (t) => {
  const server = await start();
  t.after(server.stop);
  const client = new Client({
    url: server.url,
    exchanges: [fetchExchange],
    fetchSubscriptions: true,
    preferGetMethod: false,
    // What arrives is what was asked for: the response's own form.
    fetch: async (url, options) => {
      const answer = await fetch(url, options);
      forms.push(answer.headers.get("content-type").split(";")[0]);
      return answer;
    },
  });
  const forms = [];
  const answer = await client.query("{ __typename }", {}).toPromise();
  assert.equal(answer.error, undefined);
  assert.equal(answer.data.__typename, "Query");
  const id = await plan(server, await site(server));
  const last = await new Promise((resolve, reject) => {
    let last;
    client.subscription(JOB_EVENTS, { id }).subscribe((result) => {
      if (result.error) reject(result.error);
      if (result.data) last = result.data.jobEvents;
      if (last?.__typename === "JobFinished") resolve(last);
    });
  });
  assert.equal(last.job.state, "SUCCEEDED");
  assert.deepEqual(forms.slice(-1), ["text/event-stream"]);
  assert.match(forms[0], /json$/, "a query is not streamed");
});
