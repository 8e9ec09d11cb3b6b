"""A site by a real model, through GraphQL: plan, page, stream, cancel, usage, and briefs that give orders. `make test-model` runs it.

Needs the built server (its path is the first argument) and nothing but Python: the model comes from
`local-model.sh`. The model writes poor text and sometimes none that can be used, so a start may be repeated; what is
asserted is shape, liveness and accounts, never words.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid

HERE = pathlib.Path(__file__).parent
MODEL = "smollm2-135m-instruct"
# A model of this size fails now and then; a server that fails always does not get better by asking again.
STARTS = 4
# The most sections that a page is planned with.
MAX_SECTIONS = 3
# The whole of one job, on a machine that does other things too.
PATIENCE = 600


def say(text: str) -> None:
    print(text, flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def process(command, **options):
    """A process that ends with the block, whatever happens in it."""
    started = subprocess.Popen(command, **options)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(15)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def get(url: str):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def wait_for(what: str, ready, patience: float):
    until = time.monotonic() + patience
    while time.monotonic() < until:
        with contextlib.suppress(OSError, ValueError):
            if value := ready():
                return value
        time.sleep(0.1)
    raise AssertionError(f"{what} within {patience} s")


class Site:
    """A client of the server that asks and watches."""

    def __init__(self, address: str):
        self.url = f"http://{address}/graphql"

    def send(self, query: str, variables: dict, accept: str, timeout: float):
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"content-type": "application/json", "accept": accept}
        return urllib.request.urlopen(urllib.request.Request(self.url, body, headers), timeout=timeout)

    def ask(self, query: str, **variables):
        with self.send(query, variables, "application/json", 30) as answer:
            said = json.load(answer)
        assert "errors" not in said, said
        return said["data"]

    def watch(self, job: str):
        """The events of a job as they come, over GraphQL's event stream."""
        with self.send(WATCH, {"job": job}, "text/event-stream", PATIENCE) as stream:
            for line in stream:
                text = line.decode().strip()
                if text.startswith("data:") and len(text) > 5:
                    said = json.loads(text[5:])
                    assert "errors" not in said, said
                    yield said["data"]["jobEvents"]

    def job(self, job: str):
        return self.ask(JOB, job=job)["node"]


CREATE = "mutation($input: CreateBlueprintInput!) { createBlueprint(input: $input) { blueprint { id } userErrors { message } } }"
PLAN = "mutation($input: GenerateSiteInput!) { start: generateSite(input: $input) { job { id } userErrors { message } } }"
WRITE = "mutation($input: GeneratePageInput!) { start: generatePage(input: $input) { job { id } userErrors { message } } }"
CANCEL = "mutation($input: CancelJobInput!) { cancelJob(input: $input) { userErrors { message } } }"
WATCH = """subscription($job: ID!) { jobEvents(jobId: $job) { __typename
  ... on TextWritten { offset text } ... on RetryScheduled { reason } } }"""
JOB = """query($job: ID!) { node(id: $job) { ... on GenerationJob { state attempt charged error { code message }
  usage { promptTokens completionTokens model calls } } } }"""
PLANNED = """query($id: ID!) { blueprint(id: $id) { structure {
  navigation { header { href } footer { href } } pages { slug type sections { kind } } } } }"""
READ = """query($id: ID!) { blueprint(id: $id) { pages { id slug title status
  blocks { __typename id kind status } } } }"""
USAGE = """query($from: DateTime!, $to: DateTime!) { viewer { account { usage(from: $from, to: $to) {
  calls promptTokens completionTokens days { date calls } } } } }"""
BRIEF = {
    "businessName": "Rye and Shine",
    "summary": "A small bakery. We bake bread and cakes every morning and sell them in our shop.",
    "language": "en",
}


def run_job(site: Site, query: str, target: dict):
    """Starts a job until one succeeds; gives its row and what was seen of it."""
    for start in range(1, STARTS + 1):
        started = site.ask(query, input={**target, "idempotencyKey": str(uuid.uuid4())})["start"]
        assert started["job"], started
        began, seen, texts = time.monotonic(), [], []
        for event in site.watch(started["job"]["id"]):
            seen.append(event["__typename"])
            if event["__typename"] == "TextWritten":
                texts.append(time.monotonic() - began)
            if event["__typename"] == "RetryScheduled":
                say(f"  another attempt: {event['reason']}")
        job = site.job(started["job"]["id"])
        took = time.monotonic() - began
        say(f"  start {start}: {job['state']} after {took:.0f} s, {len(texts)} pieces of text, {job['usage']}")
        assert seen and seen[-1] == "JobFinished", seen[-3:]
        if job["state"] == "SUCCEEDED":
            return job, texts, took
        assert job["error"]["code"] in ("BAD_OUTPUT", "LENGTH"), job["error"]
    raise AssertionError(f"no start of {STARTS} succeeded")


def check_usage(usage: dict) -> None:
    assert usage["model"] == MODEL, usage
    assert usage["promptTokens"] > 100 and usage["completionTokens"] > 50, usage


def plan(site: Site) -> tuple[str, dict]:
    """A site of one page: larger plans take this model minutes. Its page job may fail; the plan stands then, too."""
    created = site.ask(CREATE, input={"name": "Rye and Shine", "brief": BRIEF})["createBlueprint"]
    blueprint = created["blueprint"]["id"]
    for start in range(1, STARTS + 1):
        say(f"A site of one page, start {start}:")
        target = {"blueprintId": blueprint, "maxPages": 1, "idempotencyKey": str(uuid.uuid4())}
        job = site.ask(PLAN, input=target)["start"]["job"]["id"]
        for event in site.watch(job):
            if event["__typename"] == "RetryScheduled":
                say(f"  another attempt: {event['reason']}")
        row = site.job(job)
        say(f"  {row['state']}, {row['error']}, {row['usage']}")
        if row["charged"]:
            break
    # The plan was paid for, so it stands.
    assert row["charged"] in (50, 70), row
    check_usage(row["usage"])
    pages = site.ask(READ, id=blueprint)["blueprint"]["pages"]
    assert len(pages) == 1 and pages[0]["slug"] == "" and pages[0]["title"], pages
    blocks = pages[0]["blocks"]
    assert 2 <= len(blocks) <= MAX_SECTIONS and blocks[0]["kind"] == "HERO", blocks
    return blueprint, pages[0]


def write(site: Site, blueprint: str, page: dict) -> None:
    say(f"The page with {[block['kind'] for block in page['blocks']]}:")
    job, texts, took = run_job(site, WRITE, {"pageId": page["id"]})
    check_usage(job["usage"])
    written = site.ask(READ, id=blueprint)["blueprint"]["pages"][0]
    assert written["status"] == "READY", written
    assert all(block["status"] == "READY" for block in written["blocks"]), written
    # Live: its text came in many pieces, spread over the time that it took.
    assert len(texts) >= 10 and texts[-1] - texts[0] > 0.2 * (took - texts[0]), (len(texts), texts[0], texts[-1], took)


def obey_nobody(site: Site, brief: dict) -> None:
    """A brief that gives orders is planned like any other: what the model makes of its words is data, too."""
    words = brief["words"]
    line = words.replace("\n", " ")[:100]
    said = {"businessName": line, "summary": words, "language": "en", "objectives": [words], "facts": [words]}
    created = site.ask(CREATE, input={"name": line, "description": words, "brief": said})["createBlueprint"]
    assert created["blueprint"], created
    target = {"blueprintId": created["blueprint"]["id"], "maxPages": 1, "instructions": words}
    for _ in range(STARTS):
        job = site.ask(PLAN, input={**target, "idempotencyKey": str(uuid.uuid4())})["start"]["job"]["id"]
        for event in site.watch(job):
            if event["__typename"] == "PagePlanned":
                # Its page is another test's.
                site.ask(CANCEL, input={"jobId": job})
        row = site.job(job)
        if row["charged"]:
            break
        assert row["error"]["code"] in ("BAD_OUTPUT", "LENGTH"), (brief["name"], row)
    plan = site.ask(PLANNED, id=target["blueprintId"])["blueprint"]["structure"]
    menus, pages = plan["navigation"], plan["pages"]
    kinds = [section["kind"] for section in pages[0]["sections"]]
    assert len(pages) == 1 and (pages[0]["slug"], pages[0]["type"]) == ("", "HOME"), (brief["name"], plan)
    assert 2 <= len(kinds) <= MAX_SECTIONS and kinds[0] == "HERO" and "HERO" not in kinds[1:], (brief["name"], kinds)
    targets = {entry["href"] for entry in menus["header"] + menus["footer"]}
    assert targets == {"/"}, (brief["name"], targets)
    say(f"  {brief['name']}: {kinds}, {row['usage']['completionTokens']:.0f} tokens")


def hostile(site: Site) -> None:
    say("Briefs that give orders:")
    briefs = json.loads((HERE.parent / "briefs" / "hostile.json").read_text())
    # As many as the model answers side by side.
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        list(both.map(lambda brief: obey_nobody(site, brief), briefs))


def cancel(site: Site, page: dict, model: str) -> None:
    say("A cancel:")
    started = site.ask(WRITE, input={"pageId": page["id"], "idempotencyKey": str(uuid.uuid4())})["start"]
    job, asked = started["job"]["id"], None
    for event in site.watch(job):
        if event["__typename"] == "TextWritten" and asked is None:
            asked = time.monotonic()
            site.ask(CANCEL, input={"jobId": job})
    ended = time.monotonic() - asked
    row = site.job(job)
    assert row["state"] == "CANCELLED", row
    assert ended < 5, f"the job ended {ended:.1f} s after the cancel"
    busy = lambda: [slot for slot in get(f"{model}/slots") if slot["is_processing"]]
    wait_for("the model is let go", lambda: not busy(), 5)
    usage = wait_for("the abandoned call is accounted for", lambda: site.job(job)["usage"], 5)
    check = usage["promptTokens"] > 0 and usage["completionTokens"] > 0
    assert check, usage
    say(f"  ended after {ended:.2f} s, {usage}")


def check_totals(site: Site) -> None:
    day = lambda offset: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset * 86400))
    usage = site.ask(USAGE, **{"from": day(-1), "to": day(1)})["viewer"]["account"]["usage"]
    assert usage["calls"] >= 3 and usage["completionTokens"] > 100, usage
    assert sum(one["calls"] for one in usage["days"]) == usage["calls"], usage
    say(f"The account: {usage}")


def address_of(server) -> str:
    """The first line of the log that names it; the rest is read on, so that the server never waits for us."""
    for line in server.stderr:
        said = json.loads(line)
        if "address" in said:
            threading.Thread(target=lambda: [None for _ in server.stderr], daemon=True).start()
            return said["address"]
    raise AssertionError("the server does not serve")


def main(binary: str) -> None:
    port = free_port()
    model = f"http://127.0.0.1:{port}"
    with process([HERE / "local-model.sh", "serve", str(port)], stdout=subprocess.DEVNULL):
        wait_for("the model answers", lambda: get(f"{model}/health"), 300)
        with tempfile.TemporaryDirectory() as folder:
            environment = {
                "PATH": os.environ["PATH"],
                "DATABASE_URL": f"sqlite://{folder}/model.db",
                "SITEWRIGHT_SERVER__LISTEN": "127.0.0.1:0",
                "SITEWRIGHT_LOG__FORMAT": "json",
                "SITEWRIGHT_JOBS__RETRY_CAP_MS": "100",
                "SITEWRIGHT_AI__PROVIDER": "openai",
                "SITEWRIGHT_AI__MODEL": MODEL,
                "SITEWRIGHT_AI__RESPONSE_FORMAT": "grammar",
                # As the README says for small models, and shorter still: what it may write is bounded, so that it ends.
                "SITEWRIGHT_AI__MAX_SECTIONS": str(MAX_SECTIONS),
                "SITEWRIGHT_AI__GRAMMAR_MAX_TEXT": "60",
                "SITEWRIGHT_AI__GRAMMAR_MAX_ITEMS": "2",
                "SITEWRIGHT_AI__STRUCTURE_MAX_TOKENS": "3000",
                "SITEWRIGHT_AI__PAGE_MAX_TOKENS": "3000",
                "OPENAI_BASE_URL": f"{model}/v1",
            }
            command = [pathlib.Path(binary).resolve(), "serve"]
            with process(command, env=environment, cwd=folder, stderr=subprocess.PIPE, text=True) as server:
                site = Site(address_of(server))
                blueprint, page = plan(site)
                write(site, blueprint, page)
                cancel(site, page, model)
                hostile(site)
                check_totals(site)
    say("The model wrote, streamed, stopped, obeyed nobody and was accounted for.")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "target/debug/sitewright")
