// graphql-http's audit suite against our own server: every MUST, every SHOULD and every MAY.
import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAudits } from "graphql-http";
import { serve } from "./server.mjs";

const EXPECTED = 61;

test("graphql-http's audit has nothing to say", async (t) => {
  const server = await serve(t);
  const audits = serverAudits({ url: server.url, fetchFn: fetch });
  const results = [];
  for (const audit of audits) results.push(await audit.fn());
  const complaints = results.filter(({ status }) => status !== "ok");
  t.diagnostic(`${results.length - complaints.length} of ${results.length} audits are ok`);
  const told = complaints.map(({ id, name, status, reason }) => `${status} ${id}: ${name} (${reason})`);
  assert.deepEqual(told, []);
  assert.equal(results.length, EXPECTED);
});
