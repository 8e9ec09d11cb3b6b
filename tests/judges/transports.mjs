// The real binary on an empty database, for the judges of the transports: one that can be started again at its address. SITEWRIGHT names another one than the debug build.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const binary = process.env.SITEWRIGHT ?? fileURLToPath(new URL("../../target/debug/sitewright", import.meta.url));

/** Starts a server; `settings` are environment variables. `again()` starts it anew, at its address, with its database. */
export async function start(settings = {}) {
  if (!existsSync(binary)) throw new Error(`There is no ${binary}. Build it with: cargo build`);
  const folder = mkdtempSync(join(tmpdir(), "sitewright-judge-"));
  const server = { folder, settings, address: "127.0.0.1:0" };
  await launch(server);
  server.url = `http://${server.address}/graphql`;
  server.socket = `ws://${server.address}/graphql`;
  server.again = async () => {
    await end(server);
    await launch(server);
  };
  server.stop = async () => {
    await end(server);
    rmSync(folder, { recursive: true, force: true });
  };
  server.ask = async (query, variables = {}, headers = {}) => {
    const body = JSON.stringify({ query, variables });
    const answer = await fetch(server.url, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });
    const { data, errors } = await answer.json();
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  return server;
}

/** Runs one command of the binary on the server's database and gives what it prints. */
export async function run(server, ...args) {
  const child = spawn(binary, args, { cwd: server.folder, env: environment(server) });
  let out = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  await new Promise((resolve) => child.on("close", resolve));
  return out;
}

function environment(server) {
  return {
    DATABASE_URL: `sqlite://${join(server.folder, "judge.db")}`,
    SITEWRIGHT_SERVER__LISTEN: server.address,
    SITEWRIGHT_LOG__FORMAT: "json",
    SITEWRIGHT_AI__OFFLINE_TOKENS_PER_SECOND: "2000",
    SITEWRIGHT_SERVER__GRACE_MS: "0",
    ...server.settings,
  };
}

async function launch(server) {
  const child = spawn(binary, ["serve"], { cwd: server.folder, env: environment(server), stdio: ["ignore", "ignore", "pipe"] });
  server.child = child;
  const said = [];
  await new Promise((resolve, reject) => {
    child.on("exit", () => reject(new Error(`The server ended:\n${said.join("\n")}`)));
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      const address = /"address":"([0-9.:]+)"/.exec(line);
      if (address && line.includes("serving")) {
        server.address = address[1];
        resolve();
      }
    });
  });
}

async function end(server) {
  const { child } = server;
  if (child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await gone;
  clearTimeout(force);
}

/** A new site's id. */
export async function site(server, headers = {}) {
  const data = await server.ask(
    `mutation($brief: BriefInput!) { createBlueprint(input: { name: "Bakery", brief: $brief }) {
      blueprint { id } userErrors { message } } }`,
    { brief: { businessName: "Rye & Shine", summary: "A sourdough bakery in Leith." } },
    headers,
  );
  return data.createBlueprint.blueprint.id;
}

/** Starts planning a site and gives the job's id. */
export async function plan(server, blueprintId, headers = {}) {
  const input = { blueprintId, idempotencyKey: crypto.randomUUID() };
  const query = "mutation($input: GenerateStructureInput!) { generateStructure(input: $input) { job { id } userErrors { message } } }";
  const { generateStructure } = await server.ask(query, { input }, headers);
  if (!generateStructure.job) throw new Error(JSON.stringify(generateStructure));
  return generateStructure.job.id;
}

export const SITE_EVENTS = `subscription SiteEvents($id: ID!, $after: Cursor) {
  blueprintEvents(blueprintId: $id, after: $after) { __typename cursor ... on JobFinished { job { id state } } } }`;

export const JOB_EVENTS = `subscription JobEvents($id: ID!, $after: Cursor) {
  jobEvents(jobId: $id, after: $after) { __typename cursor job { id state version } } }`;
