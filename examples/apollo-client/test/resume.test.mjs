// The kit against a real server: a page is written while two clients watch it through proxies that cut and freeze their
// connections, pages are reloaded, and the server is replaced by another. What they have at the end is what is stored.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { serve } from "../../../tests/judges/server.mjs";
import { WatchJob, applyJobEvent, noText, sitewright, watch, webStore } from "../build/index.js";
import { chance, seed } from "./chance.mjs";
import { Proxy } from "./proxy.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
// A page with every field of every kind of block.
const select = [at("../../../tests/judges/select-everything.mjs"), at("../../../schema.graphql")];
const everything = execFileSync(process.execPath, select, { encoding: "utf8" });
const SILENCE_MS = 600;

/** A browser's tab: it watches one job through a proxy of its own, and can be reloaded. */
class Tab {
  #proxy;
  #jobId;
  #transport;
  #storage = new Map();
  #now;
  hurts = { cut: 0, frozen: 0, reloaded: 0 };
  events = 0;

  constructor(transport, proxy, jobId) {
    this.#transport = transport;
    this.#proxy = proxy;
    this.#jobId = jobId;
    this.ended = new Promise((...both) => ([this.resolve, this.reject] = both));
  }

  /** Opens the page: a client with an empty cache, and what the tab's storage holds. */
  load() {
    const storage = { getItem: (key) => this.#storage.get(key) ?? null, setItem: (key, text) => this.#storage.set(key, text) };
    const { client, close } = sitewright({
      url: `http://127.0.0.1:${this.#proxy.port}/graphql`,
      transport: this.#transport,
      webSocketImpl: WebSocket,
      silenceMs: SILENCE_MS,
      firstMs: 20,
      mostMs: 200,
    });
    const watched = watch(client, {
      document: WatchJob,
      variables: { jobId: this.#jobId },
      initial: noText,
      apply: (state, event) => {
        this.events++;
        return applyJobEvent(state, event);
      },
      store: webStore(storage),
      saveMs: 100,
    });
    watched.ended.then(this.resolve, this.reject);
    this.#now = { watched, close };
    return watched.ended;
  }

  close() {
    this.#now.watched.stop();
    this.#now.close();
  }

  /** Something happens to it. */
  hurt(random) {
    const what = random();
    if (what < 0.7) {
      this.hurts.cut++;
      this.#proxy.cut(random() < 0.5);
    } else if (what < 0.85) {
      this.hurts.frozen++;
      this.#proxy.freeze();
    } else {
      this.hurts.reloaded++;
      // Half of the tabs are closed in peace, half crash: nothing more is saved.
      if (random() < 0.5) this.#now.watched.stop();
      this.#now.close();
      this.#proxy.cut();
      this.load();
    }
  }
}

// A stream that nobody wakes fails here, instead of standing still.
test("what was watched through cuts and deploys is what is stored", { timeout: 300_000 }, async (t) => {
  t.diagnostic(`SEED=${seed}`);
  const environment = {
    SITEWRIGHT_AI__OFFLINE_TOKENS_PER_SECOND: "0",
    SITEWRIGHT_SERVER__SHUTDOWN_MS: "200",
    SITEWRIGHT_JOBS__LEASE_MS: "1500",
    SITEWRIGHT_JOBS__HEARTBEAT_MS: "300",
    SITEWRIGHT_JOBS__RESCUE_MS: "100",
    SITEWRIGHT_STREAMS__LEAVE_MS: "100",
    SITEWRIGHT_STREAMS__PING_MS: "200",
  };
  const server = await serve(t, environment);
  const [first, second] = await plan(server);
  // The plan may take no time, the pages shall take some.
  await server.stop();
  environment.SITEWRIGHT_AI__OFFLINE_TOKENS_PER_SECOND = "60";
  await server.start();

  await t.test("cuts, sleep and reloads: every block is rebuilt from its pieces", async (t) => {
    const followed = await follow(t, server, first, async () => {});
    for (const { blocks, whole } of followed) assert.equal(whole, blocks);
  });
  await t.test("a crash and a deploy on top: what could not be followed comes whole", async (t) => {
    await follow(t, server, second, async () => {
      for (const signal of ["SIGKILL", "SIGTERM"]) {
        await sleep(2_000);
        await server.stop(signal);
        await server.start();
      }
    });
  });
});

/** Lets two tabs watch a page being written, in trouble all the time, and compares what they have with what is stored. */
async function follow(t, server, pageId, meanwhile) {
  const random = chance();
  const jobId = await start(server, pageId);
  const tabs = [];
  for (const transport of ["websocket", "multipart"]) {
    const tab = new Tab(transport, await new Proxy(server.port).listen(t), jobId);
    t.after(() => tab.close());
    tab.load();
    tabs.push({ transport, tab });
  }
  let isOver = false;
  t.after(() => (isOver = true));
  const trouble = tabs.map(async ({ tab }) => {
    while (!isOver) {
      await sleep(50 + random() * 200);
      if (!isOver) tab.hurt(random);
    }
  });
  await meanwhile();
  assert.equal(await until(server, jobId), "SUCCEEDED");
  isOver = true;
  await Promise.all(trouble);

  const { page } = await server.data(everything, { id: pageId });
  const results = [];
  for (const { transport, tab } of tabs) {
    const text = await tab.ended;
    assert.equal(text.state, "SUCCEEDED", transport);
    assert.equal(text.ends, 1, `${transport} saw the end ${text.ends} times`);
    assert.equal(text.holes, 0, `${transport} had ${text.holes} holes`);
    assert.deepEqual(Object.keys(text.blocks).sort(), page.blocks.map(({ id }) => id).sort());
    let [letters, whole] = [0, 0];
    for (const block of page.blocks) {
      const { isReady, text: rebuilt } = text.blocks[block.id];
      assert.ok(isReady, `${transport}: ${block.id}`);
      for (const [path, words] of Object.entries(rebuilt)) {
        const stored = path.split(".").reduce((value, step) => value?.[step], block);
        assert.equal(words, stored, `${transport}: ${block.__typename}.${path}`);
        letters += words.length;
      }
      if (Object.keys(rebuilt).length > 0) whole++;
    }
    const { cut, frozen, reloaded } = tab.hurts;
    t.diagnostic(
      `${transport}: ${cut} cuts, ${frozen} freezes, ${reloaded} reloads; ${tab.events} events, ` +
        `${whole} of ${page.blocks.length} blocks from pieces (${letters} letters), no hole, one end`,
    );
    // Whoever comes back after the end has the same, and is told the end no second time.
    assert.deepEqual(await tab.load(), text);
    results.push({ blocks: page.blocks.length, whole });
  }
  return results;
}

async function plan(server) {
  const create = "mutation($input: CreateBlueprintInput!) { createBlueprint(input: $input) { blueprint { id } } }";
  const brief = {
    businessName: "Hearth & Crumb",
    summary: "A family bakery in Leeds that bakes sourdough overnight and sells it from seven in the morning.",
    customBusinessType: "Bakery",
    objectives: ["Take orders for bread and cakes", "Show opening hours and where to find us"],
    facts: ["Open Tuesday to Saturday, 7:00 to 15:00", "12 Mill Lane, Leeds", "Sourdough loaf £4.20", "Rye loaf £4.60", "Cinnamon bun £2.40"],
  };
  const { createBlueprint } = await server.data(create, { input: { name: "Bakery", brief } });
  const blueprintId = createBlueprint.blueprint.id;
  const generate = "mutation($input: GenerateStructureInput!) { generateStructure(input: $input) { job { id } } }";
  const { generateStructure } = await server.data(generate, { input: { blueprintId, idempotencyKey: "plan" } });
  await until(server, generateStructure.job.id);
  const { blueprint } = await server.data("query($id: ID!) { blueprint(id: $id) { pages { id blocks { id } } } }", { id: blueprintId });
  // The pages that take longest.
  return blueprint.pages.sort((a, b) => b.blocks.length - a.blocks.length).map(({ id }) => id);
}

async function start(server, pageId) {
  const generate = "mutation($input: GeneratePageInput!) { generatePage(input: $input) { job { id } } }";
  const { generatePage } = await server.data(generate, { input: { pageId, idempotencyKey: pageId } });
  return generatePage.job.id;
}

/** Waits for the end of a job. */
async function until(server, id) {
  for (;;) {
    const { job } = await server.data("query($id: ID!) { job(id: $id) { state } }", { id });
    if (!["QUEUED", "RUNNING"].includes(job.state)) return job.state;
    await sleep(100);
  }
}
