// Finds the GraphQL documents that people copy from this repository: examples, the README's code blocks, and the tabs
// of the GraphiQL page. A document that our own schema refuses is a broken promise on the first day.
import { existsSync, readFileSync } from "node:fs";

// A code block, and the variables that may follow it.
const GRAPHQL_FENCE = /^```graphql\n([\s\S]*?)^```(?:\n+```json\n([\s\S]*?)^```)?/gm;
const QUERY_TEMPLATE = /\bquery: `([^`]*)`/g;

/** `[where, text, variables]` of every document below `root`, a file URL; the variables as JSON, where there are some. */
export function documents(root) {
  const read = (path) => {
    const file = new URL(path, root);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  const whole = (path) => (read(path).trim() ? [[path, read(path)]] : []);
  const parts = (path, pattern) =>
    [...read(path).matchAll(pattern)].map((match, index) => [`${path}, document ${index + 1}`, match[1], match[2]]);
  return [
    ...whole("examples/operations.graphql"),
    ...parts("README.md", GRAPHQL_FENCE),
    ...parts("assets/graphiql/explorer.js", QUERY_TEMPLATE),
  ];
}
