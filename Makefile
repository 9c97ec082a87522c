# kfp-lifecycle: the two commands are `make demo` and `make test`; `make help` lists the rest.
PYTHON ?= python3
STEPS := .venv/steps/bin
UV := .tools/bin/uv
UV_VERSION := 0.13.9
# pip's index settings apply to uv as well.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
export UV_LINK_MODE ?= hardlink

.PHONY: help env demo demo-story test examples check locks pipelines readmes benchmarks clean

help:  ## List the targets.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1\t/'

# Bytecode is compiled once here: each step is a process of its own, and would compile it again where
# PYTHONDONTWRITEBYTECODE is set.
env: .venv/steps/.ready .venv/serve/.ready  ## Make both environments from the hash locks.

$(UV):
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v in ((3, 11), (3, 12)) else f"PYTHON={sys.executable} is Python {v[0]}.{v[1]}: expected 3.11 or 3.12. Run make PYTHON=/path/to/python3.11")'
	@echo "Making the environments (about 1 GB, once) ..."
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/%/.ready: images/%.txt setup.cfg | $(UV)
	@test -x .venv/$*/bin/python || $(UV) venv --quiet --python $(PYTHON) .venv/$*
	@$(UV) pip sync --quiet --require-hashes --compile-bytecode --python .venv/$*/bin/python images/$*.txt
	@$(UV) pip install --quiet --no-deps --python .venv/$*/bin/python --editable .
	@touch $@
	@echo "  .venv/$* is ready"

demo: env  ## Train, gate, register, release and canary two models on real flights; KEEP=1 leaves the cluster up.
	@$(STEPS)/python examples/flights/demo.py $(if $(KEEP),--keep)

demo-story: env  ## Live through weeks 14 to 52 of real flights, once by each of two policies: served, monitored, retrained.
	@$(STEPS)/python examples/flights/story.py --policy log_loss --folder build/story-log-loss
	@$(STEPS)/python examples/flights/story.py --policy d2_log_loss $(if $(KEEP),--keep)

test: env check  ## Run every check and every test.
	@$(STEPS)/python -m pytest -n 4 --dist loadgroup

check: env  ## Format, lint, types and import contracts.
	@$(STEPS)/ruff format --check --quiet . && $(STEPS)/ruff check --quiet .
	@$(STEPS)/mypy
	@$(STEPS)/lint-imports --no-logo

examples: env  ## Run the whole example of a user's own tests, in a copy of its own.
	@copy=$$(mktemp -d) && cp -r examples/testing/. $$copy && cd $$copy && \
	  $(CURDIR)/$(STEPS)/python -m pytest -p no:cacheprovider; code=$$?; rm -rf $$copy; exit $$code

pipelines: env  ## Compile every pipeline and component into build/.
	@$(STEPS)/python compile.py

readmes: env  ## Write the generated READMEs and manifests again.
	@$(STEPS)/kfp-lifecycle generate

locks: | $(UV)  ## Resolve the five hash locks again from setup.cfg and images/constraints.txt.
	@sh images/lock.sh $(UV)

benchmarks: env  ## Run the benchmarks; takes about an hour.
	@$(STEPS)/python benchmarks/serving.py
	@$(STEPS)/python benchmarks/local_cluster.py
	@$(STEPS)/python benchmarks/overhead.py
	@$(STEPS)/python benchmarks/payload_log.py
	@$(STEPS)/python benchmarks/drift.py
	@$(STEPS)/python benchmarks/false_alarms.py
	@$(STEPS)/python benchmarks/few_calibration_windows.py
	@$(STEPS)/python benchmarks/retrain_rule.py
	@$(STEPS)/python benchmarks/release_under_load.py
	@$(STEPS)/python benchmarks/every_release_write_killed.py

clean:  ## Remove what make made.
	@rm -rf .venv .tools build
