// Watching across page loads: what was built from events is kept together with the cursor of the last of them.
import type { ApolloClient, OperationVariables, TypedDocumentNode } from "@apollo/client";

/** A cursor and what was built up to it. Kept in one piece: a cursor without its state would be a hole. */
export interface Saved<State> {
  cursor: string;
  state: State;
}

/** Keeps one cursor and its state for each subscription. */
export interface CursorStore {
  load<State>(key: string): Saved<State> | undefined;
  save<State>(key: string, saved: Saved<State>): void;
}

/** A store in `sessionStorage` (a tab's reload) or `localStorage` (a browser's restart). */
export function webStore(storage: Pick<Storage, "getItem" | "setItem">): CursorStore {
  const name = (key: string) => `sitewright:${key}`;
  return {
    load(key) {
      try {
        return JSON.parse(storage.getItem(name(key)) ?? "null") ?? undefined;
      } catch {
        return undefined; // What another version of the page wrote: begin anew.
      }
    },
    save(key, saved) {
      try {
        storage.setItem(name(key), JSON.stringify(saved));
      } catch {
        // It is full or forbidden: a reload begins anew, which costs time and loses nothing.
      }
    },
  };
}

export interface Watched<Data, Variables extends OperationVariables, State> {
  /** A subscription with a variable `$after: Cursor`. */
  document: TypedDocumentNode<Data, Variables>;
  variables: Variables;
  /** Where state begins when nothing was saved. */
  initial: State;
  /** The state after an event; must bear the same event twice. */
  apply: (state: State, data: Data) => State;
  /** Called with each new state. */
  onState?: (state: State) => void;
  store?: CursorStore;
  /** How long a change may wait to be saved. */
  saveMs?: number;
}

export interface Watch<State> {
  /** The last state, once the stream has ended; rejected when the server refuses it. */
  ended: Promise<State>;
  /** Stops watching and saves where it stands. */
  stop(): void;
}

/** Watches a stream from where the store left it. */
export function watch<Data, Variables extends OperationVariables, State>(
  client: ApolloClient,
  { document, variables, initial, apply, onState, store, saveMs = 250 }: Watched<Data, Variables, State>,
): Watch<State> {
  const key = JSON.stringify([document.definitions.flatMap((one) => ("name" in one ? (one.name?.value ?? []) : [])), variables]);
  let { cursor, state } = store?.load<State>(key) ?? { cursor: undefined, state: initial };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    if (cursor !== undefined) store?.save(key, { cursor, state });
  };
  const stop = () => {
    globalThis.removeEventListener?.("pagehide", save);
    subscription.unsubscribe();
    if (timer !== undefined) save();
  };
  globalThis.addEventListener?.("pagehide", save);
  const started = { ...variables, ...(cursor === undefined ? {} : { after: cursor }) };
  let resolve: (state: State) => void;
  let reject: (error: unknown) => void;
  const ended = new Promise<State>((...both) => ([resolve, reject] = both));
  const subscription = client.subscribe({ query: document, variables: started }).subscribe({
    next({ data, error, extensions }) {
      if (error) {
        stop();
        return reject(error);
      }
      state = apply(state, data as Data);
      if (typeof extensions?.["cursor"] === "string") cursor = extensions["cursor"];
      timer ??= setTimeout(save, saveMs);
      onState?.(state);
    },
    complete() {
      stop();
      resolve(state);
    },
  });
  return { ended, stop };
}
