# Everything a developer types. `make demo` and `make check` install what they need on a Debian 12 with Swift 6.3.

SHELL := /bin/bash
RELEASE := swift build -c release --static-swift-stdlib --explicit-target-dependency-import-check error
DEBUG_FLAGS := --explicit-target-dependency-import-check error
LIBRARIES := libsodium-dev libsecp256k1-dev pkg-config
TOOLS := python3-venv
FORMATTED := Package.swift Sources Tests
# Fuzzing: make fuzz TARGET=yamux FUZZ_SECONDS=600
TARGET ?= all
FUZZ_SECONDS ?= 60

.PHONY: build demo check check-units check-interop bench format lint protos fuzz clean libraries tools

build: libraries
	$(RELEASE) --product p2pd
	$(RELEASE) --product p2pctl

demo: build tools
	Tests/InteropTests/prepare
	scripts/demo

# The order puts what fails fastest first.
check: lint check-units check-interop

lint:
	swift format lint --strict --recursive $(FORMATTED)

check-units: libraries
	swift build --build-tests $(DEBUG_FLAGS)
	swift test --skip-build $(DEBUG_FLAGS)

check-interop: build tools
	Tests/InteropTests/prepare
	Tests/InteropTests/run .build/release

bench: build tools
	Tests/InteropTests/prepare
	.venv-clients/bin/python scripts/bench.py

format:
	swift format format --in-place --recursive $(FORMATTED)

# Needs protoc (protobuf-compiler) and protoc-gen-swift of the swift-protobuf version in Package.swift.
protos:
	scripts/generate-protos

fuzz: libraries
	scripts/fuzz $(TARGET) $(FUZZ_SECONDS)

clean:
	rm -rf .build .build-fuzz .venv-clients .venv-pylibp2p

libraries:
	@scripts/install-missing $(LIBRARIES)

tools:
	@scripts/install-missing $(TOOLS)
