# make run    install, migrate and start everything on this machine
# make server install and collect the assets, for a server's own start (README, "Run it on a server")
# make test   install what tests need and run them all
# make ready  get ready what tests need, beside make check
# make check  ruff, mypy and the import contracts
# make bench  the benchmarks, printed as tables
# make chaos  10,000 intents, run after run, while everything is killed at random; prints its count
# make faults 10,000 events while one thing after another is killed or cut off; compares what everybody tells
# make lock   write constraints.txt anew from requirements*.txt

PYTHON ?= $(shell for p in python3.12 python3.11 python3 python3.13 python3.14; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$p; break; }; done)
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
FREE_MB_NEEDED := 1000
# What make chaos makes: orders, changes, cancellations, closings.
INTENTS ?= 10000
TEST_POSTGRES_URL ?= postgres://postgres@127.0.0.1:5432/postgres
# tests/bench/bench_NAME.py, in the order in which make bench prints them; one that fails keeps no other one.
BENCHES := stream choice decode dom page hub idle orders overhead

.PHONY: run server test ready check bench chaos faults lock
.DELETE_ON_ERROR:

run: .venv/installed node_modules/.installed
	@$(BIN)/python -m portal.launch

server: .venv/installed node_modules/.installed
	@STATIC_ROOT="$(CURDIR)/staticfiles" SECRET_KEY=none TOKEN_KEYS=none \
		$(BIN)/python manage.py collectstatic --noinput --verbosity 0

test: .venv/dev-installed node_modules/.installed
	@$(BIN)/python -m tests

ready: .venv/dev-installed node_modules/.installed
	@$(BIN)/python -m tests.ready

check: .venv/dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/dev-installed node_modules/.installed
	@status=0; for one in $(BENCHES) "overhead --postgres $(TEST_POSTGRES_URL)"; do \
		$(BIN)/python -m tests.bench.bench_$$one || status=1; \
	done; exit $$status

chaos: .venv/dev-installed node_modules/.installed
	$(BIN)/python -m tests.chaos.long --intents $(INTENTS)

faults: .venv/dev-installed node_modules/.installed
	$(BIN)/python -m tests.faults --events 10000 --drop 60 --within 2 --taken 5 --back 5

lock: .venv/dev-installed
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url --no-header \
		--no-annotate requirements.txt requirements-dev.txt -o constraints.txt

.venv/made:
	@test -n "$(PYTHON)" || { echo "Tradeport needs Python 3.11 or newer with venv (python3-venv), and found none on PATH." >&2; exit 1; }
	@free=$$(df -Pm . | awk 'NR == 2 {print $$4}'); test "$$free" -ge $(FREE_MB_NEEDED) || \
		{ echo "The disk is full: $$free MB free, $(FREE_MB_NEEDED) MB needed to install." >&2; exit 1; }
	@echo "Creating .venv with $(PYTHON) ..."
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/installed: .venv/made requirements.txt requirements-server.txt constraints.txt
	@echo "Installing Python packages ..."
	@$(BIN)/pip install --quiet -r requirements.txt -c constraints.txt
	@touch $@

.venv/dev-installed: .venv/installed requirements-dev.txt
	@echo "Installing test tools ..."
	@$(BIN)/pip install --quiet -r requirements-dev.txt -c constraints.txt
	@touch $@

node_modules/.installed: .venv/installed package.json package-lock.json
	@echo "Installing front-end assets ..."
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --include=dev --silent --no-audit --no-fund
	@touch $@
