// A server of our own for one test: the built binary on a free port, with a database of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const binary = process.env.SITEWRIGHT ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug", "sitewright");
// Longer than a start takes on a slow machine.
const PATIENCE_MS = 60_000;

/** Starts a server that lives as long as the test `t`. `environment` changes its configuration. */
export async function serve(t, environment = {}) {
  if (!existsSync(binary)) throw new Error(`${binary} is not there: run \`cargo build\`, or name one as SITEWRIGHT`);
  const folder = mkdtempSync(join(tmpdir(), "sitewright-judge-"));
  const server = new Server(folder, await freePort(), environment);
  t.after(async () => {
    await server.stop("SIGKILL");
    rmSync(folder, { recursive: true });
  });
  await server.start();
  return server;
}

class Server {
  #folder;
  #environment;
  #child;
  #log = "";

  constructor(folder, port, environment) {
    this.port = port;
    this.#folder = folder;
    this.#environment = environment;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/graphql`;
  }

  /** Starts it, on the database and the port that it had before, and waits until it answers. */
  async start() {
    const env = { SITEWRIGHT_SERVER__LISTEN: `127.0.0.1:${this.port}`, ...this.#environment };
    this.#child = spawn(binary, ["serve"], { cwd: this.#folder, env, stdio: ["ignore", "ignore", "pipe"] });
    this.#child.stderr.on("data", (data) => (this.#log += data));
    const until = Date.now() + PATIENCE_MS;
    while (!(await fetch(new URL("/readyz", this.url)).then(({ ok }) => ok, () => false))) {
      if (this.#child.exitCode !== null || Date.now() > until) throw new Error(`the server does not start:\n${this.#log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Stops it and waits for its end. */
  async stop(signal = "SIGTERM") {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    await ended;
  }

  /** The whole answer to a request. */
  async ask(query, variables = {}) {
    const headers = { "content-type": "application/json", accept: "application/graphql-response+json" };
    const response = await fetch(this.url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
    return response.json();
  }

  /** The data of a request that must succeed. */
  async data(query, variables = {}) {
    const { data, errors } = await this.ask(query, variables);
    if (errors) throw new Error(`${query}\n${JSON.stringify(errors)}`);
    return data;
  }
}

async function freePort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  await once(listener, "close");
  return port;
}
