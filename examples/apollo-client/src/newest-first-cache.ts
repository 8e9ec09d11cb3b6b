// A cache in which the higher version wins. Answers and events overtake each other: a query that was answered before an
// event may arrive after it. Apollo's merge functions cannot see which entity they merge, so an entity's readings are
// compared here, before they are written.
import { InMemoryCache, type Cache, type Reference, type StoreObject } from "@apollo/client";
import { possibleTypes } from "./generated/possible-types.ts";

type Fields = Record<string, unknown>;

export class NewestFirstCache extends InMemoryCache {
  constructor() {
    super({ possibleTypes });
  }

  override write(options: Cache.WriteOptions): Reference | undefined {
    const newer = new Map<string, Fields>();
    this.#findNewer(options.result, newer);
    if (newer.size === 0) return super.write(options);
    return this.batch({
      optimistic: false,
      update: () => {
        const reference = super.write(options);
        for (const [id, known] of newer) {
          this.modify<Fields>({ id, fields: (value, { storeFieldName }) => (storeFieldName in known ? known[storeFieldName] : value) });
        }
        return reference;
      },
    });
  }

  /** Collects what the cache holds of entities of which `value` brings an older reading. */
  #findNewer(value: unknown, newer: Map<string, Fields>): void {
    if (Array.isArray(value)) return value.forEach((item) => this.#findNewer(item, newer));
    if (value === null || typeof value !== "object") return;
    const entity = value as StoreObject;
    const version = entity["version"] ?? entity["revision"];
    const id = typeof version === "number" ? this.identify(entity) : undefined;
    if (id && !newer.has(id)) {
      const known: Fields = {};
      this.modify<Fields>({ id, broadcast: false, fields: (field, { storeFieldName }) => (known[storeFieldName] = field) });
      if (Number(known["version"] ?? known["revision"] ?? -1) > Number(version)) newer.set(id, known);
    }
    Object.values(entity).forEach((field) => this.#findNewer(field, newer));
  }
}
