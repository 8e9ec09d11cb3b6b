// Relay's own compiler over relay/Sites.ts: it accepts our connections (@connection), refetches through our nodes
// (@refetchable), and finds what a mutation must return to keep lists right (@prependEdge, @deleteRecord).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import compiler from "relay-compiler";

const file = process.env.SCHEMA ?? fileURLToPath(new URL("../../schema.graphql", import.meta.url));
const app = fileURLToPath(new URL("relay", import.meta.url));

/** Compiles the app, with `change` applied to its text, in a folder of its own. */
function compile(t, change = (text) => text) {
  const folder = mkdtempSync(join(tmpdir(), "sitewright-relay-"));
  t.after(() => rmSync(folder, { recursive: true }));
  copyFileSync(file, join(folder, "schema.graphql"));
  cpSync(app, join(folder, "src"), { recursive: true });
  const source = join(folder, "src", "Sites.ts");
  const text = readFileSync(source, "utf8");
  const changed = change(text);
  writeFileSync(source, changed);
  writeFileSync(join(folder, "relay.config.json"), JSON.stringify({
    src: "./src", schema: "./schema.graphql", artifactDirectory: "./artifacts", language: "typescript",
    customScalarTypes: { Cursor: "string", DateTime: "string" },
  }));
  mkdirSync(join(folder, "artifacts"));
  const { status, stdout, stderr } = spawnSync(compiler, ["relay.config.json"], { cwd: folder, encoding: "utf8" });
  const artifacts = readdirSync(join(folder, "artifacts"));
  return { status, said: stdout + stderr, artifacts, documents: text.match(/graphql`/g).length, wasChanged: text !== changed };
}

test("relay-compiler compiles a whole app", (t) => {
  const { status, said, artifacts, documents } = compile(t);
  assert.equal(status, 0, said);
  for (const name of ["SitesQuery", "SitesJobsPaginationQuery", "SitesJobRefetchQuery", "SitesDeleteMutation"]) {
    assert.ok(artifacts.includes(`${name}.graphql.ts`), `${name} is not among ${artifacts}`);
  }
  t.diagnostic(`relay-compiler: ${documents} documents, ${artifacts.length} artifacts, no errors`);
});

test("relay-compiler can refuse: an edge that is none, an id that is none, a list that is no connection", (t) => {
  for (const [from, to, complaint] of [
    ["credits {", "credits @prependEdge(connections: $connections) {", /Unsupported use of @prependEdge on field 'credits'/],
    ["deletedBlueprintId @deleteRecord", "clientMutationId @deleteRecord", /has no field `clientMutationId`/],
    ["allApiKeys(first: $first, after: $after) @connection", "apiKeys @connection", /@connection/],
  ]) {
    const { status, said, wasChanged } = compile(t, (text) => text.replace(from, to));
    assert.ok(wasChanged, from);
    assert.notEqual(status, 0);
    assert.match(said, complaint);
  }
});
