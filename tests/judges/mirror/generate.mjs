// Operations by chance: mostly valid, with fields selected twice, fragments over overlapping types, conditions, and
// variables that are left out, null or wrong. The same seed makes the same operations.
import {
  getNamedType, getNullableType, isAbstractType, isEnumType, isInputObjectType, isLeafType, isListType, isNonNullType,
} from "graphql";

/** A generator of numbers below `n`, from a seed. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

/** One request over `schema`. */
export function generate(schema, random) {
  return new Generator(schema, random).request();
}

class Generator {
  #schema;
  #random;
  #variables = [];
  #values = {};
  #fragments = [];
  // The arguments that go with a response key: mostly the same ones, so that fields can be merged.
  #arguments = new Map();

  constructor(schema, random) {
    this.#schema = schema;
    this.#random = random;
  }

  request() {
    const kind = this.#pick(["query", "query", "query", "query", "query", "query", "mutation", "subscription"]);
    const root = { query: "Query", mutation: "Mutation", subscription: "Subscription" }[kind];
    const type = this.#schema.getType(root);
    const selection = kind === "subscription" ? this.#subscription(type) : this.#selection(type, 4);
    const name = this.#chance(30) ? "Main" : "";
    const declared = this.#variables.map(({ text }) => text).join(", ");
    const main = `${kind} ${name}${declared && `(${declared})`} ${selection}`;
    const fragments = this.#fragments.map(({ text }) => text).join(" ");
    const others = name && this.#chance(30) ? " query Other { me { id } }" : "";
    let query = `${main} ${fragments}${others}`;
    if (this.#chance(3)) query = this.#broken(query);
    const operationName = name && (others || this.#chance(50)) ? "Main" : undefined;
    return { query, operationName, variables: this.#values };
  }

  #chance(percent) {
    return this.#random(100) < percent;
  }

  #pick(from) {
    return from[this.#random(from.length)];
  }

  #broken(query) {
    // A default without its sign would be a description of the next variable, which graphql-js reads and nobody else.
    const words = query.split(" ");
    const at = this.#random(words.length);
    return words.filter((word, index) => index !== at || word === "=").join(" ");
  }

  // Without conditions: the specification forbids them here, and this graphql-js does not.
  #subscription(type) {
    const fields = Object.values(type.getFields());
    const one = () => this.#field(type, this.#pick(fields), 3, false);
    const field = one();
    const selected = this.#chance(10) ? `${field} ${one()}` : this.#chance(10) ? `${field} ${field}` : field;
    if (this.#chance(15)) return `{ ... { ${selected} } }`;
    if (this.#chance(15)) return `{ ... on Subscription { ${selected} } }`;
    if (this.#chance(25)) {
      this.#fragments.push({ name: "Root", type, text: `fragment Root on Subscription { ${selected} }` });
      return "{ ...Root }";
    }
    return `{ ${selected} }`;
  }

  #selection(type, depth) {
    const count = 1 + this.#random(depth > 2 ? 5 : 3);
    const items = Array.from({ length: count }, () => this.#item(type, depth));
    return `{ ${items.join(" ")} }`;
  }

  #item(type, depth) {
    const fields = isAbstractType(type) && !type.getFields ? [] : Object.values(type.getFields());
    const roll = this.#random(100);
    if (roll < 8 || (fields.length === 0 && roll < 30)) return this.#chance(20) ? "kind: __typename" : "__typename";
    if (depth > 1 && (roll < 32 || fields.length === 0 || (isAbstractType(type) && roll < 60))) return this.#fragment(type, depth);
    if (fields.length === 0) return "__typename";
    const usable = depth > 1 ? fields : fields.filter((field) => isLeafType(getNamedType(field.type)));
    return usable.length > 0 ? this.#field(type, this.#pick(usable), depth) : "__typename";
  }

  #fragment(type, depth) {
    const spread = this.#fragments.filter((fragment) => this.#overlap(fragment.type, type));
    if (spread.length > 0 && this.#chance(35)) return `...${this.#pick(spread).name} ${this.#maybeCondition()}`;
    if (this.#chance(15)) return `... ${this.#maybeCondition()} ${this.#selection(type, depth - 1)}`;
    const types = Object.values(this.#schema.getTypeMap()).filter(
      (other) => !other.name.startsWith("__") && (isAbstractType(other) || other.getInterfaces) && this.#overlap(other, type),
    );
    const on = this.#pick(types);
    const selection = this.#selection(on, depth - 1);
    if (this.#chance(60)) return `... on ${on.name} ${this.#maybeCondition()} ${selection}`;
    const name = `F${this.#fragments.length}`;
    this.#fragments.push({ name, type: on, text: `fragment ${name} on ${on.name} ${selection}` });
    return `...${name} ${this.#maybeCondition()}`;
  }

  #overlap(one, other) {
    const possible = (type) => (isAbstractType(type) ? this.#schema.getPossibleTypes(type) : [type]);
    return possible(one).some((type) => possible(other).includes(type));
  }

  #field(parent, field, depth, mayHaveCondition = true) {
    const inner = getNamedType(field.type);
    // One name has two types among the kinds of things: select it under two keys, nearly always.
    const clashes = field.name === "age" && !this.#chance(3);
    const alias = clashes ? `${parent.name}Age` : this.#chance(12) ? `${field.name}${this.#random(2)}` : "";
    const key = alias || field.name;
    const known = this.#arguments.get(key);
    const fresh = known === undefined || this.#chance(2);
    const given = fresh ? this.#argumentsOf(field) : known;
    this.#arguments.set(key, given);
    const below = isLeafType(inner) ? "" : this.#selection(inner, Math.max(depth - 1, 0));
    const condition = mayHaveCondition ? this.#maybeCondition() : "";
    return `${alias ? `${alias}: ` : ""}${field.name}${given} ${condition} ${below}`;
  }

  #maybeCondition() {
    return this.#chance(8) ? this.#condition() : "";
  }

  #condition() {
    const value = this.#chance(40) ? this.#pick(["true", "false"]) : this.#conditionVariable();
    return `@${this.#pick(["skip", "include"])}(if: ${value})`;
  }

  #conditionVariable() {
    const name = `v${this.#variables.length}`;
    const preset = this.#chance(70) ? ` = ${this.#pick(["true", "false"])}` : "";
    const type = preset && this.#chance(30) ? "Boolean" : "Boolean!";
    this.#variables.push({ text: `$${name}: ${type}${preset}` });
    // Null for a nullable variable is an error of a field in graphql-js, at the root without a path; here of the request.
    const mayBeNull = type === "Boolean!" && this.#chance(3);
    if (!preset || this.#chance(30)) this.#values[name] = mayBeNull ? null : this.#chance(50);
    return `$${name}`;
  }

  #argumentsOf(field) {
    const given = [];
    for (const argument of field.args) {
      const isNeeded = isNonNullType(argument.type) && argument.defaultValue === undefined;
      if (!isNeeded && this.#chance(45)) continue;
      const value = this.#chance(45) ? this.#variable(argument) : this.#literal(argument.type);
      given.push(`${argument.name}: ${value}`);
    }
    return given.length > 0 ? `(${given.join(", ")})` : "";
  }

  #variable(argument) {
    const name = `v${this.#variables.length}`;
    const nullable = getNullableType(argument.type);
    const isPreset = this.#chance(25);
    const mayBeNullable = !isNonNullType(argument.type) || argument.defaultValue !== undefined || isPreset;
    const isNullable = (mayBeNullable && this.#chance(75)) || this.#chance(2);
    const preset = isPreset ? ` = ${this.#constant(nullable)}` : "";
    this.#variables.push({ text: `$${name}: ${nullable}${isNullable ? "" : "!"}${preset}` });
    const mayBeLeftOut = isNullable || isPreset;
    if (mayBeLeftOut ? this.#chance(55) : !this.#chance(3)) {
      this.#values[name] = this.#chance(isNullable ? 15 : 2) ? null : this.#json(nullable);
    }
    return `$${name}`;
  }

  #constant(type) {
    return this.#written(this.#json(type), type);
  }

  #literal(type) {
    if (!isNonNullType(type) && this.#chance(12)) return "null";
    return this.#constant(getNullableType(type));
  }

  #written(value, type) {
    if (value === null) return "null";
    const nullable = getNullableType(type);
    if (isListType(nullable) && Array.isArray(value)) {
      return `[${value.map((item) => this.#written(item, nullable.ofType)).join(", ")}]`;
    }
    const named = getNamedType(nullable);
    if (isEnumType(named) && typeof value === "string") return value;
    if (isInputObjectType(named) && typeof value === "object") {
      const fields = Object.entries(value).map(([name, inner]) => {
        const field = named.getFields()[name];
        return `${name}: ${field ? this.#written(inner, field.type) : JSON.stringify(inner)}`;
      });
      return `{ ${fields.join(", ")} }`;
    }
    return JSON.stringify(value);
  }

  // A value of a type, as JSON; now and then one of another type.
  #json(type, depth = 2) {
    const nullable = getNullableType(type);
    if (this.#chance(1)) return this.#pick(["wrong", 7.5, true, [[1]], { no: 1 }]);
    if (isListType(nullable)) {
      if (this.#chance(15)) return this.#json(nullable.ofType, depth);
      return Array.from({ length: this.#random(4) }, () => this.#json(nullable.ofType, depth));
    }
    const named = getNamedType(nullable);
    if (isEnumType(named)) return this.#chance(2) ? "SAD" : this.#pick(named.getValues()).name;
    if (isInputObjectType(named)) return this.#input(named, depth);
    switch (named.name) {
      case "Int":
        return this.#random(7);
      case "Float":
        return this.#chance(50) ? this.#random(9) : this.#random(40) / 8;
      case "Boolean":
        return this.#chance(50);
      case "ID":
        return this.#chance(30) ? this.#random(5) : `i${this.#random(5)}`;
      default:
        return this.#pick(["", "a", "é\"\\", "#, }", "long text"]);
    }
  }

  #input(type, depth) {
    const fields = Object.values(type.getFields());
    if (type.isOneOf) {
      const field = this.#pick(fields);
      const made = { [field.name]: this.#chance(4) ? null : this.#json(field.type, depth - 1) };
      return this.#chance(4) ? {} : made;
    }
    const made = {};
    for (const field of fields) {
      const isNeeded = isNonNullType(field.type) && field.defaultValue === undefined;
      if (isNeeded ? this.#chance(2) : this.#chance(50)) continue;
      if (isInputObjectType(getNamedType(field.type)) && depth <= 0) continue;
      made[field.name] = !isNonNullType(field.type) && this.#chance(15) ? null : this.#json(field.type, depth - 1);
    }
    return made;
  }
}
