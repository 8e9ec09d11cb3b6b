// Our endpoint against the reference implementation: the same schema and the same values behind both, thousands of
// operations made by chance, and the same data, in the same order, with errors at the same paths. Then each cure of the
// layer is switched off, and the comparison has to notice. SEED and OPERATIONS change what is made and how much.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildSchema } from "graphql";
import { generate, randomFrom } from "./mirror/generate.mjs";
import { reference } from "./mirror/mirror.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const binary = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug", "examples", "mirror");
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
const OPERATIONS = Number(process.env.OPERATIONS ?? 3_000);
const CURES = {
  2: "fields selected twice are merged",
  3: "an error nulls its own field",
  4: "paths go into lists",
  5: "variables that must have a value are asked for",
  6: "conditions know the defaults of variables",
  7: "omitted variables leave arguments to their defaults",
  8: "fields in conflict are refused",
  9: "a subscription's root may be a fragment, and has one field",
};

const schema = buildSchema(execFileSync(binary, ["sdl"], { encoding: "utf8" }));

/** Asks the mirror, one request at a time. */
class Mirror {
  #child;
  #lines;

  constructor(environment = {}) {
    this.#child = spawn(binary, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...environment } });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(request) {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the mirror ended at ${JSON.stringify(request)}`);
    return JSON.parse(value);
  }

  async end() {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, "exit");
  }
}

/** What is compared: whether it was refused; else data with its order, and the places of errors. */
function essence({ refused, responses }) {
  if (refused) return "refused";
  const paths = (errors = []) => errors.map(({ path }) => JSON.stringify(path)).sort();
  return JSON.stringify(responses.map(({ data, errors }) => ({ data, errors: paths(errors) })), null, 1);
}

/** The first operation that is answered differently, and how many were made until then. */
async function firstDifference(environment, count) {
  const mirror = new Mirror(environment);
  const random = randomFrom(SEED);
  const seen = { refused: 0, errors: 0 };
  try {
    for (let made = 0; made < count; made += 1) {
      const request = generate(schema, random);
      const ours = await mirror.ask(request);
      const theirs = await reference(schema, request);
      const [own, other] = [essence(ours), essence(JSON.parse(JSON.stringify(theirs)))];
      if (own !== other) return { made, request, own, other, ours, theirs, seen };
      seen.refused += own === "refused";
      seen.errors += own.includes('"errors": [\n');
    }
    return { seen };
  } finally {
    await mirror.end();
  }
}

test(`${OPERATIONS} operations of seed ${SEED} are answered as graphql-js answers them`, async (t) => {
  const { request, own, other, ours, theirs, seen } = await firstDifference({}, OPERATIONS);
  if (request) {
    const why = JSON.stringify((ours.refused ?? theirs.refused)?.map(({ message }) => message));
    assert.fail(`SEED=${SEED}\n${request.query}\n${JSON.stringify(request.variables)}\nours: ${own}\ngraphql-js: ${other}\n${why}`);
  }
  t.diagnostic(`${seen.refused} of them were refused by both, ${seen.errors} had errors in both`);
  assert.ok(seen.refused < OPERATIONS / 2 && seen.errors > OPERATIONS / 50, "the operations are not worth comparing");
});

for (const [number, what] of Object.entries(CURES)) {
  test(`without cure ${number} (${what}) a difference is found`, async (t) => {
    const { made, request } = await firstDifference({ SITEWRIGHT_WITHOUT_CURE: number }, OPERATIONS);
    assert.ok(request, `SEED=${SEED}: no operation shows that the cure is needed`);
    t.diagnostic(`found after ${made} operations`);
  });
}
