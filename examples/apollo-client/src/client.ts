// An Apollo client for a Sitewright server: queries and mutations over HTTP, subscriptions over WebSocket or multipart
// HTTP, and none of them lost with a connection.
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, Observable } from "@apollo/client";
import { isSubscriptionOperation } from "@apollo/client/utilities";
import { print, type GraphQLFormattedError } from "graphql";
import { createClient, type Client } from "graphql-ws";
import { NewestFirstCache } from "./newest-first-cache.ts";
import { ResumeLink, type Waits } from "./resume-link.ts";

export interface Options extends Waits {
  /** Where the server is, such as `https://sites.example/graphql`. */
  url: string;
  /** An API key, if the server asks for one. */
  key?: string;
  /** What carries subscriptions: WebSocket, or multipart where proxies let only HTTP through. */
  transport?: "websocket" | "multipart";
  /** A connection that was silent for so long is taken for dead, as after sleep. The server speaks every 20 seconds. */
  silenceMs?: number;
  /** For Node before 22, which has none: the class of the package `ws`. */
  webSocketImpl?: unknown;
}

export interface Sitewright {
  client: ApolloClient;
  /** Ends all subscriptions and connections. */
  close(): void;
}

export function sitewright(options: Options): Sitewright {
  const { url, key, transport = "websocket", silenceMs = 45_000 } = options;
  const headers: Record<string, string> = key ? { authorization: `Bearer ${key}` } : {};
  const http = new HttpLink({ uri: url, headers, fetch: (input, init) => watchedFetch(input, init, silenceMs) });
  const socket = transport === "websocket" ? webSocket(options, headers, silenceMs) : undefined;
  const carrier = socket
    ? ApolloLink.split(({ query }) => isSubscriptionOperation(query), over(socket), http)
    : http;
  const resume = new ResumeLink(options);
  const client = new ApolloClient({ cache: new NewestFirstCache(), link: ApolloLink.from([resume, carrier]) });
  return {
    client,
    close() {
      resume.close();
      client.stop();
      // A socket that was about to open may say that it could not: nobody waits for it any more.
      Promise.resolve(socket?.dispose()).catch(() => {});
    },
  };
}

/** One socket for all subscriptions. Coming back is the ResumeLink's business: graphql-ws would begin anew. */
function webSocket(options: Options, headers: Record<string, string>, silenceMs: number): Client {
  let dead: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: options.url.replace(/^http/, "ws"),
    connectionParams: headers,
    retryAttempts: 0,
    webSocketImpl: impatient(options.webSocketImpl ?? globalThis.WebSocket, silenceMs),
    connectionAckWaitTimeout: silenceMs,
    lazyCloseTimeout: 1_000,
    keepAlive: silenceMs / 3,
    on: {
      ping: (isReceived) => {
        if (!isReceived) dead = setTimeout(() => client.terminate(), silenceMs / 3);
      },
      pong: (isReceived) => isReceived && clearTimeout(dead),
      closed: () => clearTimeout(dead),
    },
  });
  return client;
}

/** Sockets that give up when they are not open in time: graphql-ws keeps time only for those that are. */
function impatient(Socket: unknown, silenceMs: number): unknown {
  // Where there is none, graphql-ws says what to do.
  if (!Socket) return undefined;
  return class extends (Socket as typeof WebSocket) {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      const late = setTimeout(() => this.close(), silenceMs);
      for (const done of ["open", "close"]) this.addEventListener(done, () => clearTimeout(late));
    }
  };
}

/** Sends operations over the socket. Apollo's own link hides why a socket was closed, which the ResumeLink must know. */
function over(socket: Client): ApolloLink {
  return new ApolloLink(({ query, variables, operationName }) => new Observable((observer) =>
    socket.subscribe({ query: print(query), variables, operationName: operationName ?? null }, {
      next: (result) => observer.next(result as ApolloLink.Result),
      error: (error) => observer.error(
        Array.isArray(error) ? new CombinedGraphQLErrors({ errors: error as GraphQLFormattedError[] }) : error,
      ),
      complete: () => observer.complete(),
    }),
  ));
}

/** A fetch whose stream fails when it was silent for too long: multipart has no pings, but parts that say nothing. */
async function watchedFetch(input: RequestInfo | URL, init: RequestInit = {}, silenceMs: number): Promise<Response> {
  const silence = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const rest = () => clearTimeout(timer);
  const heard = () => {
    rest();
    timer = setTimeout(() => silence.abort(new Error("The server is silent")), silenceMs);
  };
  init.signal?.addEventListener("abort", rest);
  const signal = init.signal ? AbortSignal.any([init.signal, silence.signal]) : silence.signal;
  heard();
  const response = await fetch(input, { ...init, signal }).catch((error: unknown) => {
    rest();
    throw error;
  });
  if (!response.body || !response.headers.get("content-type")?.startsWith("multipart/")) {
    rest();
    return response;
  }
  const watch = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      heard();
      controller.enqueue(chunk);
    },
    flush: rest,
  });
  return new Response(response.body.pipeThrough(watch), response);
}
