// Nothing is taken from clients: graphql-js compares schema.graphql with the contract, and with what a running server
// says of itself. SCHEMA names another file.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { buildClientSchema, buildSchema, findDangerousChanges, getIntrospectionQuery, lexicographicSortSchema, printSchema } from "graphql";
import { breaks } from "./contract.mjs";
import { serve } from "./server.mjs";

const read = (path) => readFileSync(path, "utf8");
const schema = read(process.env.SCHEMA ?? new URL("../../schema.graphql", import.meta.url));
const contract = read(new URL("contract.graphql", import.meta.url));

test("nothing that clients were promised is gone", (t) => {
  assert.deepEqual(breaks(contract, schema), [], "a change that breaks clients: see contract.mjs");
  const before = buildSchema(contract).getTypeMap();
  const types = Object.keys(buildSchema(schema).getTypeMap());
  const dangerous = findDangerousChanges(buildSchema(contract), buildSchema(schema)).length;
  const added = types.filter((name) => !(name in before)).length;
  t.diagnostic(`breaking changes: none in ${types.length} types; ${added} types are new, ${dangerous} changes need care`);
});

test("the comparison can fail: a field less, an argument more, a null where there was none", () => {
  const before = "type Query { a(x: Int): Int!, b: Int }";
  const said = breaks(before, "type Query { a(x: Int, y: Int!): Int }").join("\n");
  assert.match(said, /Query\.b was removed/);
  assert.match(said, /required arg y on Query\.a was added/);
  assert.match(said, /Query\.a changed type from Int! to Int/);
});

test("a running server says of itself what schema.graphql says", async (t) => {
  const server = await serve(t);
  const options = { inputValueDeprecation: true, specifiedByUrl: true, oneOf: true };
  const served = buildClientSchema(await server.data(getIntrospectionQuery(options)));
  const sorted = (of) => printSchema(lexicographicSortSchema(of));
  assert.equal(sorted(served), sorted(buildSchema(schema)));
  t.diagnostic(`introspection: ${Object.keys(served.getTypeMap()).length} types, with their descriptions, as committed`);
});
