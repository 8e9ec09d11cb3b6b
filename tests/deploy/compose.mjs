// Reads docker-compose.yml as Compose does: anchors and merge keys, then ${NAME}, ${NAME:-default}, ${NAME:?message}
// and $$ in every text.

import { readFileSync } from "node:fs";

import { parse } from "yaml";

export const root = new URL("../../", import.meta.url);
export const text = (path) => readFileSync(new URL(path, root), "utf8");

const VARIABLE = /\$\$|\$\{(\w+)(?:(:[-?])((?:[^{}])*))?\}|\$(\w+)/g;

/** The file with its variables from `environment`; what is required and missing is an error, as in Compose. */
export function compose(environment) {
  const resolve = (value) => {
    if (typeof value === "string") {
      return value.replace(VARIABLE, (all, name, how, rest, bare) => {
        if (all === "$$") return "$";
        const given = environment[name ?? bare];
        if (given) return given;
        if (how === ":-") return rest;
        if (how === ":?") throw new Error(`${name}: ${rest}`);
        throw new Error(`${name ?? bare} is neither required nor given a default`);
      });
    }
    if (Array.isArray(value)) return value.map(resolve);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, value]) => [key, resolve(value)]));
    }
    return value;
  };
  return resolve(parse(text("docker-compose.yml"), { merge: true }));
}

/** Every variable of the file: its name, and what follows it. */
export function variables() {
  return [...text("docker-compose.yml").matchAll(VARIABLE)]
    .filter(([all]) => all !== "$$")
    .map(([, name, how, rest, bare]) => ({ name: name ?? bare, how, rest }));
}
