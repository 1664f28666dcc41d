# `make demo` and `make test` work on a fresh clone: they make .venv and say in one line what they lack.
PACKAGES := identity contract drivers agent headoffice simulators
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INPUTS := pyproject.toml constraints.txt scripts/environment
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test lint audit fuzz api-fuzz chaos uplink cluster day explore power soak machine bench peers docs wheel deb fmt clean

help:
	@echo 'make demo     a store, a broker and a head office on this machine, until Ctrl-C (SECONDS=30: ends by itself)'
	@echo 'make test     all tests, file by file in two processes; says what was skipped and why (JOBS=1)'
	@echo 'make lint     style, types, import contracts'
	@echo 'make audit    licences, pins and use of what is installed; known vulnerabilities where a network allows'
	@echo 'make fuzz     inputs without end against codes, LLRP, JSON and module frames (SECONDS=600)'
	@echo 'make api-fuzz calls without end against both APIs, checked against their OpenAPI documents (EXAMPLES=500)'
	@echo 'make chaos    kill -9 of agent, broker and head office, 20 of each (KILLS=5)'
	@echo 'make uplink   a store with mosquitto, RabbitMQ and NATS: frozen, emptied, full, cut off, a week behind (BROKER=nats)'
	@echo 'make cluster  three workers, bridged brokers, PostgreSQL: each killed 30 times (KILLS=5, TARGET=sqlite)'
	@echo 'make day      days of a store against the physical truth (SEEDS=20)'
	@echo 'make explore  whole store-days under faults in one process, by seed (SEEDS=1-10000, JOBS=2)'
	@echo 'make power    cuts of the power over the ledger on a disk that forgets (CUTS=500, SYNCHRONOUS=NORMAL: must fail)'
	@echo 'make soak     days of a busy store in minutes: memory, files and sizes must stay (DAYS=7, SECONDS=1500)'
	@echo 'make machine  a virtual store PC: the package, real scanners, systemd, power cuts; a line a check (SHORT=1)'
	@echo 'make bench    the benchmarks, one after the other'
	@echo 'make peers    clients and readers of other houses, in an environment of their own, meet ours (SECONDS=300)'
	@echo 'make docs     the documents as a site in build/site, with pictures of the screens (needs chromium)'
	@echo 'make wheel    the Python package, in dist/'
	@echo 'make deb      the Debian package with all that it needs, in dist/ (docs/install.md)'
	@echo 'make fmt      format and mend what can be mended'
	@echo 'make clean    remove .venv, caches and what the demo wrote'

# SECONDS is make's variable, given on the command line; a shell's own $SECONDS counts by itself and is not used.
demo: $(READY)-run
	@scripts/broker $(VENV)
	@$(BIN)/jaego-sim demo $(if $(SECONDS),--seconds '$(SECONDS)')

test: $(READY)-all
	@scripts/broker
	@scripts/brokers
	@scripts/postgres
	@scripts/axe || echo 'axe-core could not be fetched: the accessibility of the screens is not checked'
	@scripts/asyncapi || echo 'the AsyncAPI parser could not be fetched: docs/asyncapi.json is not checked by it'
	@$(BIN)/python -m pytest -n $(or $(JOBS),2) --dist loadfile

lint: $(READY)-all
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pyright
	@$(BIN)/lint-imports

# CI does the first half as tests/test_audit.py; the second half needs a network that has the advisory database.
audit: $(READY)-all
	@scripts/audit $(VENV)

# Inputs without end against the meaning of codes and the codecs of readers; SECONDS=600 by hand, for each.
fuzz: $(READY)-all
	@$(BIN)/python tests/fuzz/identity_fuzz.py $(or $(SECONDS),30)
	@$(BIN)/python tests/fuzz/llrp_fuzz.py $(or $(SECONDS),30)
	@$(BIN)/python tests/fuzz/json_fuzz.py $(or $(SECONDS),30)
	@$(BIN)/python tests/fuzz/modules_fuzz.py $(or $(FRAMES),200000)

# Calls without end against the store's and head office's API and what their OpenAPI documents say.
api-fuzz: $(READY)-all
	@JAEGO_API_EXAMPLES=$(or $(EXAMPLES),500) $(BIN)/python -m pytest -q --timeout 0 tests/agent/web/test_openapi.py tests/headoffice/web/test_desk_openapi.py

# kill -9 of agent, broker and head office, 20 of each; CI makes 5 in `make test`.
chaos: $(READY)-all
	@scripts/broker
	@scripts/postgres
	@JAEGO_KILLS=$(or $(KILLS),20) $(BIN)/python -m pytest -q -s tests/chaos

# The uplink under faults with each of three brokers, at full length; CI plays the short form in `make test`.
uplink: $(READY)-all
	@scripts/broker
	@scripts/brokers
	@JAEGO_UPLINK=long $(BIN)/python -m pytest -q -s tests/uplink_chaos tests/access/test_other_brokers.py $(if $(BROKER),-k '$(BROKER)')

# kill -9 and freezing of workers, bridged brokers and PostgreSQL, 30 of each; with TARGET=sqlite of one worker and broker.
cluster: $(READY)-all
	@scripts/broker
	@scripts/postgres
	@JAEGO_CLUSTER_KILLS=$(or $(KILLS),30) JAEGO_CLUSTER_TARGET=$(or $(TARGET),postgres) $(BIN)/python -m pytest -q -s tests/cluster

# A store's day against what physically lies in it, SEEDS of them; CI plays two in `make test`.
day: $(READY)-all
	@scripts/broker
	@JAEGO_DAYS=$(or $(SEEDS),20) $(BIN)/python -m pytest -q tests/day

# Agent, head office, broker and devices in one process under a simulated clock; CI plays 100 days in `make test`.
explore: $(READY)-all
	@$(BIN)/python -m tests.world.explore --seeds $(or $(SEEDS),1-1000) --jobs $(or $(JOBS),2)

# The ledger on a disk that forgets, 500 cuts; CI makes 40 in `make test`. With SYNCHRONOUS=NORMAL it must fail.
power: $(READY)-all
	@PYTHONHASHSEED=0 $(BIN)/python -m tests.power.cuts --cuts $(or $(CUTS),500) $(if $(SYNCHRONOUS),--synchronous $(SYNCHRONOUS))

# sllurp and llrpkit: never in our environment, never imported.
peers: $(READY)-all
	@scripts/peers .venv-peers $(VENV)
	@JAEGO_PEERS_S=$(or $(SECONDS),4) $(BIN)/python -m pytest -q tests/peers tests/simulators/test_reader_llrp_driver.py

# Memory, files and the ledger over days of a busy store, accelerated; CI plays one in seconds. INTO=FOLDER keeps all that it wrote.
soak: $(READY)-all
	@scripts/broker
	@$(BIN)/python -m tests.soak.soak --days $(or $(DAYS),7) --seconds $(or $(SECONDS),1500) $(if $(INTO),--into '$(INTO)')

# The Debian package in a guest under QEMU, against a broker and a head office here; SHORT=1 as CI does it. Needs root once, for debootstrap.
machine: $(READY)-all
	@scripts/broker
	@scripts/machine .machine
	@JAEGO_MACHINE=$(if $(SHORT),short,long) $(BIN)/python -m pytest -q tests/machine

bench: $(READY)-all
	@scripts/broker
	@scripts/postgres
	@for file in bench/*.py; do \
	  grep -q '^if __name__ == ' "$$file" || continue; \
	  name=$$(basename "$$file" .py); echo "== $$name"; $(BIN)/python -m "bench.$$name" || exit 1; \
	done

# Strict: dead links, documents that no menu leads to and pictures that were not taken end it.
docs: $(READY)-all
	@$(BIN)/python -m tests.documents.site build/site

wheel: $(READY)-run
	@$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

deb: $(READY)-run
	@scripts/deb $(VENV)

fmt: $(READY)-all
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .venv-peers .venv-audit .demo .coverage .hypothesis .import_linter_cache .mypy_cache .ruff_cache dist build
	find $(PACKAGES) bench tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY)-run: $(INPUTS)
	@scripts/environment $(VENV) run
	@touch $@

$(READY)-all: $(INPUTS)
	@scripts/environment $(VENV) all
	@touch $(READY)-run $@
