// A subscription that outlives its connection. Whatever transport stands behind this link: when the connection goes, the
// operation is sent again with the cursor of the last event as `after`, so nothing is missed and nothing told twice.
import type { FormattedExecutionResult } from "graphql";
import { ApolloLink, Observable } from "@apollo/client";
import { CombinedGraphQLErrors, ServerError, graphQLResultHasProtocolErrors, PROTOCOL_ERRORS_SYMBOL } from "@apollo/client/errors";
import { isSubscriptionOperation } from "@apollo/client/utilities";

/** The server's words for "not now". */
const PASSING = ["SERVICE_UNAVAILABLE", "RATE_LIMITED"];
/** Close codes of a socket that another attempt would meet again. */
const FINAL_CLOSES = [1002, 1003, 1009, 4400, 4401, 4403, 4406, 4409, 4429];

export interface Waits {
  /** The longest first wait; it doubles with each attempt in vain, and is drawn at random below that. */
  firstMs?: number;
  /** The longest wait. */
  mostMs?: number;
}

export class ResumeLink extends ApolloLink {
  readonly #waits: Required<Waits>;
  readonly #running = new Set<() => void>();

  constructor(waits: Waits = {}) {
    super();
    this.#waits = { firstMs: 500, mostMs: 30_000, ...waits };
  }

  /** Lets go of all subscriptions, without a word: to have been closed is not to have ended. */
  close(): void {
    this.#running.forEach((end) => end());
  }

  override request(operation: ApolloLink.Operation, forward: ApolloLink.ForwardFunction): Observable<ApolloLink.Result> {
    if (!isSubscriptionOperation(operation.query)) return forward(operation);
    return new Observable((observer) => {
      let inVain = 0;
      let connection = { unsubscribe() {} };
      let timer: ReturnType<typeof setTimeout> | undefined;
      const again = (leastMs = 0) => {
        connection.unsubscribe();
        const most = Math.min(this.#waits.mostMs, this.#waits.firstMs * 2 ** inVain++);
        clearTimeout(timer);
        timer = setTimeout(open, Math.max(leastMs, Math.random() * most));
      };
      const open = () => {
        timer = undefined;
        connection = forward(operation).subscribe({
          next: (result) => {
            const wait = passing(result);
            if (wait !== undefined) return again(wait);
            inVain = 0;
            observer.next(result);
            const cursor = result.extensions?.["cursor"];
            if (typeof cursor === "string") operation.variables = { ...operation.variables, after: cursor };
          },
          error: (error: unknown) => (isFinal(error) ? observer.error(error) : again(passingErrors(error))),
          complete: () => observer.complete(),
        });
      };
      // A machine that wakes up or finds its network does not wait to the end.
      const wake = () => timer !== undefined && (clearTimeout(timer), open());
      globalThis.addEventListener?.("online", wake);
      const end = () => {
        this.#running.delete(end);
        globalThis.removeEventListener?.("online", wake);
        clearTimeout(timer);
        connection.unsubscribe();
      };
      this.#running.add(end);
      open();
      return end;
    });
  }
}

/** How long to wait at least before asking again; undefined when the answer is an answer. */
function passing(result: ApolloLink.Result): number | undefined {
  if (graphQLResultHasProtocolErrors(result)) return passingErrors(result.extensions[PROTOCOL_ERRORS_SYMBOL]);
  return waitFor((result as FormattedExecutionResult).errors ?? []);
}

function passingErrors(error: unknown): number | undefined {
  const errors = error !== null && typeof error === "object" && "errors" in error ? error.errors : [];
  return waitFor(Array.isArray(errors) ? errors : []);
}

function waitFor(errors: readonly { extensions?: Record<string, unknown> }[]): number | undefined {
  const found = errors.find(({ extensions }) => PASSING.includes(String(extensions?.["code"])));
  return found && Number(found.extensions?.["retryAfterMs"] ?? 0);
}

/** Whether the server said no, and would say it again. */
function isFinal(error: unknown): boolean {
  if (CombinedGraphQLErrors.is(error)) return passingErrors(error) === undefined;
  if (ServerError.is(error)) return error.statusCode < 500 && error.statusCode !== 408 && error.statusCode !== 429;
  return error !== null && typeof error === "object" && "code" in error && FINAL_CLOSES.includes(Number(error.code));
}
