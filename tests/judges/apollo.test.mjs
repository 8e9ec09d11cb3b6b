// What Apollo Client makes of our subscriptions, over WebSocket and over multipart HTTP: entities in events update its
// cache, and no event waits for the next one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { JOB_EVENTS, SITE_EVENTS, plan, site, start } from "./transports.mjs";

// Browsers have it, and the link asks for it by name.
globalThis.WebSocket ??= WebSocket;

const STATE = gql`query State($id: ID!) { job(id: $id) { id state } }`;

function links(server, t) {
  const socket = createClient({ url: server.socket, webSocketImpl: WebSocket });
  t.after(() => socket.dispose());
  return { WebSocket: new GraphQLWsLink(socket), multipart: new HttpLink({ uri: server.url }) };
}

for (const name of ["WebSocket", "multipart"]) {
  test(`Apollo Client watches a job over ${name}, and its cache follows`, async (t) => {
    const server = await start();
    t.after(server.stop);
    const client = new ApolloClient({ link: links(server, t)[name], cache: new InMemoryCache() });
    t.after(() => client.stop());
    const id = await plan(server, await site(server));
    await client.query({ query: STATE, variables: { id } });
    const events = [];
    await new Promise((resolve, reject) => {
      client.subscribe({ query: gql(JOB_EVENTS), variables: { id } }).subscribe({
        next: (result) => (result.error ? reject(result.error) : events.push(result.data.jobEvents)),
        error: reject,
        complete: resolve,
      });
    });
    assert.equal(events.at(-1).__typename, "JobFinished");
    assert.equal(client.readQuery({ query: STATE, variables: { id } }).job.state, "SUCCEEDED");
  });

  test(`Apollo Client over ${name} has each event when it happens`, async (t) => {
    const server = await start();
    t.after(server.stop);
    const client = new ApolloClient({ link: links(server, t)[name], cache: new InMemoryCache() });
    t.after(() => client.stop());
    const id = await site(server);
    // The first event of a quiet site: nothing comes behind it that could push it out.
    const watching = client.subscribe({ query: gql(SITE_EVENTS), variables: { id } });
    const first = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("the event is late")), 10_000);
      const subscription = watching.subscribe({
        next: ({ data }) => {
          clearTimeout(timer);
          subscription.unsubscribe();
          resolve(data.blueprintEvents);
        },
        error: reject,
      });
    });
    assert.ok(first.cursor);
  });

  test(`Apollo Client over ${name} is told what is wrong with a subscription`, async (t) => {
    const server = await start();
    t.after(server.stop);
    const client = new ApolloClient({ link: links(server, t)[name], cache: new InMemoryCache() });
    t.after(() => client.stop());
    const query = gql`subscription { nothing }`;
    const error = await new Promise((resolve) => {
      client.subscribe({ query }).subscribe({ next: ({ error }) => resolve(error), error: resolve });
    });
    const errors = CombinedGraphQLErrors.is(error) ? error.errors : [error];
    assert.match(errors.map(({ message }) => message).join(), /nothing/);
  });
}
