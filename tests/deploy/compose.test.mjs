// docker-compose.yml: no default secrets, one way in, every service watched over, and nothing that Sitewright does not
// know. No container engine is needed: the program itself reads the configuration of each of its services.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { DCLinter } from "dclint";

import { compose, root, text, variables } from "./compose.mjs";

const SECRETS = { POSTGRES_PASSWORD: "p1", REDIS_PASSWORD: "r1" };
const file = compose(SECRETS);
const services = Object.entries(file.services);
const ours = services.filter(([, service]) => service.build);
const program = process.env.SITEWRIGHT ?? fileURLToPath(new URL("target/debug/sitewright", root));

test("dclint has nothing to say", () => {
  // Its orders are alphabetical; ours tell a story.
  const unordered = ["service-keys-order", "services-alphabetical-order", "top-level-properties-order"];
  const rules = Object.fromEntries(unordered.map((rule) => [rule, 0]));
  const linter = new DCLinter({ rules, quiet: false, debug: false, exclude: [] });
  const path = fileURLToPath(new URL("docker-compose.yml", root));
  const found = linter.lintFiles([path], false).flatMap((result) => result.messages);
  assert.deepEqual(found, []);
});

test("every secret is required, with a sentence that says what to do", () => {
  for (const name of Object.keys(SECRETS)) {
    const uses = variables().filter((variable) => variable.name === name);
    assert.ok(uses.length >= 2, name);
    for (const { how, rest } of uses) {
      assert.equal(how, ":?", `${name} has a default`);
      assert.match(rest, /into \.env, as openssl rand -hex 24 makes one/);
    }
    assert.throws(() => compose({ ...SECRETS, [name]: "" }), new RegExp(name));
  }
  const known = new Set([...Object.keys(SECRETS), "PORT"]);
  assert.deepEqual(variables().filter(({ name }) => !known.has(name)), []);
  // Nothing that looks like a secret is written down.
  for (const [name, service] of services) {
    for (const [key, value] of Object.entries(service.environment ?? {})) {
      if (/PASSWORD|SECRET|TOKEN|KEY/.test(key)) assert.ok(Object.values(SECRETS).includes(value), `${name}: ${key}`);
    }
  }
});

test("only the proxy can be reached, and only from this machine", () => {
  const published = services.filter(([, service]) => service.ports).map(([name, service]) => [name, service.ports]);
  assert.deepEqual(published, [["proxy", ["127.0.0.1:8080:8080"]]]);
  assert.equal(file.networks.data.internal, true);
  for (const name of ["postgres", "redis"]) assert.deepEqual(file.services[name].networks, ["data"]);
});

test("every service is watched over, comes back, and has time to stop", () => {
  for (const [name, service] of services) {
    assert.ok(service.healthcheck?.test.length > 1, `${name} has no health check`);
    assert.equal(service.restart, "unless-stopped", name);
    assert.equal(service.stop_grace_period, "30s", name);
    assert.ok(service.security_opt.includes("no-new-privileges:true"), name);
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      assert.equal(condition, "service_healthy", `${name} needs ${needed}`);
      assert.ok(file.services[needed]?.healthcheck, `${name} needs ${needed}`);
    }
  }
  const stopping = Number(text("src/config/defaults.toml").match(/^shutdown_ms = (\d+)$/m)[1]);
  assert.ok(stopping < 30_000, "a server stops by itself before it is killed");
});

test("there are two servers of the API and two workers", () => {
  const roles = ours.map(([name, service]) => [name, service.command.join(" ")]);
  assert.deepEqual(roles, [
    ["api-1", "serve --role api"],
    ["api-2", "serve --role api"],
    ["worker-1", "serve --role worker"],
    ["worker-2", "serve --role worker"],
  ]);
});

test("every command of ours is one that the program knows", () => {
  const commands = ours.flatMap(([, service]) => [service.command, service.healthcheck.test.slice(2)]);
  for (const [command, ...options] of commands) {
    const help = execFileSync(program, ["help", command], { encoding: "utf8" });
    for (const option of options.filter((option) => option.startsWith("--"))) assert.ok(help.includes(option), option);
  }
});

test("the program accepts the configuration of each of its services", () => {
  const known = execFileSync(program, ["config"], { encoding: "utf8" });
  const keys = new Set();
  let section = "";
  for (const line of known.split("\n")) {
    section = line.match(/^\[(\w+)\]/)?.[1] ?? section;
    const key = line.match(/^(\w+) = /)?.[1];
    if (key) keys.add(`SITEWRIGHT_${section}__${key}`.toUpperCase());
  }
  assert.ok(keys.size > 30);
  for (const [name, service] of ours) {
    for (const key of Object.keys(service.environment)) {
      assert.ok(keys.has(key) || ["DATABASE_URL", "REDIS_URL"].includes(key), `${name}: ${key} is no known key`);
    }
    // The role stands on the command line, and decides what the rest may be. Nothing listens on this port.
    const role = service.command[service.command.indexOf("--role") + 1];
    const environment = { ...service.environment, SITEWRIGHT_SERVER__ROLE: role };
    const asked = spawnSync(program, ["ready"], { env: environment, encoding: "utf8", cwd: "/" });
    assert.notEqual(asked.status, 2, `${name}: ${asked.stderr}`);
    const broken = { ...environment, SITEWRIGHT_SERVER__ROLE: "both" };
    assert.equal(spawnSync(program, ["ready"], { env: broken, encoding: "utf8", cwd: "/" }).status, 2);
  }
});

test("the proxy's file is one that HAProxy accepts, with the addresses of the services", () => {
  const { volumes, environment } = file.services.proxy;
  const mounted = volumes.map((volume) => volume.split(":")[0]);
  assert.deepEqual(mounted, ["./examples/haproxy.cfg"]);
  const named = [...text(mounted[0]).matchAll(/"\$\{(\w+)\}"/g)].map(([, name]) => name);
  assert.deepEqual(named.sort(), Object.keys(environment).sort());
  for (const address of [environment.API_1, environment.API_2]) assert.ok(file.services[address.split(":")[0]], address);
  const path = fileURLToPath(new URL(mounted[0], root));
  const checked = spawnSync("haproxy", ["-c", "-f", path], { env: { ...process.env, ...environment }, encoding: "utf8" });
  assert.equal(checked.status, 0, checked.error?.message ?? checked.stderr);
  // Names of containers lead nowhere here, which is what `init-addr` is for.
  const complaints = checked.stderr
    .split("\n")
    .filter((line) => /ALERT|WARNING/.test(line) && !line.includes("could not resolve address"));
  assert.deepEqual(complaints, []);
});
