// The contract that clients were promised: contract.graphql, the schema without its descriptions. A release that adds to
// it writes it anew, as `node contract.mjs`; one that takes something away needs a reason, and a major version.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { buildSchema, findBreakingChanges, lexicographicSortSchema, parse, print, printSchema, visit } from "graphql";

const schemaFile = new URL("../../schema.graphql", import.meta.url);
const contractFile = new URL("contract.graphql", import.meta.url);

/** A schema in one order and without descriptions. */
export function bare(text) {
  const sorted = printSchema(lexicographicSortSchema(buildSchema(text)));
  return print(visit(parse(sorted), { enter: (node) => ("description" in node ? { ...node, description: undefined } : undefined) }));
}

/** What a client that was written for `before` may stumble over in `after`, as sentences. */
export function breaks(before, after) {
  return findBreakingChanges(buildSchema(before), buildSchema(after)).map(({ description }) => description);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const schema = readFileSync(schemaFile, "utf8");
  const against = breaks(readFileSync(contractFile, "utf8"), schema);
  if (against.length > 0 && !process.argv.includes("--break")) {
    console.error(`This breaks clients; --break says that it is meant to:\n${against.join("\n")}`);
    process.exit(1);
  }
  writeFileSync(contractFile, `${bare(schema)}\n`);
}
