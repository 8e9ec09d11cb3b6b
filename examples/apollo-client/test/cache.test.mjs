// The cache keeps the higher version, whichever reading arrives last.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gql } from "@apollo/client";
import { NewestFirstCache } from "../build/index.js";

const JOB = gql`query Job { job(id: "job_1") { id state progress version } }`;
const CREDITS = gql`query Credits { viewer { account { id credits { id available version } } } }`;
const PRICED = gql`query Priced { job(id: "job_1") { id state version price } }`;

const job = (version, state, rest = {}) => ({ job: { __typename: "GenerationJob", id: "job_1", state, version, ...rest } });
const credits = (version, available) => ({
  viewer: { __typename: "Viewer", account: { __typename: "Account", id: "acct_1", credits: { __typename: "CreditAccount", id: "cred_1", available, version } } },
});

test("an older reading changes nothing, a newer or equal one does", () => {
  const cache = new NewestFirstCache();
  cache.writeQuery({ query: JOB, data: job(2, "RUNNING", { progress: 0.5 }) });
  cache.writeQuery({ query: JOB, data: job(1, "QUEUED", { progress: 0 }) });
  assert.deepEqual(cache.readQuery({ query: JOB }), job(2, "RUNNING", { progress: 0.5 }));
  cache.writeQuery({ query: JOB, data: job(2, "RUNNING", { progress: 0.6 }) });
  assert.equal(cache.readQuery({ query: JOB }).job.progress, 0.6);
  cache.writeQuery({ query: JOB, data: job(3, "SUCCEEDED", { progress: 1 }) });
  assert.equal(cache.readQuery({ query: JOB }).job.state, "SUCCEEDED");
});

test("an entity is compared wherever it stands, and what only the older reading tells is kept", () => {
  const cache = new NewestFirstCache();
  cache.writeQuery({ query: CREDITS, data: credits(7, 40) });
  cache.writeQuery({ query: CREDITS, data: credits(6, 90) });
  assert.equal(cache.readQuery({ query: CREDITS }).viewer.account.credits.available, 40);
  cache.writeQuery({ query: JOB, data: job(2, "RUNNING", { progress: 0.5 }) });
  cache.writeQuery({ query: PRICED, data: job(1, "QUEUED", { price: 20 }) });
  assert.deepEqual(cache.readQuery({ query: PRICED }), job(2, "RUNNING", { price: 20 }));
});

test("watchers never see the older reading", async () => {
  const cache = new NewestFirstCache();
  cache.writeQuery({ query: JOB, data: job(2, "RUNNING", { progress: 0.5 }) });
  const seen = [];
  cache.watch({ query: JOB, optimistic: true, immediate: true, callback: ({ result }) => seen.push(result.job.state) });
  cache.writeQuery({ query: JOB, data: job(1, "QUEUED", { progress: 0 }) });
  cache.writeQuery({ query: JOB, data: job(3, "SUCCEEDED", { progress: 1 }) });
  assert.deepEqual(seen, ["RUNNING", "SUCCEEDED"]);
});

test("fragments on interfaces match, because the possible types are known", () => {
  const cache = new NewestFirstCache();
  const query = gql`query Block { node(id: "block_1") { id ... on Block { heading } } }`;
  const data = { node: { __typename: "HeroBlock", id: "block_1", heading: "Bread" } };
  cache.writeQuery({ query, data });
  assert.deepEqual(cache.readQuery({ query }), data);
});
