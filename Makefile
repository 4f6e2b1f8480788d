# Two commands: `make run` serves NetSketch, `make test` checks it.
# Everything is installed into .venv in this folder; deleting that folder undoes it.

PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin

KEYWORDS := -k _ -k N_ -k message -k n_:1,2

.NOTPARALLEL:
.PHONY: help run test quick screenshots translations bench locked clean venv venv-dev browser

help: ## show this list (the default)
	@echo 'NetSketch: sketch a network, watch it learn, sketch a digit.'
	@echo
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1	/p' Makefile | expand -t 22
	@echo
	@echo 'Variables: PYTHON (3.11 or newer; default python3), PORT (default 8501).'

run: venv ## serve NetSketch on this machine; PORT=8501
	@$(BIN)/python -m core.start
	@port=$$($(BIN)/python -c "$$FREE_PORT" '$(PORT)') || exit 1; \
	[ "$$port" = '$(PORT)' ] || echo "Port $(PORT) is in use: taking $$port."; \
	echo "NetSketch: http://127.0.0.1:$$port (Ctrl-C stops it)"; \
	exec $(BIN)/python -m streamlit run app.py --server.port="$$port"

test: browser ## run every check: style, types, and all tests, a real browser's too
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -q -n 2 --no-loadscope-reorder

quick: venv-dev ## style, types, and the tests that a change can break: under 3 minutes; SINCE=main
	@$(BIN)/python -m tests.quick $(SINCE)

screenshots: browser ## take the README's pictures anew
	$(BIN)/python -m tests.e2e.screenshots

translations: venv-dev ## collect the texts to be translated, and compile the catalogues
	@mkdir -p build
	$(BIN)/pybabel -q extract $(KEYWORDS) --add-location=file --sort-by-file --omit-header \
		-o build/netsketch.pot core pages app.py
	$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date \
		--width=100 -D netsketch -d core/words/locale -i build/netsketch.pot
	$(BIN)/pybabel -q compile --statistics -D netsketch -d core/words/locale

bench: venv-dev ## measure: NAME=first_light runs one benchmark; without NAME, list them
ifdef NAME
	$(BIN)/python -m tests.bench.$(NAME)
else
	@echo 'Benchmarks (make bench NAME=...):'
	@ls tests/bench | sed -n '/^_/d; s/^\(.*\)\.py$$/  \1/p'
endif

locked: venv-dev ## take the newest of what the requirements bring with them: constraints.txt
	$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check \
		--upgrade --upgrade-strategy eager -r requirements-dev.txt
	$(BIN)/python -m tests.locked

clean: ## delete caches and test leftovers; keep .venv
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis test-results build
	find . -path ./.venv -prune -o -type d -name __pycache__ -exec rm -rf {} +

venv:
	@$(call install,requirements.txt,requirements.txt constraints.txt)

venv-dev:
	@$(call install,requirements-dev.txt,requirements.txt requirements-dev.txt constraints.txt)

browser: venv-dev
	@$(BIN)/python -m tests.browser

# $(call install,FILE,FILES): make .venv where there is none that works, then install FILE into it,
# and what that brings with it in the versions of constraints.txt, unless FILES read as they did
# when they were last installed (.venv/installed holds their copies).
# .venv/installing outlives an interrupted install, which leaves packages that pip believes whole:
# such a .venv is made anew. The trap keeps a shell that outlives Ctrl-C from removing it.
define install
	set -e; done=.venv/installed; half=.venv/installing; \
	if [ ! -e $$half ] && $(BIN)/python -c '' 2>/dev/null; then \
		stale=; for file in $(2); do cmp -s $$file $$done/$$file || stale=yes; done; \
		[ -n "$$stale" ] || exit 0; \
	fi; \
	if [ -e $$half ] || ! $(BIN)/python -c "$$USABLE; import pip" 2>/dev/null; then \
		for python in '$(PYTHON)' python3 python3.14 python3.13 python3.12 python3.11 ''; do \
			[ -n "$$python" ] || break; \
			! "$$python" -c "$$USABLE" 2>/dev/null || break; \
		done; \
		if [ -z "$$python" ]; then \
			echo 'NetSketch needs Python 3.11 or newer with its venv module, and found none here.' >&2; \
			echo 'Install it (Debian, Ubuntu: apt install python3 python3-venv),' >&2; \
			echo 'or name one: make PYTHON=/path/to/python3.12 ...' >&2; \
			exit 1; \
		fi; \
		echo "Making .venv with $$("$$python" --version)."; \
		rm -rf .venv; mkdir .venv; : > $$half; \
		"$$python" -m venv .venv; \
	fi; \
	echo 'Installing $(1) into .venv: the first time takes some minutes, most of it PyTorch.'; \
	trap 'exit 130' INT TERM HUP; \
	rm -rf $$done; : > $$half; code=0; \
	$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check \
		-r $(1) -c constraints.txt || code=$$?; \
	rm -f $$half; \
	if [ $$code -ne 0 ]; then \
		echo 'pip could not install $(1): its reason is above. The same command tries again.' >&2; \
		exit 1; \
	fi; \
	mkdir $$done; cp $(2) $$done
endef

define USABLE
import sys, ensurepip, venv; assert sys.version_info >= (3, 11)
endef

define FREE_PORT
import socket, sys

def free(port):
    with socket.socket() as client, socket.socket() as server:
        client.settimeout(1)
        if client.connect_ex(("127.0.0.1", port)) == 0:
            return False
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

word = sys.argv[1]
first = int(word) if word.isascii() and word.isdigit() else 0
if not 1 <= first <= 65535:
    sys.exit(f"PORT must be a number from 1 to 65535, not {word!r}.")
tried = range(first, min(first + 50, 65536))
port = next((port for port in tried if free(port)), None)
sys.exit(f"No free port from {tried[0]} to {tried[-1]}: name another, PORT=...") if port is None else print(port)
endef
export USABLE FREE_PORT
