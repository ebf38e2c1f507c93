# Everything here works from a fresh clone with python3 (3.11 or later, with venv) and make alone.
PYTHON ?= python3
# A .venv that make has not made is somebody's own, and stays as it is.
VENV := $(if $(wildcard .venv/.core .venv/.by-make),.venv,$(if $(wildcard .venv),.venv-make,.venv))
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo help test check speedups wheels docs games godot4 engines conformance fuzz attack stalled sipping soak bench profile lock clean

# The arena. SECONDS for how long; by default 60, or until a key, in a terminal, and 10 without one.
demo: $(VENV)/.demos
	$(BIN)/python -m demos.arena $(if $(SECONDS),--seconds $(SECONDS))

# What there is to make, with the comments of this file.
help:
	@awk '/^#/ {about = about substr($$0, 2); next} /^[a-z0-9]+:.*=/ {next} \
		/^[a-z0-9]+:/ {printf "make %-12s%s\n", substr($$1, 1, length($$1) - 1), about} {about = ""}' Makefile

# The tests; ARGS='-x tests/peers' goes to pytest.
test: $(VENV)/.installed
	$(BIN)/python -m pytest $(ARGS)

# ruff, its format, pyright (of the pages' programs too), import-linter.
check: $(VENV)/.checkers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python -m tests.program_types
	$(BIN)/lint-imports

# The site, in build/site; warnings are errors, and so are links within it that lead nowhere.
docs: $(VENV)/.docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --jobs auto --conf-dir docs . build/site
	@echo "The site is in build/site: open build/site/index.html"

# Compiles gdpeers-speedups, and installs it beside gdpeers.
speedups: $(VENV)/.speedups
	@$(BIN)/python -c 'from multiplayer.accelerator import is_accelerated as used; print("gdpeers uses its speedups." if used() else "GDPEERS_PURE is set: the speedups are installed, and not used.")'

# The wheels of gdpeers and of its speedups, each built in an environment of its own, and both tried in a clean one.
# Then that of gdpeers alone, with what pip finds for it, runs the programs of the README and of the how-to pages.
# ALL=1 for each Python from 3.11 on that is there.
wheels: $(VENV)/.core
	rm -rf build/wheels build/clean
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheels . ./speedups
	$(PYTHON) -m venv build/clean
	build/clean/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/core.lock
	build/clean/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index build/wheels/*.whl
	cd build && clean/bin/python -P ../tests/installed.py
	$(BIN)/python -m tests.wheels $(if $(ALL),--all) build/wheels/gdpeers-[0-9]*.whl

# The players of docs/howto/game-loop.md, in an environment of their own: the libraries are large. arcade draws by EGL
# (Debian: libegl1, libgl1).
games: export GDPEERS_REQUIRE_GAMES = 1
games: requirements/games.lock
	$(PYTHON) -m venv $(VENV)-games
	$(VENV)-games/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/games.lock
	$(VENV)-games/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(VENV)-games/bin/python -m pytest tests/demos/test_game_loop_page.py

# The engine for the tests marked godot4; npm and a Chromium have to be there.
godot4: $(VENV)/.installed
	$(BIN)/python -m tests.interop.godot4.install

# The native engines for the tests marked native4 and native3, from Debian; apt has to know Debian's archive.
engines:
	sh tests/interop/native/engines.sh .cache/engines

# Writes docs/conformance.md, by all tests of real engines.
conformance: $(VENV)/.installed
	GDPEERS_REQUIRE_ENGINES=1 GDPEERS_WRITE_CONFORMANCE=1 $(BIN)/python -m pytest tests/interop

# Any bytes at all, to what reads them: SECONDS for each target; TARGETS='variant4 msgpack' for some of them only.
fuzz: SECONDS ?= 30
fuzz: $(VENV)/.fuzzers
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(TARGETS)

# Hostile clients. ATTACKS='pings slowloris' for some of them only.
attack: $(VENV)/.installed
	$(BIN)/python -m tests.hostile $(ATTACKS)

# One stalled reader among 100 peers.
stalled: $(VENV)/.installed
	$(BIN)/python -m tests.hostile.stalled

# The rates of 199 peers, with and without one more that reads a byte a second.
sipping: $(VENV)/.installed
	$(BIN)/python -m tests.hostile.sipping

# Players come and go for SECONDS, by default 300. API=1 for a server with SceneMultiplayer.
soak: SECONDS ?= 300
soak: $(VENV)/.installed
	$(BIN)/python -m tests.hostile.soak --seconds $(SECONDS) $(if $(API),--api)

# The benchmarks. ARGS=--quick takes fewer and shorter rounds, ARGS=--help says which there are.
bench: $(VENV)/.rivals
	$(BIN)/python -m benchmarks $(ARGS)

# Where the time goes. ARGS='received crowd sent' for some of them only, ARGS=--help says what they are.
profile: $(VENV)/.installed
	$(BIN)/python -m benchmarks.profiling $(ARGS)

$(VENV)/.core: requirements/core.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "gdpeers needs Python 3.11 or later; name one with 'make PYTHON=python3.11 …'." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing; install it first (Debian: apt-get install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $(VENV)/.by-make
	$(INSTALL) --require-hashes -r requirements/core.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.demos: requirements/demos.lock $(VENV)/.core
	$(INSTALL) --require-hashes -r requirements/demos.lock
	@touch $@

$(VENV)/.installed: requirements/test.lock $(VENV)/.core
	$(INSTALL) --require-hashes -r requirements/test.lock
	@touch $@

$(VENV)/.checkers: requirements/check.lock $(VENV)/.installed
	$(INSTALL) --require-hashes -r requirements/check.lock
	@touch $@

$(VENV)/.docs: requirements/docs.lock $(VENV)/.core
	$(INSTALL) --require-hashes -r requirements/docs.lock
	@touch $@

$(VENV)/.fuzzers: requirements/fuzz.lock $(VENV)/.installed
	$(INSTALL) --require-hashes -r requirements/fuzz.lock
	@touch $@

$(VENV)/.rivals: requirements/bench.lock $(VENV)/.installed
	$(INSTALL) --require-hashes -r requirements/bench.lock
	@touch $@

$(VENV)/.speedups: requirements/speedups.lock speedups/gdpeers_speedups.py speedups/pyproject.toml speedups/setup.py $(VENV)/.core
	@command -v $${CC:-cc} >/dev/null || \
		{ echo "A C compiler is missing; install one first (Debian: apt-get install gcc libc6-dev)." >&2; exit 1; }
	@$(BIN)/python -c 'import pathlib, sys, sysconfig; sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())' || \
		{ echo "Python's headers are missing; install them first (Debian: apt-get install python3-dev)." >&2; exit 1; }
	$(INSTALL) --require-hashes -r requirements/speedups.lock
	$(INSTALL) --no-deps --no-build-isolation --force-reinstall ./speedups
	@touch $@

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet pyproject.toml
# For maintainers: needs uv. The locks name versions and hashes, never where they come from.
lock:
	$(COMPILE) --group build -o requirements/core.lock
	$(COMPILE) --group build --group demos -o requirements/demos.lock
	$(COMPILE) --group build --group demos --group test --group conformance -o requirements/test.lock
	$(COMPILE) --group build --group demos --group test --group conformance --group check -o requirements/check.lock
	$(COMPILE) --group build --group demos --group test --group conformance --group fuzz -o requirements/fuzz.lock
	$(COMPILE) --group build --group docs -o requirements/docs.lock
	$(COMPILE) --group build --group speedups -o requirements/speedups.lock
	$(COMPILE) --group build --group demos --group test --group games -o requirements/games.lock
	$(COMPILE) --group build --group bench -o requirements/bench.lock

# Removes what make has made.
clean:
	rm -rf $(VENV) $(VENV)-games build speedups/build speedups/*.c .fuzz .pytest_cache .ruff_cache .hypothesis .import_linter_cache
