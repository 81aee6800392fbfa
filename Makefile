# `make up` runs everything on this machine; `make test` proves it. Both install what they need first.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/gpuaas-target
UP ?=

.PHONY: up test check golden screenshots dist cost clean

up: ## Install what is missing, build, run everything on this machine
	scripts/setup.sh build
	cargo build --workspace --locked
	$(CARGO_TARGET_DIR)/debug/gpuaas up $(UP)

test: ## Install what tests need, then format, lints, tests on both databases, pages in a browser
	scripts/setup.sh test
	scripts/test.sh

check: ## The quick part: format, lints, tests
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/with-postgres.sh cargo nextest run --workspace

golden: ## Write the golden files anew; look at the diff
	GPUAAS_GOLDEN=1 scripts/with-postgres.sh cargo nextest run --workspace -E 'test(golden)'
	git diff --stat golden

screenshots: ## Every page, light and dark, 1,440 and 375 px, into web/e2e/test-results/screenshots
	cargo build --workspace
	cd web && GPUAAS_BIN=$(CARGO_TARGET_DIR)/debug/gpuaas node e2e/screenshots.mjs

dist: ## Build what ships
	cargo build --workspace --locked --profile dist

cost: ## CPU seconds of a body edit and of a signature edit in the product crate
	scripts/cost.sh

clean: ## Remove what was built
	cargo clean
