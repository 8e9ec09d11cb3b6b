// The judgements about our own schema: SCHEMA names another file than the repository's schema.graphql.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { buildSchema, getVariableValues, parse, validateSchema } from "graphql";
import { documents } from "./documents.mjs";
import { objections, selectEverything } from "./select-everything.mjs";

const root = new URL("../../", import.meta.url);
const schema = buildSchema(readFileSync(process.env.SCHEMA ?? new URL("schema.graphql", root), "utf8"));

test("the schema itself is valid", () => {
  assert.deepEqual(validateSchema(schema).map(String), []);
});

test("every field of every block kind can be selected in one query", () => {
  assert.deepEqual(objections(schema, selectEverything(schema)), []);
});

for (const [where, text, variables] of documents(root)) {
  test(`${where} is valid`, () => {
    assert.deepEqual(objections(schema, text), []);
    if (!variables) return;
    const [operation] = parse(text).definitions;
    const { errors } = getVariableValues(schema, operation.variableDefinitions, JSON.parse(variables));
    assert.deepEqual((errors ?? []).map(String), []);
  });
}
