// The judge, judged: it must select what a client would, and refuse what a client could not use.
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildSchema } from "graphql";
import { objections, selectEverything } from "./select-everything.mjs";

const schemaWith = (heroTitle, textTitle) => buildSchema(`
  interface Node { id: ID! }
  interface Block { id: ID! }
  type Query { page(id: ID!): Page }
  type Page implements Node { id: ID!, slug: String!, blocks: [Block!]! }
  type HeroBlock implements Node & Block { id: ID!, title: ${heroTitle}, links: [Link!]!, page: Page!, sized(width: Int!): String }
  type TextBlock implements Node & Block { id: ID!, title: ${textTitle}, media: Media }
  type Link { label: String, children: [Link!]! }
  union Media = Picture | Film
  type Picture { url: String }
  type Film { url: String, seconds: Int }
`);

test("kinds that agree are accepted", () => {
  const schema = schemaWith("String", "String");
  assert.deepEqual(objections(schema, selectEverything(schema)), []);
});

test("two nullabilities of one field name are refused", () => {
  const schema = schemaWith("String!", "String");
  assert.match(objections(schema, selectEverything(schema)).join(), /"title" conflict/);
});

test("two types of one field name are refused", () => {
  const schema = schemaWith("[String!]", "String");
  assert.match(objections(schema, selectEverything(schema)).join(), /"title" conflict/);
});

test("items, unions, links in links and the leaves of entities are selected, required arguments are not", () => {
  const document = selectEverything(schemaWith("String", "String")).replace(/\s+/g, " ");
  for (const part of ["links { label children { label } }", "... on Film { url seconds }", "page { __typename id slug }"]) {
    assert.ok(document.includes(part), `${part} is not in ${document}`);
  }
  assert.ok(!document.includes("sized"));
});

test("a schema without blocks is an error, not a success", () => {
  assert.throws(() => selectEverything(buildSchema("interface Block { id: ID! } type Query { a: Int }")), /no type implements/);
});
