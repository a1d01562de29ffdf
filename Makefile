# Vial's commands. `make demo` and `make test` need nothing but Debian and Swift: they install the
# rest themselves. Everything but an answer goes to stderr.
SHELL := /bin/bash
SWIFT ?= swift
CONFIG ?= release
QUESTION ?= What are the symptoms of anemia?
SEED ?= 2
VIAL := .build/$(CONFIG)/vial
PACKAGES := liblz4-dev libsodium-dev gcc g++ binutils
SWIFT_SOURCES := Package.swift Sources Tests

.PHONY: help demo test build libvial setup format lint clean

help: ## list the commands
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 12

demo: libvial ## answer a medical question with the demonstration model, through the C library
	@mkdir -p .build-libvial/bin
	@gcc -O2 -IInclude Tests/ABI/examples/stream.c -o .build-libvial/bin/stream \
	  -L.build-libvial/lib -lvial -Wl,-rpath,'$$ORIGIN/../lib'
	@.build-libvial/bin/stream Sources/VialCommand/Resources/demo.vial "$(QUESTION)" $(SEED)

test: PACKAGES += gcc-aarch64-linux-gnu qemu-user python3-venv file
test: setup ## run every test
	@Tests/run

build: setup ## build the command and the library
	@$(SWIFT) build -c $(CONFIG) >&2

libvial: setup ## build the C library: .build-libvial/lib/libvial.so.0, for Include/vial.h
	@SWIFT=$(SWIFT) Sources/VialABI/build-library >&2

setup: ## install what is missing (Debian packages, with sudo where needed)
	@missing=""; for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing" >&2; \
	  run=""; [ "$$(id -u)" = 0 ] || run=sudo; \
	  { $$run apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$run apt-get install -y -qq $$missing; } >&2; \
	fi

format: ## format the Swift sources in place
	@$(SWIFT) format --in-place --parallel --recursive $(SWIFT_SOURCES)

lint: ## fail on a formatting difference
	@$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_SOURCES)

clean: ## remove build products
	@rm -rf .build .build-libvial .build-vectors
