# Two commands: `make run` serves, `make test` checks everything. `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# One feature set for clippy and the tests: `faults` compiles the crash points and doubles in, which releases never have.
FEATURES := --features faults
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
section = @printf '\n== %s\n' "$(1)"

.PHONY: help run test test-model local-model check judges deploy measure measure-cluster bench mutants schema graphiql setup clean faults soak

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

# A plain build: it is ready in half the time of a release build, and fast enough to watch a site being written.
run: graphiql ## serve on 127.0.0.1:8080: no services, no key, GraphiQL at /graphiql
	@cargo run -- serve

test: setup ## format, lints, every test on SQLite and Postgres, and the outside judges; installs what is missing
	@$(MAKE) --no-print-directory check
	$(call section,Tests)
	@cargo nextest run --workspace $(FEATURES) $(if $(CI),--profile ci)
	$(call section,Faults)
	@cargo test --quiet $(FEATURES) --test faults -- --quick
	@$(MAKE) --no-print-directory judges
	@$(MAKE) --no-print-directory deploy
	$(call section,Everything passed)

check: ## format and lints only
	$(call section,Format)
	@cargo fmt --all --check
	$(call section,Lints)
	@cargo clippy --workspace --all-targets $(FEATURES) --quiet -- -D warnings
	@cargo clippy --test faults $(FEATURES) --quiet -- -D warnings

judges: tests/judges/node_modules/.package-lock.json examples/apollo-client/node_modules/.package-lock.json ## what the tools of others say about the schema and a running server
	$(call section,Outside judges)
	@cargo build --quiet $(FEATURES) --bins --example mirror
	@cd tests/judges && npm test --silent
	$(call section,The client kit: Apollo Client against a running server)
	@cd examples/apollo-client && npm test --silent

deploy: tests/deploy/node_modules/.package-lock.json ## what linters and the program say about the Dockerfile, Compose and the proxy
	$(call section,Files for operators)
	@cargo build --quiet $(FEATURES)
	@cd tests/deploy && npm test --silent

# Some minutes: the model is real, small and slow. The first time it installs 127 MB into target/model.
test-model: ## a real local model plans a site and writes a page, through GraphQL; needs python3
	$(call section,A real model)
	@cargo build --quiet $(FEATURES)
	@python3 tests/model/end_to_end.py target/debug/sitewright

local-model: ## serve the small local model on 127.0.0.1:8089, to try a model without a key
	@tests/model/local-model.sh serve 8089

measure: ## how fast and how large it is: a release build, then the scripts behind docs/performance.md
	@cargo build --release --example throughput --bin sitewright
	$(call section,Start)
	@bash examples/startup.sh
	$(call section,Throughput)
	@cargo run --release --quiet --example throughput

measure-cluster: ## Postgres beside pgbench, and tokens across processes; needs postgresql and redis-server
	@cargo build --release --example measure --bin sitewright
	$(call section,Jobs on Postgres)
	@cargo run --release --quiet --example measure -- jobs
	$(call section,From a token to a client)
	@cargo run --release --quiet --example measure -- tokens
	$(call section,The same with a model over HTTP)
	@cargo run --release --quiet --example measure -- model

faults: setup ## real processes that die, sleep and lose their services; half an hour (ARGS="--only redis --seed 7")
	$(call section,Faults)
	@cargo test --quiet $(FEATURES) --test faults -- $(ARGS)

soak: setup ## three nodes under mixed load and random faults, for an hour (MINUTES=5)
	$(call section,Endurance)
	@cargo test --quiet $(FEATURES) --test faults -- soak --minutes $(or $(MINUTES),60) $(ARGS)

mutants: setup ## take one guard away at a time and see that the tests notice; a quarter of an hour
	$(call section,Mutants)
	@bash tests/mutants/run.sh

bench: ## beside a bare axum in the same run: requests, fan-out, jobs, memory of idle sockets; a release build
	@ulimit -n 20000; cargo bench --bench beside

schema: ## write schema.graphql from the code
	@cargo run --quiet -- schema > schema.graphql.new
	@mv schema.graphql.new schema.graphql

setup: ## install what the tests need (as root on Debian), or say what is missing
	$(call section,What the tests need)
	@bash tests/setup/install.sh

graphiql: ## install GraphiQL's files, which the server embeds; without Node or network it goes on without them
	@bash tests/setup/graphiql.sh

clean: ## remove what was built and installed
	@cargo clean
	@rm -rf tests/judges/node_modules tests/deploy/node_modules assets/graphiql/node_modules
	@rm -rf examples/apollo-client/node_modules examples/apollo-client/build examples/apollo-client/src/generated
	@find assets/graphiql/dist -type f ! -name README.md -delete

tests/judges/node_modules/.package-lock.json: tests/judges/package-lock.json
	@cd tests/judges && $(NPM_CI)
	@touch $@

examples/apollo-client/node_modules/.package-lock.json: examples/apollo-client/package-lock.json
	@cd examples/apollo-client && $(NPM_CI)
	@touch $@

tests/deploy/node_modules/.package-lock.json: tests/deploy/package-lock.json
	@cd tests/deploy && $(NPM_CI)
	@touch $@
