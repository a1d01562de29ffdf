# Vial's commands. `make demo` and `make test` need nothing but Debian and Swift: they install the
# rest themselves. Everything but an answer goes to stderr.
SHELL := /bin/bash
SWIFT ?= swift
CONFIG ?= release
QUESTION ?= What are the symptoms of anemia?
SEED ?= 2
VIAL := .build/$(CONFIG)/vial
PACKAGES := liblz4-dev libsodium-dev gcc g++ binutils
INSTALL_PACKAGES := $(PACKAGES) python3
TEST_PACKAGES := $(INSTALL_PACKAGES) python3-venv cmake jq pkg-config valgrind strace file gcc-aarch64-linux-gnu qemu-user
SWIFT_SOURCES := Package.swift Sources Tests bindings/swift
# Where make install puts things; DESTDIR goes before it when somebody makes a package.
PREFIX ?= /usr/local
DESTDIR ?=
# A folder that was staged already, to be installed without building.
STAGE ?=

.PHONY: help demo test test-documents build libvial sbom wheel test-extras install uninstall docs setup setup-install setup-tests format lint clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 13

demo: libvial ## answer a medical question with the demonstration model, through the C library
	@mkdir -p .build-libvial/bin
	@gcc -O2 -IInclude bindings/c/examples/stream.c -o .build-libvial/bin/stream \
	  -L.build-libvial/lib -lvial -Wl,-rpath,'$$ORIGIN/../lib'
	@.build-libvial/bin/stream Sources/VialCommand/Resources/demo.vial "$(QUESTION)" $(SEED)

test: setup-tests ## run every test
	@Tests/run

test-documents: setup-tests libvial ## run every command line of README and guides
	@python3 Tests/Scripts/check_documents.py

test-extras: setup-tests ## test the Python package with lm-eval, langchain-core and llama-index-core, which it installs
	@SWIFT=$(SWIFT) bindings/python/extras/run

build: setup ## build the command and the library
	@$(SWIFT) build -c $(CONFIG) >&2

libvial: setup ## build the C library: .build-libvial/lib/libvial.so.0, for Include/vial.h
	@SWIFT=$(SWIFT) bindings/c/packaging/build-library >&2

sbom: setup-install ## write what library and command consist of, as SPDX JSON
	@stage=$$(SWIFT=$(SWIFT) bindings/c/packaging/stage) && echo "$$stage/lib/libvial.spdx.json"

wheel: ## build a manylinux wheel of the Python package, with libvial: .build-python/wheels
	@$(call have,$(INSTALL_PACKAGES) python3-venv)
	@SWIFT=$(SWIFT) bindings/python/build-wheel

install: $(if $(STAGE),,setup-install) ## install command, library and manual: make install PREFIX=/usr/local
	@stage="$(STAGE)"; [ -n "$$stage" ] || stage=$$(SWIFT=$(SWIFT) bindings/c/packaging/stage) \
	  && bindings/c/packaging/install install "$$stage" "$(PREFIX)" "$(DESTDIR)"

uninstall: ## remove what make install put under the same PREFIX
	@bindings/c/packaging/install uninstall "$(PREFIX)" "$(DESTDIR)"

docs: setup ## render vial.h into .build-docs/html, vial.hpp into .build-docs/cpp, the Swift library into .build-docs/swift
	@command -v doxygen >/dev/null || { $(call have,doxygen); }
	@doxygen bindings/c/packaging/Doxyfile >&2 && echo .build-docs/html/index.html
	@doxygen bindings/cpp/Doxyfile >&2 && echo .build-docs/cpp/index.html
	@SWIFT=$(SWIFT) bindings/swift/build-docs

# Installs those of the named Debian packages that are missing, with sudo where needed.
define have
missing=""; for p in $(1); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing" >&2; \
	  run=""; [ "$$(id -u)" = 0 ] || run=sudo; \
	  { $$run apt-get update -qq && $$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; } >&2; \
	fi
endef

setup: ## install what is missing (Debian packages, with sudo where needed)
	@$(call have,$(PACKAGES))

setup-install:
	@$(call have,$(INSTALL_PACKAGES))

setup-tests: ## the same for the tests
	@$(call have,$(TEST_PACKAGES))

format: ## format the Swift sources in place
	@$(SWIFT) format --in-place --parallel --recursive $(SWIFT_SOURCES)

lint: ## fail on a formatting difference
	@$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_SOURCES)

clean: ## remove build products
	@rm -rf .build .build-libvial .build-docs .build-vectors .build-python
