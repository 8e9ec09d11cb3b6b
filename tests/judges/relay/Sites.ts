// What a Relay app of ours would hold: lists that page and refetch by themselves, mutations that put their edge into a
// list or take a record out of it, and the three streams. Compiled by relay.test.mjs, never run.
import { graphql } from "relay-runtime";

graphql`
  query SitesQuery($first: Int!, $filter: BlueprintFilter) {
    blueprints(first: $first, filter: $filter, orderBy: NEWEST_FIRST) @connection(key: "Sites_blueprints", filters: ["filter"]) {
      edges {
        node {
          id
          name
          ...SitesJobs_site
        }
      }
    }
    viewer {
      account {
        ...SitesLedger_account
        ...SitesKeys_account
      }
    }
  }
`;

graphql`
  fragment SitesJobs_site on SiteBlueprint
  @refetchable(queryName: "SitesJobsPaginationQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" }) {
    jobs(first: $first, after: $after) @connection(key: "SitesJobs_jobs") {
      edges {
        node {
          ...SitesJob_job
        }
      }
    }
  }
`;

graphql`
  fragment SitesJob_job on GenerationJob @refetchable(queryName: "SitesJobRefetchQuery") {
    id
    kind
    state
    version
    progress
    page {
      title
    }
    children {
      id
      state
    }
  }
`;

// Pages backwards: the oldest movements first.
graphql`
  fragment SitesLedger_account on Account
  @refetchable(queryName: "SitesLedgerPaginationQuery")
  @argumentDefinitions(last: { type: "Int", defaultValue: 20 }, before: { type: "String" }) {
    creditEntries(last: $last, before: $before) @connection(key: "SitesLedger_creditEntries") {
      edges {
        node {
          seq
          kind
          balanceAfter
        }
      }
    }
  }
`;

graphql`
  fragment SitesKeys_account on Account
  @refetchable(queryName: "SitesKeysPaginationQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" }) {
    allApiKeys(first: $first, after: $after) @connection(key: "SitesKeys_allApiKeys") {
      edges {
        node {
          name
          prefix
          revokedAt
        }
      }
    }
  }
`;

graphql`
  query SitesAllJobsQuery($filter: JobFilter) {
    jobs(first: 50, filter: $filter) @connection(key: "SitesAllJobs_jobs") {
      edges {
        node {
          ...SitesJob_job
        }
      }
    }
  }
`;

graphql`
  mutation SitesCreateMutation($input: CreateBlueprintInput!, $connections: [ID!]!) {
    createBlueprint(input: $input) {
      blueprintEdge @prependEdge(connections: $connections) {
        node {
          id
          name
        }
      }
      userErrors {
        ...SitesUserError_error
      }
      query {
        viewer {
          account {
            eventCursor
          }
        }
      }
    }
  }
`;

graphql`
  mutation SitesUpdateMutation($input: UpdateBlueprintInput!) {
    updateBlueprint(input: $input) {
      blueprint {
        id
        name
        version
      }
      userErrors {
        ...SitesUserError_error
      }
    }
  }
`;

graphql`
  mutation SitesDeleteMutation($input: DeleteBlueprintInput!, $connections: [ID!]!) {
    deleteBlueprint(input: $input) {
      deletedBlueprintId @deleteRecord @deleteEdge(connections: $connections)
      userErrors {
        ...SitesUserError_error
      }
    }
  }
`;

graphql`
  mutation SitesCreateKeyMutation($input: CreateApiKeyInput!, $connections: [ID!]!) {
    createApiKey(input: $input) {
      apiKeyEdge @prependEdge(connections: $connections) {
        node {
          name
          prefix
        }
      }
      secret
      userErrors {
        ...SitesUserError_error
      }
    }
  }
`;

graphql`
  mutation SitesGenerateMutation($input: GenerateSiteInput!, $connections: [ID!]!) {
    generateSite(input: $input) {
      jobEdge @prependEdge(connections: $connections) {
        node {
          ...SitesJob_job
        }
      }
      credits {
        id
        available
        version
      }
      userErrors {
        ...SitesUserError_error
      }
    }
  }
`;

graphql`
  mutation SitesGeneratePagesMutation($input: GeneratePagesInput!, $connections: [ID!]!) {
    generatePages(input: $input) {
      jobEdges @prependEdge(connections: $connections) {
        node {
          ...SitesJob_job
        }
      }
      userErrors {
        ...SitesUserError_error
      }
    }
  }
`;

graphql`
  fragment SitesUserError_error on UserError {
    __typename
    code
    message
    path
    ... on ValidationError {
      constraint
    }
    ... on AlreadyRunningError {
      job {
        ...SitesJob_job
      }
    }
  }
`;

graphql`
  subscription SitesJobSubscription($jobId: ID!, $after: Cursor) {
    jobEvents(jobId: $jobId, after: $after) {
      __typename
      cursor
      job {
        ...SitesJob_job
      }
      ... on TextWritten {
        blockId
        path
        offset
        text
      }
      ... on BlockReady {
        block {
          ...SitesBlock_block
        }
      }
    }
  }
`;

graphql`
  subscription SitesSiteSubscription($blueprintId: ID!, $after: Cursor) {
    blueprintEvents(blueprintId: $blueprintId, after: $after) {
      __typename
      cursor
      ... on BlueprintChanged {
        deleted
        blueprint {
          id
          name
          version
        }
      }
    }
  }
`;

graphql`
  subscription SitesAccountSubscription($after: Cursor) {
    accountEvents(after: $after) {
      __typename
      cursor
      ... on CreditsMoved {
        credits {
          id
          available
          version
        }
      }
    }
  }
`;

graphql`
  fragment SitesBlock_block on Block {
    __typename
    id
    kind
    status
    ... on HeroBlock {
      headline
      actions {
        label
        href
      }
    }
    ... on FaqBlock {
      items {
        question
        answer
      }
    }
  }
`;
