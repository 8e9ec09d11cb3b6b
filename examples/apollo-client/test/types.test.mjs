// graphql-codegen's client preset over every operation of examples/operations.graphql and every field of every block,
// and the compiler over what it wrote.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "graphql";
import { generate } from "../generate.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const schema = readFileSync(at("../../../schema.graphql"), "utf8");
const operations = readFileSync(at("../../operations.graphql"), "utf8");
const everything = execFileSync(process.execPath, [at("../../../tests/judges/select-everything.mjs"), at("../../../schema.graphql")], { encoding: "utf8" });

/** Generates types into a folder beside the kit, so that its packages are found, and compiles them with `use`. */
async function compile(t, use) {
  const folder = mkdtempSync(at("../build/types-"));
  t.after(() => rmSync(folder, { recursive: true }));
  await generate(schema, [["operations.graphql", operations], ["everything.graphql", everything]], folder);
  writeFileSync(join(folder, "use.ts"), use);
  const compilerOptions = { noEmit: true, rootDir: ".", allowImportingTsExtensions: true };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["*.ts"], exclude: [] }));
  return spawnSync(process.execPath, [at("../node_modules/typescript/bin/tsc"), "-p", folder], { encoding: "utf8" });
}

test("graphql-codegen's client preset and tsc accept every operation", async (t) => {
  const use = 'import type { SelectEverythingQuery } from "./graphql.ts";\nexport const slug = (all: SelectEverythingQuery) => all.page?.blocks.length;\n';
  const { status, stdout } = await compile(t, use);
  assert.equal(status, 0, stdout);
  const count = parse(operations).definitions.filter(({ kind }) => kind === "OperationDefinition").length + 1;
  t.diagnostic(`graphql-codegen: ${count} operations, tsc has no errors`);
});

test("tsc can refuse: a field that was not asked for", async (t) => {
  const use = 'import type { SelectEverythingQuery } from "./graphql.ts";\nexport const no = (all: SelectEverythingQuery) => all.page?.nothing;\n';
  const { status, stdout } = await compile(t, use);
  assert.notEqual(status, 0);
  assert.match(stdout, /Property 'nothing' does not exist/);
});
