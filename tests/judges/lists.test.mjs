// Every list that can grow is a connection, and every connection keeps its word: found in schema.graphql, so that none
// is forgotten, and read from a running server. SCHEMA names another file.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { buildSchema, getNamedType, getNullableType, isAbstractType, isListType, isObjectType } from "graphql";
import { serve } from "./server.mjs";

const schema = buildSchema(readFileSync(process.env.SCHEMA ?? new URL("../../schema.graphql", import.meta.url), "utf8"));
const MOST = 100;
// More than fit into a slice.
const MADE = MOST + 5;

// Lists of entities that need no connection, because something bounds them.
const BOUNDED = {
  "Account.apiKeys": "the newest 100",
  "BuilderMetadata.audienceProfiles": "what a wizard shows at once",
  "BuilderMetadata.brandPersonalities": "what a wizard shows at once",
  "BuilderMetadata.businessTypes": "what a wizard shows at once",
  "BuilderMetadata.heroImageryDirections": "what a wizard shows at once",
  "BuilderMetadata.prices": "one a kind of start",
  "Brief.audienceProfiles": "10 go into a brief",
  "Brief.brandPersonalities": "10 go into a brief",
  "GenerationJob.children": "one a page: 12",
  "IdempotencyKeyReusedError.jobs": "what one start started",
  "JobSnapshot.blocks": "the blocks of one page",
  "PageBlueprint.blocks": "the sections of a plan",
  "Query.nodes": "100 ids",
  "Query.prompts": "one a function of the writer",
  "SiteBlueprint.pages": "12 pages",
  "StartJobsPayload.jobs": "what one start started",
};

// How a query reaches the types that have connections.
const WAYS = {
  Query: (field) => field,
  Account: (field) => `viewer { account { ${field} } }`,
  SiteBlueprint: (field) => `blueprint(id: $site) { ${field} }`,
  PromptTemplate: (field) => `prompts { ${field} }`,
};

// Connections of the operator, whom this server does not know; tests/it/operator.rs reads them.
const OPERATORS = ["Query.accounts"];
// Entries that no mutation returns as an edge.
const WITHOUT_EDGES = ["Account.auditEntries", "Account.creditEntries"];

const objects = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type) && !type.name.startsWith("__"));
const fields = objects.flatMap((type) => Object.values(type.getFields()).map((field) => ({ type, field, name: `${type.name}.${field.name}` })));
const connections = fields.filter(({ field }) => getNamedType(field.type).name.endsWith("Connection"));

test("every list of entities is a connection, or bounded by something", (t) => {
  const node = schema.getType("Node");
  const isEntity = (type) => {
    const possible = isAbstractType(type) ? schema.getPossibleTypes(type) : [type];
    return type === node || possible.some((one) => isObjectType(one) && one.getInterfaces().includes(node));
  };
  const lists = fields.filter(({ field }) => isListType(getNullableType(field.type)) && isEntity(getNamedType(field.type)));
  const names = lists.map(({ name }) => name).sort();
  assert.deepEqual(names, Object.keys(BOUNDED).sort(), "a list without a bound is a connection; a bound is named in BOUNDED");
  t.diagnostic(`lists: ${connections.length} connections, ${names.length} bounded lists`);
});

test("every edge that a mutation returns is an edge of a connection", () => {
  const edges = new Set(connections.map(({ field }) => getNamedType(getNamedType(field.type).getFields().edges.type)));
  const returned = fields.filter(({ type, field }) => type.name.endsWith("Payload") && getNamedType(field.type).name.endsWith("Edge"));
  assert.ok(returned.length > 0);
  for (const { name, field } of returned) assert.ok(edges.has(getNamedType(field.type)), name);
});

test("every payload leads back to the query", () => {
  const payloads = objects.filter(({ name }) => name.endsWith("Payload"));
  for (const type of payloads) assert.equal(String(type.getFields().query?.type), "Query!", type.name);
});

test("connections keep their word", async (t) => {
  const server = await serve(t, {
    SITEWRIGHT_CREDITS__INITIAL: "100000",
    SITEWRIGHT_JOBS__CONCURRENCY: "0",
  });
  const list = new Lists(server);
  await list.fill();

  for (const { type, field, name } of connections.filter(({ name }) => !OPERATORS.includes(name))) {
    assert.ok(WAYS[type.name], `WAYS does not say how to reach ${name}`);
    const read = (args) => list.read(type, field, args);
    await t.test(`${name} refuses what is no slice`, async () => {
      for (const args of ["first: -1", "last: -1", "first: 1, last: 1", 'after: "nonsense"', 'first: 2, before: ""']) {
        const { errors } = await list.ask(type, field, args);
        assert.equal(errors?.[0].extensions.code, "BAD_USER_INPUT", args);
      }
    });
    await t.test(`${name} holds at most ${MOST} entries in a slice`, async () => {
      for (const way of ["first", "last"]) {
        const { errors } = await list.ask(type, field, `${way}: ${MOST + 1}`);
        assert.equal(errors?.[0].extensions.code, "BAD_USER_INPUT", "more is refused, not cut");
        const { edges, pageInfo } = await read(`${way}: ${MOST}`);
        assert.equal(edges.length, MOST);
        assert.equal(pageInfo[way === "first" ? "hasNextPage" : "hasPreviousPage"], true);
      }
      assert.equal((await read("first: 0")).edges.length, 0);
      assert.equal((await read("first: null, last: null")).edges.length, 20);
    });
    await t.test(`${name} has the same order both ways, while it grows`, async () => {
      const [whole, small, back] = [await list.forward(read, MOST), await list.forward(read, 13), await list.backward(read, 13)];
      assert.ok(whole.length >= MADE);
      assert.equal(new Set(whole).size, whole.length);
      assert.deepEqual(small, whole);
      assert.deepEqual(back, whole);
      // What is added meanwhile stands before the first slice: nothing is told twice, nothing is left out.
      let added;
      const grown = await list.forward(read, 40, async () => (added = await list.add(name)));
      assert.deepEqual(grown, whole);
      // The edge that a mutation returns is the one that the list has.
      const [newest] = (await read("first: 1")).edges;
      if (!WITHOUT_EDGES.includes(name)) assert.deepEqual(newest, added);
    });
  }
});

/** The lists of one server. */
class Lists {
  #server;
  #site;
  #made = 0;

  constructor(server) {
    this.#server = server;
  }

  /** Makes more of everything than fits into a slice. */
  async fill() {
    this.#site = (await this.#addSite()).node.id;
    for (let number = 0; number < MADE; number++) {
      await this.#addSite();
      await this.#addKey();
      await this.#addJob();
      await this.#addPrompt();
    }
  }

  /** Adds an entry to a list; the answer is the edge that the mutation returned. */
  add(name) {
    if (name === "Query.blueprints") return this.#addSite();
    if (name === "Account.allApiKeys") return this.#addKey();
    if (name === "PromptTemplate.versions") return this.#addPrompt();
    return this.#addJob();
  }

  ask({ name }, { name: field }, args) {
    const list = `${field}(${args}) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`;
    const variables = name === "SiteBlueprint" ? "($site: ID!)" : "";
    return this.#server.ask(`query${variables} { ${WAYS[name](list)} }`, { site: this.#site });
  }

  async read(type, field, args) {
    const { data, errors } = await this.ask(type, field, args);
    assert.equal(errors, undefined, args);
    const parent = { Query: data, Account: data.viewer?.account, SiteBlueprint: data.blueprint, PromptTemplate: data.prompts?.[0] }[type.name];
    return parent[field.name];
  }

  /** The ids of a whole list, read from its start; `between` runs after the first slice. */
  async forward(read, size, between = () => {}) {
    let slice = await read(`first: ${size}`);
    const ids = slice.edges.map(({ node }) => node.id);
    await between();
    while (slice.pageInfo.hasNextPage) {
      assert.equal(slice.pageInfo.endCursor, slice.edges.at(-1).cursor);
      slice = await read(`first: ${size}, after: "${slice.pageInfo.endCursor}"`);
      ids.push(...slice.edges.map(({ node }) => node.id));
    }
    return ids;
  }

  /** The same, read from its end. */
  async backward(read, size) {
    let slice = await read(`last: ${size}`);
    const ids = slice.edges.map(({ node }) => node.id);
    while (slice.pageInfo.hasPreviousPage) {
      slice = await read(`last: ${size}, before: "${slice.pageInfo.startCursor}"`);
      ids.unshift(...slice.edges.map(({ node }) => node.id));
    }
    return ids;
  }

  async #addSite() {
    const mutation = "mutation($input: CreateBlueprintInput!) { createBlueprint(input: $input) { blueprintEdge { cursor node { id } } } }";
    const input = { name: `Site ${this.#made++}`, brief: { businessName: "Lists", summary: "A shop for lists." } };
    const { createBlueprint } = await this.#server.data(mutation, { input });
    return createBlueprint.blueprintEdge;
  }

  async #addKey() {
    const mutation = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKeyEdge { cursor node { id } } } }";
    const { createApiKey } = await this.#server.data(mutation, { input: { name: `Key ${this.#made++}` } });
    // An account has a hundred that can be used; revoked ones stay on the list.
    const revoke = "mutation($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { apiKey { revokedAt } } }";
    await this.#server.data(revoke, { input: { id: createApiKey.apiKeyEdge.node.id } });
    return createApiKey.apiKeyEdge;
  }

  /** A version of the first prompt. */
  async #addPrompt() {
    const mutation = "mutation($input: SavePromptTemplateInput!) { savePromptTemplate(input: $input) { promptVersionEdge { cursor node { id } } } }";
    const input = { function: "structure", system: `You plan. ${this.#made++}`, user: "{{max_pages}} pages for {{brief}}" };
    const { savePromptTemplate } = await this.#server.data(mutation, { input });
    return savePromptTemplate.promptVersionEdge;
  }

  /** A job of the one site, cancelled at once so that the next can start. */
  async #addJob() {
    const start = "mutation($input: GenerateStructureInput!) { generateStructure(input: $input) { jobEdge { cursor node { id } } } }";
    const input = { blueprintId: this.#site, idempotencyKey: `job-${this.#made++}` };
    const { generateStructure } = await this.#server.data(start, { input });
    const jobId = generateStructure.jobEdge.node.id;
    const cancel = "mutation($input: CancelJobInput!) { cancelJob(input: $input) { job { state } } }";
    assert.equal((await this.#server.data(cancel, { input: { jobId } })).cancelJob.job.state, "CANCELLED");
    return generateStructure.jobEdge;
  }
}
