// What @graphql-eslint says about schema.graphql: its presets schema-recommended and schema-relay, whole, with the
// exceptions below. SCHEMA names another file.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import graphqlEslint from "@graphql-eslint/eslint-plugin";
import { ESLint } from "eslint";
import { buildSchema, isObjectType } from "graphql";

const file = process.env.SCHEMA ?? fileURLToPath(new URL("../../schema.graphql", import.meta.url));
const text = readFileSync(file, "utf8");
const configs = graphqlEslint.configs;

/** The messages of one preset, with `changed` rules, on a schema. */
async function lint(schema, preset, changed = {}) {
  const eslint = new ESLint({
    overrideConfigFile: true,
    overrideConfig: [{
      files: ["**/*.graphql"],
      plugins: { "@graphql-eslint": graphqlEslint },
      languageOptions: { parser: graphqlEslint.parser, parserOptions: { graphQLConfig: { schema } } },
      rules: { ...configs[preset].rules, ...changed },
    }],
  });
  const [{ messages }] = await eslint.lintText(schema, { filePath: "schema.graphql" });
  return messages.map(({ line, ruleId, message }) => `${line}: ${message} (${ruleId})`);
}

// Parts of something that has an id: they have no life, and no place in a client's cache, of their own.
const VALUES = [
  "Action", "Brief", "BuilderMetadata", "FaqItem", "FeatureItem", "Fonts", "GalleryItem", "Image", "JobFailure", "Link",
  "LogoItem", "ModelUsage", "ModelUsageDay", "Navigation", "OpenText", "OpeningHours", "PageInfo", "Palette", "PlannedPage", "PlannedSection",
  "PricingPlan", "ProductItem", "PromptVariable", "QualityFinding", "QualityReport", "Quote", "QuoteItem", "Seo",
  "SiteStructure", "StatItem", "StepItem", "Style", "SystemCheck", "SystemStatus", "TeamMember", "TestimonialItem", "Theme", "TimelineEvent",
  "TokenUsage", "Viewer",
];
// What passes by: it happens, and is told.
const PASSING = ["UserError", "JobEvent", "BlueprintEvent", "AccountEvent"];

/** The types that rightly have no id, beside payloads, connections and edges. */
function withoutId(schema) {
  const passing = PASSING.flatMap((name) => schema.getPossibleTypes(schema.getType(name)).map((type) => type.name));
  return { types: [...new Set([...VALUES, ...passing])], suffixes: ["Payload", "Connection", "Edge"] };
}

/** Fails with what the lint says; otherwise one line says what it read. */
async function accepts(t, schema, preset, changed) {
  assert.deepEqual(await lint(schema, `flat/${preset}`, changed), []);
  const types = Object.keys(buildSchema(schema).getTypeMap()).filter((name) => !name.startsWith("__")).length;
  t.diagnostic(`${preset}: no errors in ${types} types`);
}

test("@graphql-eslint's schema-recommended has nothing to say", async (t) => {
  const exceptions = withoutId(buildSchema(text));
  await accepts(t, text, "schema-recommended", { "@graphql-eslint/strict-id-in-types": ["error", { exceptions }] });
});

// Lists of a bounded length need no connection: lists.test.mjs says which, and why.
const RELAY = { "@graphql-eslint/relay-edge-types": ["error", { listTypeCanWrapOnlyEdgeType: false }] };

test("@graphql-eslint's schema-relay has nothing to say", async (t) => {
  await accepts(t, text, "schema-relay", RELAY);
});

test("every value type that needs no id exists", () => {
  const schema = buildSchema(text);
  assert.deepEqual(VALUES.filter((name) => !isObjectType(schema.getType(name))), []);
});

test("the lint can fail: a type without a description or an id, and a list that pages one way only, are seen", async () => {
  const schema = `
    """It."""
    type Query {
      """Them."""
      all(first: Int, after: String): ThingConnection
    }
    type ThingConnection { edges: [ThingEdge], pageInfo: PageInfo! }
    type ThingEdge { node: Thing, cursor: String! }
    type Thing { name: String }
    type PageInfo { hasNextPage: Boolean! }`;
  const recommended = (await lint(schema, "flat/schema-recommended")).join("\n");
  assert.match(recommended, /Description is required for type "Thing"/);
  assert.match(recommended, /type "Thing" must have exactly one non-nullable unique identifier/);
  const relay = (await lint(schema, "flat/schema-relay", RELAY)).join("\n");
  assert.match(relay, /Field `all` must contain an argument `last`/);
});
