// The values of the mirror, for graphql-js: what schema.rs computes, by the same arithmetic.
import { execute, getVariableValues, parse, subscribe, validate } from "graphql";

const bytes = new TextEncoder();

function mix(n, text) {
  let hash = 0x811c9dc5;
  for (const byte of bytes.encode(`${n}.${text}`)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function maybe(seed, make) {
  if (seed % 11 === 0) throw new Error("boom");
  return seed % 7 === 0 ? null : make(seed);
}

function sure(seed, make) {
  if (seed % 3 === 0) throw new Error("boom");
  return make(seed);
}

const items = (seed, count, make) =>
  Array.from({ length: Math.min(Math.max(count, 0), 5) }, (_, at) => make(mix(seed, String(at))));
const of = (type) => (n) => ({ __typename: type, n });
const int = (seed) => seed % 1000;
const text = (seed) => `s${seed}`;
const thing = (seed) => of(["Person", "Robot", "Rock"][seed % 3])(seed);
const named = (seed) => of(["Person", "Robot"][seed % 2])(seed);
const [Person, Robot] = [of("Person"), of("Robot")];
const show = (value) => (value == null ? "null" : Array.isArray(value) ? value.join("|") : String(value));
const showFilter = (filter) =>
  filter == null
    ? "null"
    : `(${filter.min} ${show(filter.max)} ${show(filter.moods)} ${showFilter(filter.nested)} ${filter.tag})`;
const showPick = (pick) => (pick == null ? "null" : Object.entries(pick).map(([key, value]) => `${key}:${value}`).join());

const node = {
  name: ({ n }) => maybe(mix(n, "name"), text),
  peer: ({ n }) => maybe(mix(n, "peer"), thing),
};
const risky = ({ n }) => sure(mix(n, "risky"), int);
const label = ({ n }, { size }) => text(mix(n, `label(${size})`));

const resolvers = {
  Person: {
    ...node,
    label,
    risky,
    id: ({ n }) => `p${n}`,
    age: ({ n }) => maybe(mix(n, "age"), int),
    score: ({ n }) => int(mix(n, "score")) / 4,
    mood: ({ n }) => ["CALM", "BUSY", "ANGRY"][mix(n, "mood") % 3],
    best: ({ n }) => maybe(mix(n, "best"), Person),
    friends: ({ n }, { first }) => items(mix(n, `friends(${first})`), first, Person),
    pets: ({ n }) =>
      maybe(mix(n, "pets"), (seed) => items(seed, seed % 4, (pet) => (pet % 5 === 0 ? null : Robot(pet)))),
    things: ({ n }) =>
      maybe(mix(n, "things"), (seed) =>
        items(seed, seed % 4, (row) => (row % 5 === 0 ? null : items(row, row % 3, thing)))),
  },
  Robot: {
    ...node,
    label,
    risky,
    id: ({ n }) => `r${n}`,
    owner: ({ n }) => maybe(mix(n, "owner"), named),
    age: ({ n }) => maybe(mix(n, "age"), text),
  },
  Rock: { ...node, id: ({ n }) => `k${n}`, weight: ({ n }) => sure(mix(n, "weight"), int) },
  Query: {
    me: () => Person(mix(1, "me")),
    person: (_, { n }) => maybe(mix(1, `person(${n})`), Person),
    node: (_, { id }) => maybe(mix(1, `node(${id})`), thing),
    named: (_, { n }) => maybe(mix(1, `named(${show(n)})`), named),
    things: (_, { first, filter }) => items(mix(1, `things(${first} ${showFilter(filter)})`), first, thing),
    echo: (_, { text, list, mood, extra, ratio, filter, pick }) =>
      [text, list, mood].map(show).concat(
        extra === undefined ? "-" : show(extra), show(ratio), showFilter(filter), showPick(pick),
      ).join(" "),
    fragile: (_, { n }) => sure(mix(1, `fragile(${n})`), Person),
  },
  Mutation: {
    bump: (_, { by }, counted) => of("Counter")((counted.value += Math.min(by, 9))),
  },
  Counter: { value: ({ n }) => n, by: ({ n }) => maybe(mix(n, "by"), Person), risky },
  Tick: { at: ({ n }) => n, person: ({ n }) => maybe(mix(n, "person"), Person), risky },
};

const streams = {
  ticks: ({ count }) => Array.from({ length: Math.min(count, 5) }, (_, at) => of("Tick")(at)),
  maybeTicks: ({ count }) => Array.from({ length: Math.min(count, 5) }, (_, at) => (at === 1 ? null : of("Tick")(at))),
};

const fieldResolver = (source, args, context, info) => {
  // An event of a subscription is the value of its root field.
  if (info.parentType.name === "Subscription") return source.event;
  return resolvers[info.parentType.name][info.fieldName](source, args, context);
};

async function* events(field, args) {
  for (const event of streams[field](args)) yield { event };
}

/** What graphql-js answers: its responses, or that it refuses the request. */
export async function reference(schema, { query, operationName, variables }) {
  let document;
  try {
    document = parse(query);
  } catch (error) {
    return { refused: [error] };
  }
  const errors = validate(schema, document, undefined, { maxErrors: 5 });
  if (errors.length > 0) return { refused: errors };
  const given = { schema, document, operationName, variableValues: variables, rootValue: {}, contextValue: { value: 0 }, fieldResolver };
  const operations = document.definitions.filter(({ kind }) => kind === "OperationDefinition");
  const operation = operations.find(({ name }) => !operationName || name?.value === operationName);
  const coerced = operation && getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {});
  if (!operation || (!operationName && operations.length > 1) || coerced.errors) return { refused: coerced?.errors ?? [] };
  if (operation.operation !== "subscription") return { responses: [await execute(given)] };
  const subscribeFieldResolver = (_, args, __, info) => events(info.fieldName, args);
  const stream = await subscribe({ ...given, subscribeFieldResolver });
  // No stream was made: the transports send that as an event without data.
  if (!stream[Symbol.asyncIterator]) return { responses: [{ data: null, errors: stream.errors }] };
  const responses = [];
  for await (const response of stream) responses.push(response);
  return { responses };
}
