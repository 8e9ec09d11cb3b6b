// Builds the query that every site builder writes first, all fields of all block kinds, and asks graphql-js whether it
// is valid. It is not when one field name has two types or nullabilities among the kinds, and async-graphql does not
// notice. Run it as `node select-everything.mjs SCHEMA.graphql`: it prints the query, or the conflicts and exits with 1.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import {
  buildSchema, getNamedType, isInterfaceType, isLeafType, isObjectType, isRequiredArgument, isUnionType, parse, print,
  validate,
} from "graphql";

// How deep objects within a block may nest (an item, its action, …) before the walk is taken for endless.
const DEEPEST = 8;

/** The document that selects everything of every type that implements `interfaceName`. */
export function selectEverything(schema, interfaceName = "Block") {
  const abstract = schema.getType(interfaceName);
  if (!isInterfaceType(abstract)) throw new Error(`the schema has no interface ${interfaceName}`);
  const kinds = [...schema.getPossibleTypes(abstract)].sort((a, b) => a.name.localeCompare(b.name));
  if (kinds.length === 0) throw new Error(`no type implements ${interfaceName}`);
  const fragments = kinds.map((kind) => `... on ${kind.name} { ${fields(schema, kind, [kind.name])} }`);
  return print(parse(`query SelectEverything($id: ID!) { page(id: $id) { blocks { __typename ${fragments.join(" ")} } } }`));
}

/** What graphql-js has against a document, as sentences with their places. */
export function objections(schema, document) {
  return validate(schema, parse(document), undefined, { maxErrors: 1000 }).map(({ message, locations }) => {
    const places = (locations ?? []).map(({ line, column }) => `${line}:${column}`).join(", ");
    return `${message} (${places})`;
  });
}

/** A selection of all fields of `type`, without its braces. `path` holds the object types around it. */
function fields(schema, type, path) {
  const selected = Object.values(type.getFields()).flatMap((field) => {
    if (field.args.some(isRequiredArgument)) return [];
    const inner = getNamedType(field.type);
    if (isLeafType(inner)) return [field.name];
    // An entity (page, blueprint, job) leads out of the block: one level of its leaves proves that its type agrees.
    const body = composite(schema, inner, path);
    return body ? [`${field.name} { ${body} }`] : [];
  });
  return selected.join(" ") || "__typename";
}

/** A selection within a field of an object, interface or union type; empty where it would go in circles. */
function composite(schema, type, path) {
  if (isEntity(schema, type)) return leaves(type);
  if (path.length > DEEPEST) throw new Error(`objects nest deeper than ${DEEPEST}: ${path.join(" > ")}`);
  if (isObjectType(type)) {
    // A type within itself (links have children) is followed once.
    if (path.filter((name) => name === type.name).length > 1) return "";
    return fields(schema, type, [...path, type.name]);
  }
  const members = schema.getPossibleTypes(type).map(
    (member) => `... on ${member.name} { ${composite(schema, member, path) || "__typename"} }`,
  );
  return `__typename ${members.join(" ")}`;
}

function leaves(type) {
  const named = Object.values(type.getFields()).filter((field) => {
    return isLeafType(getNamedType(field.type)) && !field.args.some(isRequiredArgument);
  });
  return ["__typename", ...named.map(({ name }) => name)].join(" ");
}

function isEntity(schema, type) {
  const node = schema.getType("Node");
  return isInterfaceType(node) && !isUnionType(type) && (type === node || type.getInterfaces().includes(node));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (!process.argv[2]) {
    console.error("usage: node select-everything.mjs SCHEMA.graphql");
    process.exit(2);
  }
  const schema = buildSchema(readFileSync(process.argv[2], "utf8"));
  const document = selectEverything(schema);
  const against = objections(schema, document);
  if (against.length > 0) {
    console.error(`graphql-js refuses the query that selects every field of every block kind:\n${against.join("\n")}`);
    process.exit(1);
  }
  console.log(document);
}
