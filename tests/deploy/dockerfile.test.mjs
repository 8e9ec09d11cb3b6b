// The Dockerfile: what a validator says, and what an operator relies on.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";

import { DockerfileParser } from "dockerfile-ast";
import { validate } from "dockerfile-utils";

import { root, text } from "./compose.mjs";

const source = text("Dockerfile");
const instructions = DockerfileParser.parse(source).getInstructions();
const argumentsOf = (instruction) => instruction.getArguments().map((argument) => argument.getValue());
const last = (keyword) => instructions.filter((i) => i.getKeyword() === keyword).at(-1);
const words = (instruction) => instruction.getJSONStrings().map((word) => JSON.parse(word.getValue()));

test("the validator of editors has nothing to say", () => {
  assert.deepEqual(validate(source).map((problem) => problem.message), []);
});

test("the image runs as nobody in particular, and says when it is ready", () => {
  assert.match(argumentsOf(last("USER"))[0], /^[1-9]\d*:[1-9]\d*$/);
  assert.match(last("HEALTHCHECK").getTextContent(), /CMD \["sitewright", "ready"\]$/);
  assert.deepEqual(words(last("ENTRYPOINT")), ["sitewright"]);
  assert.deepEqual(words(last("CMD")), ["serve"]);
  assert.equal(instructions.filter((i) => ["ADD", "ARG", "ENV"].includes(i.getKeyword())).length, 0);
});

test("it is built with the compiler that the program asks for", () => {
  const wanted = text("Cargo.toml").match(/^rust-version = "(.+)"$/m)[1];
  assert.ok(source.includes(`FROM rust:${wanted}-`), wanted);
});

test("everything that is copied is there, and lets itself into the build", () => {
  const ignored = text(".dockerignore").split("\n").filter((line) => line && !line.startsWith("#"));
  assert.equal(ignored[0], "*", "what is not named stays out");
  const allowed = ignored.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  for (const instruction of instructions.filter((i) => i.getKeyword() === "COPY")) {
    if (instruction.getFromFlag()) continue;
    for (const path of argumentsOf(instruction).slice(0, -1)) {
      assert.ok(existsSync(new URL(path, root)), `${path} is not there`);
      assert.ok(allowed.some((entry) => path === entry || path.startsWith(`${entry}/`)), `${path} is ignored`);
    }
  }
});

test("nothing outside of the copied folders is compiled in", () => {
  const copied = ["src", "migration/src", "assets"].map((folder) => new URL(`${folder}/`, root).href);
  const pattern = 'include_(str|bytes)!\\("[^"]*"|folder = "[^"]*"';
  const named = execFileSync("grep", ["-roE", pattern, "src", "migration/src"], { cwd: root, encoding: "utf8" });
  const lines = named.trim().split("\n");
  assert.ok(lines.length > 5);
  for (const line of lines) {
    const [, file, how, path] = line.match(/^([^:]+):(.*)"(.*)"$/);
    const url = new URL(path, how.startsWith("folder") ? root : new URL(file, root));
    assert.ok(copied.some((folder) => url.href.startsWith(folder)), `${line} is not in the image's build`);
  }
});
