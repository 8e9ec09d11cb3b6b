// Generates the types of every graphql(`…`) document in src/, with graphql-codegen's client preset, and possibleTypes:
// `node generate.mjs SCHEMA.graphql`. @graphql-codegen/cli does the same from a configuration; this needs a quarter of
// its packages.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import { buildSchema, isAbstractType, parse } from "graphql";

const CONFIG = {
  scalars: { Cursor: "string", DateTime: "string" },
  strictScalars: true,
  useTypeImports: true,
  enumsAsTypes: true,
  importExtension: ".ts",
};

/** Writes the types of `documents`, `[name, text]` each, into `folder`. */
export async function generate(schemaText, documents, folder) {
  const schemaAst = buildSchema(schemaText);
  const sources = documents.map(([location, rawSDL]) => ({ location, rawSDL, document: parse(rawSDL) }));
  const files = await preset.buildGeneratesSection({
    baseOutputDir: `${folder}/`,
    schema: parse(schemaText),
    schemaAst,
    documents: sources,
    config: CONFIG,
    presetConfig: { fragmentMasking: false },
    plugins: [],
    pluginMap: {},
  });
  mkdirSync(folder, { recursive: true });
  for (const file of files) {
    const text = await codegen({ schemaAst, ...file });
    writeFileSync(join(folder, basename(file.filename)), text);
  }
  writeFileSync(join(folder, "possible-types.ts"), possibleTypes(schemaAst));
}

/** What Apollo's cache must know to match fragments on interfaces. */
function possibleTypes(schema) {
  const abstract = Object.values(schema.getTypeMap()).filter(isAbstractType);
  const names = abstract.map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)]);
  return `export const possibleTypes: Record<string, string[]> = ${JSON.stringify(Object.fromEntries(names), null, 2)};\n`;
}

/** The documents in the sources of `folder`. */
function written(folder) {
  const files = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  return files.flatMap((name) =>
    [...readFileSync(join(folder, name), "utf8").matchAll(/\bgraphql\(`([^`]*)`\)/g)].map(([, text]) => [name, text]),
  );
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const source = fileURLToPath(new URL("src", import.meta.url));
  await generate(readFileSync(process.argv[2], "utf8"), written(source), join(source, "generated"));
}
