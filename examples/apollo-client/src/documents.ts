// What the kit asks the server. Your own documents stand beside it: `npm run generate` makes their types.
// Select `id` and `version` of every entity: by them the cache knows which of two readings is the newer one.
import { graphql } from "./generated/index.ts";

/** One job with its text, until it has ended. */
export const WatchJob = graphql(`
  subscription WatchJob($jobId: ID!, $after: Cursor) {
    jobEvents(jobId: $jobId, after: $after) {
      __typename
      job { id kind state version progress charged }
      ... on TextWritten { blockId path offset text }
      ... on BlockOpened { blockId kind }
      ... on BlockReady { blockId block { id kind status revision heading } }
      ... on JobSnapshot { blocks { id kind status revision heading } open { blockId path text } }
    }
  }
`);

/** One site with all its jobs, until it is deleted. */
export const WatchSite = graphql(`
  subscription WatchSite($blueprintId: ID!, $after: Cursor) {
    blueprintEvents(blueprintId: $blueprintId, after: $after) {
      __typename
      job { id kind state version progress }
      ... on PagePlanned { page { id slug title status version } }
      ... on BlueprintChanged { deleted blueprint { id name status version } }
      ... on BlueprintSnapshot { whole: blueprint { id name status version pages { id slug title status version } } }
    }
  }
`);

/** The account's credits, for ever. */
export const WatchAccount = graphql(`
  subscription WatchAccount($after: Cursor) {
    accountEvents(after: $after) {
      __typename
      ... on CreditsMoved { credits { id balance held available version } }
      ... on JobStateChanged { job { id state version progress } }
      ... on AccountSnapshot { account { id credits { id balance held available version } } }
    }
  }
`);
