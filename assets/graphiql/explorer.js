// Sets GraphiQL up for this server: HTTP for queries and mutations, one WebSocket (graphql-transport-ws) for
// subscriptions, and four tabs that lead a newcomer from a brief to a finished site.
// The header editor's Authorization goes into both; nothing else of it can reach a WebSocket.
"use strict";

const overHttp = GraphiQL.createFetcher({ url: "/graphql" });

const socketUrl = new URL("/graphql", location.href);
socketUrl.protocol = location.protocol === "https:" ? "wss:" : "ws:";
// One connection for each Authorization: a socket keeps the identity that it was opened with.
const sockets = new Map();

function socketFor(headers) {
  const name = Object.keys(headers ?? {}).find((key) => key.toLowerCase() === "authorization");
  const authorization = name ? headers[name] : undefined;
  if (!sockets.has(authorization)) {
    sockets.set(authorization, graphqlWs.createClient({
      url: socketUrl.href,
      connectionParams: authorization ? { Authorization: authorization } : {},
      lazy: true,
      lazyCloseTimeout: 5_000,
      retryAttempts: 20,
      // A refused key stays refused; a lost connection is worth another try.
      shouldRetry: (cause) => cause instanceof CloseEvent && cause.code !== 4403,
    }));
  }
  return sockets.get(authorization);
}

function isSubscription(document, operationName) {
  const operations = (document?.definitions ?? []).filter(({ kind }) => kind === "OperationDefinition");
  const chosen = operations.find(({ name }) => name?.value === operationName) ?? operations[0];
  return chosen?.operation === "subscription";
}

async function* overSocket(params, headers) {
  try {
    yield* socketFor(headers).iterate(params);
  } catch (cause) {
    // A refused or lost connection arrives as a CloseEvent, which GraphiQL would show as an empty object.
    if (!(cause instanceof CloseEvent)) throw cause;
    const reason = cause.reason || "no reason given";
    // In a list, because GraphiQL would print an Error's stack.
    throw [{ message: `The connection was closed with ${cause.code}: ${reason}.` }];
  }
}

function fetcher(params, options) {
  return isSubscription(options?.documentAST, params.operationName)
    ? overSocket(params, options?.headers)
    : overHttp(params, options);
}

// A start is named by its idempotency key: the same key and request give the same job again, never a second charge.
const start = `bakery-${Math.random().toString(36).slice(2, 8)}`;
const blueprint = { blueprintId: "put the id from CreateBakery here" };

const tabs = [
  {
    query: `# 1. Describe the business (see the variables), then
#    copy blueprint.id from the answer into the
#    variables of the next tabs.
mutation CreateBakery($input: CreateBlueprintInput!) {
  createBlueprint(input: $input) {
    blueprint { id name status }
    userErrors { code message path }
  }
}
`,
    variables: {
      input: {
        name: "Hearth & Crumb",
        description: "The website of a neighbourhood bakery",
        brief: {
          businessName: "Hearth & Crumb",
          summary: "A family bakery in Leeds that bakes sourdough overnight and sells it from seven in the morning. "
            + "We want more people to order bread and birthday cakes ahead.",
          customBusinessType: "Bakery",
          objectives: ["Take orders for bread and cakes", "Show opening hours and where to find us"],
          facts: ["Open Tuesday to Saturday, 7:00 to 15:00", "12 Mill Lane, Leeds", "Sourdough loaf £4.20"],
        },
      },
    },
  },
  {
    query: `# 2. Plan the site and write its pages: 50 credits for
#    the plan, 20 for each page that is delivered.
mutation GenerateBakery($input: GenerateSiteInput!) {
  generateSite(input: $input) {
    job { id kind state price }
    credits { balance held available }
    replayed
    userErrors { code message path }
  }
}
`,
    variables: { input: { ...blueprint, idempotencyKey: start, maxPages: 6 } },
  },
  {
    query: `# 3. Watch the site being made. A snapshot of what is
#    there comes first, then what happens; the newest
#    event is the one shown. With the last cursor as
#    "after" it goes on there.
subscription WatchBakery($blueprintId: ID!, $after: Cursor) {
  blueprintEvents(blueprintId: $blueprintId, after: $after) {
    __typename
    cursor
    at
    job { id kind state progress charged }
    ... on BlueprintSnapshot { blueprint { status pages { slug status } } }
    ... on PagePlanned { page { slug title } }
    ... on BlockReady { block { id kind position status } }
    ... on JobFinished { charged released }
  }
}
`,
    variables: blueprint,
  },
  {
    query: `# 4. Read what was written, and what it cost.
query ReadBakery($blueprintId: ID!) {
  blueprint(id: $blueprintId) {
    name
    status
    previewUrl
    pages {
      slug
      title
      status
      blocks {
        kind
        status
        ... on HeroBlock { headline subheadline }
        ... on FeaturesBlock { title items { title description } }
        ... on TextBlock { title body }
      }
    }
  }
  viewer {
    account {
      credits { balance held available }
      creditEntries(first: 20) { edges { node { seq kind balanceDelta heldDelta balanceAfter } } }
    }
  }
}
`,
    variables: blueprint,
  },
].map((tab) => ({ query: tab.query, variables: JSON.stringify(tab.variables, null, 2) }));

function rememberedVariables() {
  try {
    const state = JSON.parse(localStorage.getItem("graphiql:tabState"));
    return state.tabs[state.activeTabIndex].variables ?? undefined;
  } catch {
    return undefined; // Nothing is remembered yet.
  }
}

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultTabs: tabs,
    // The first tab takes its variables from here, not from defaultTabs; what the reader typed before wins.
    variables: rememberedVariables() ?? tabs[0].variables,
    isHeadersEditorEnabled: true,
    defaultEditorToolsVisibility: "variables",
    // Keys are secrets: they live as long as the page.
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
  }),
);
