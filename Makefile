# The build of libforker; `make help` lists the targets. Go, gcc and GNU ld are all that `make` and `make run` need.

VERSION := $(shell sed -n 's/^.define FORKER_VERSION "\(.*\)"/\1/p' include/forker.h)
SONAME := libforker.so.$(firstword $(subst ., ,$(VERSION)))

BUILD ?= build
override BUILD := $(abspath $(BUILD))
comma := ,
ifneq ($(words $(CURDIR) $(BUILD))$(findstring $(comma),$(CURDIR)),2)
$(error the linker flags cannot carry a path with white space or a comma: move the source tree out of "$(CURDIR)")
endif

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
DOCDIR ?= $(DATADIR)/doc/forker
MANDIR ?= $(DATADIR)/man
FUZZTIME ?= 30s
GO ?= go
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g
export CC CXX
export CGO_ENABLED := 1
export FORKER_BUILD := $(BUILD)

# Go's build cache knows a package's own files only: an edit of a header in another folder, include/forker.h among them,
# would not be compiled in. As a part of the flags it is.
HEADERS := $(shell find include capi -name '*.h')
export CGO_CPPFLAGS := $(filter-out -DFORKER_HEADERS=%,$(CGO_CPPFLAGS)) -DFORKER_HEADERS=$(shell cat $(HEADERS) | sha256sum | cut -c 1-16)

# The C parts are hardened as distributions build, those that Go brings along too. Flags of the caller's come last and so
# go before. _FORTIFY_SOURCE wants optimisation, and would hide calls from AddressSanitizer.
CGO_CFLAGS ?= -O2 -g
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
HARDENED := -fstack-protector-strong -fcf-protection -mbranch-protection=standard
PROCESSOR := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
GIVEN_CFLAGS := $(filter-out $(HARDENED) $(FORTIFY),$(CGO_CFLAGS))
override CGO_CFLAGS := $(strip -fstack-protector-strong \
	$(if $(filter x86_64,$(PROCESSOR)),-fcf-protection) $(if $(filter aarch64,$(PROCESSOR)),-mbranch-protection=standard) \
	$(if $(filter-out -O0,$(lastword $(filter -O%,$(GIVEN_CFLAGS)))),\
		$(if $(filter -fsanitize=% -D_FORTIFY_SOURCE=%,$(GIVEN_CFLAGS)),,$(FORTIFY))) $(GIVEN_CFLAGS))
export CGO_CFLAGS

MAKEFLAGS += --no-builtin-rules
SIDE_BY_SIDE := test-blackbox test-others
.DELETE_ON_ERROR:
ifneq ($(MAKECMDGOALS),$(SIDE_BY_SIDE))
.NOTPARALLEL: # go build and go test use all cores by themselves, and tests and checks are easier to read in order
endif
.DEFAULT_GOAL := all

## all           build the library and the examples into build/ (the default)
.PHONY: all lib examples
all: lib examples

# ------------------------------------------------------------------------------------------------------------- library

LIB := $(BUILD)/libforker.so.$(VERSION)
API := $(BUILD)/api
LINKS := $(BUILD)/$(SONAME) $(BUILD)/libforker.so
FOREIGN := LICENSES bench bindings build docs examples_c packaging tests tools
SOURCES := go.mod go.sum Makefile \
	$(shell find $(filter-out $(FOREIGN),$(patsubst %/,%,$(wildcard */))) -type f -not -name '*_test.go' -not -path '*/testdata/*')

# Two thirds of what debuggers read are saved by compressing it. Go's linker would ask for that by itself, but for the linker script, with
# which the program does not link that it tries the flag with.
EXTLDFLAGS := -fuse-ld=bfd -Wl,--compress-debug-sections=zlib -Wl,-T,$(CURDIR)/capi/link/late_start.ld \
	-Wl,--version-script=$(CURDIR)/capi/link/forker.map -Wl,-soname,$(SONAME) \
	-Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,text

## lib           build only the library: libforker.so.<version> and its two symbolic links
lib: $(LIB) $(LINKS)

# The Go linker writes a header next to its output; nobody outside capi may use it. The library is moved into place
# whole, so that a program which has the old one mapped keeps it. An empty build id leaves no trace of where it was
# built.
$(LIB): $(SOURCES)
	@command -v $(GO) >/dev/null || { echo "libforker needs Go to build: https://go.dev/dl/"; exit 1; }
	@command -v $(CC) >/dev/null || { echo "libforker needs a C compiler to build: $(CC) is not there"; exit 1; }
	@mkdir -p $(BUILD)/link
	@rm -f $(BUILD)/link/libforker.so
	$(GO) build -buildmode=c-shared -trimpath -buildvcs=false -ldflags '-buildid= -extldflags "$(EXTLDFLAGS)"' \
		$(GOBUILDFLAGS) -o $(BUILD)/link/libforker.so ./capi
	@mv $(BUILD)/link/libforker.so $@
	@rm -r $(BUILD)/link

$(LINKS): $(LIB)
	@ln -sf $(<F) $@

## arm64         cross-build the library for arm64 into build/arm64/
.PHONY: arm64
arm64:
	@tools/install-deps arm64
	$(MAKE) lib GOARCH=arm64 CC=aarch64-linux-gnu-gcc BUILD=$(BUILD)/arm64

## asan          build the library with its C parts under AddressSanitizer and UBSan into build/asan/
.PHONY: asan
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
asan:
	$(MAKE) lib BUILD=$(BUILD)/asan GOBUILDFLAGS="$(GOBUILDFLAGS) -pgo=off" CGO_CFLAGS="-O1 -g $(SANITIZE)" CGO_LDFLAGS="$(SANITIZE)"

# ------------------------------------------------------------------------------------------------------------ examples

HAS_LIBEVENT := $(shell pkg-config --exists libevent 2>/dev/null && echo yes)
HAS_SQLITE := $(shell pkg-config --exists sqlite3 2>/dev/null && echo yes)
EXAMPLE_FILES := $(filter-out $(if $(HAS_LIBEVENT),,%/libevent_loop.c) $(if $(HAS_SQLITE),,%/rest.c %/rest.cpp), \
	$(wildcard examples_c/*.c) $(if $(shell command -v $(CXX)),$(wildcard examples_c/*.cpp)))
EXAMPLES := $(patsubst examples_c/%.c,$(BUILD)/%,$(filter %.c,$(EXAMPLE_FILES))) \
	$(patsubst examples_c/%.cpp,$(BUILD)/%_cpp,$(filter %.cpp,$(EXAMPLE_FILES)))
LINK_FORKER := -L$(BUILD) -lforker -Wl,-rpath

# Those whose messages a protobuf library packs. Each has code of its own, which its generator makes of the .proto.
PROTOBUF := examples_c/protobuf
GENERATED := $(BUILD)/generated
HAS_PROTOC := $(shell command -v protoc)
EXAMPLES += $(if $(and $(HAS_PROTOC),$(shell command -v protoc-gen-nanopb),$(wildcard /usr/include/pb_encode.h)),$(BUILD)/greeter_nanopb) \
	$(if $(and $(HAS_PROTOC),$(shell command -v protoc-gen-c),$(shell pkg-config --exists libprotobuf-c 2>/dev/null && echo yes)),$(BUILD)/greeter_protobuf_c) \
	$(if $(and $(HAS_PROTOC),$(shell command -v $(CXX)),$(shell pkg-config --exists protobuf 2>/dev/null && echo yes)),$(BUILD)/greeter_cpp)

## examples      build the examples into build/ (x.cpp: x_cpp; those on other libraries if these are installed)
examples: $(EXAMPLES)

$(BUILD)/%: examples_c/%.c include/forker.h $(LINKS)
	$(CC) -std=c11 -Wall -Wextra $(CFLAGS) -Iinclude -o $@ $< $(LINK_FORKER),'$$ORIGIN' $(LIBS)

$(BUILD)/libevent_loop: LIBS = $(shell pkg-config --cflags --libs libevent)

$(BUILD)/rest $(BUILD)/rest_cpp: LIBS = $(shell pkg-config --cflags --libs sqlite3)

$(BUILD)/greeter_nanopb: $(PROTOBUF)/greeter_nanopb.c $(PROTOBUF)/helloworld.proto $(PROTOBUF)/helloworld.options include/forker.h $(LINKS)
	@mkdir -p $(GENERATED)/nanopb
	protoc -I$(PROTOBUF) --nanopb_out=-I$(PROTOBUF):$(GENERATED)/nanopb helloworld.proto
	$(CC) -std=c11 -Wall -Wextra $(CFLAGS) -Iinclude -I$(GENERATED)/nanopb -o $@ $< $(GENERATED)/nanopb/helloworld.pb.c \
		$(LINK_FORKER),'$$ORIGIN' -lprotobuf-nanopb

$(BUILD)/greeter_protobuf_c: $(PROTOBUF)/greeter_protobuf_c.c $(PROTOBUF)/helloworld.proto include/forker.h $(LINKS)
	@mkdir -p $(GENERATED)/protobuf_c
	protoc -I$(PROTOBUF) --c_out=$(GENERATED)/protobuf_c helloworld.proto
	$(CC) -std=c11 -Wall -Wextra $(CFLAGS) -Iinclude -I$(GENERATED)/protobuf_c -o $@ $< $(GENERATED)/protobuf_c/helloworld.pb-c.c \
		$(LINK_FORKER),'$$ORIGIN' $$(pkg-config --cflags --libs libprotobuf-c)

$(BUILD)/greeter_cpp: $(PROTOBUF)/greeter.cpp $(PROTOBUF)/helloworld.proto include/forker.h include/forker.hpp $(wildcard include/forker/*.hpp) $(LINKS)
	@mkdir -p $(GENERATED)/cpp
	protoc -I$(PROTOBUF) --cpp_out=$(GENERATED)/cpp helloworld.proto
	$(CXX) -std=c++17 -Wall -Wextra $(CXXFLAGS) -Iinclude -I$(GENERATED)/cpp -o $@ $< $(GENERATED)/cpp/helloworld.pb.cc \
		$(LINK_FORKER),'$$ORIGIN' $$(pkg-config --cflags --libs protobuf)

$(BUILD)/%_cpp: examples_c/%.cpp include/forker.h include/forker.hpp $(wildcard include/forker/*.hpp) $(LINKS)
	$(CXX) -std=c++17 -Wall -Wextra $(CXXFLAGS) -Iinclude -o $@ $< $(LINK_FORKER),'$$ORIGIN' $(LIBS)

## run           serve examples_c/hello.c on http://localhost:8080/ (ADDRESS=:9000: elsewhere)
.PHONY: run
ADDRESS = :8080
run: $(BUILD)/hello
	@echo 'serving hello on $(if $(filter :%,$(ADDRESS)),http://localhost$(ADDRESS)/,$(ADDRESS)) by one worker per core; stop it with Ctrl-C'
	@exec $< '$(ADDRESS)'

# --------------------------------------------------------------------------------------------------------------- tests

GO_TOOL := $(GO) tool -modfile=tools/go.mod
GO_TEST := $(GO_TOOL) gotestsum --format pkgname --format-icons text --
PURE = $$($(GO) list -f '{{if not .CgoFiles}}{{.ImportPath}}{{end}}' ./... | grep -v /tests/)
PYTHON_TESTS := $(wildcard bindings/python/tests)

## test          run every test: Go, Go under the race detector, C and C++ programs, install, Python
.PHONY: test test-go test-packages test-blackbox test-others test-race test-python
test: deps
	@# Another make: which examples there are depends on what deps has installed.
	@$(MAKE) --no-print-directory all asan python
	@# Black-box tests wait most of the time, and bear others beside them.
	@$(MAKE) --no-print-directory -j2 $(SIDE_BY_SIDE)
	@echo "make test: all tests passed (skipped ones, if any, are listed above with their reasons)"

test-others:
	@$(MAKE) --no-print-directory test-packages test-race test-python

## test-go       run the Go tests; those under tests/ drive the built library, C, C++ and real clients
test-go: test-packages test-blackbox

## test-blackbox  run the black-box tests: those of tests/blackbox
test-blackbox: all asan
	$(GO_TEST) -count=1 -vet=off -timeout 40m ./tests/blackbox

test-packages: all asan
	$(GO_TEST) -count=1 -p 1 -vet=off -timeout 40m $$($(GO) list ./... | grep -v '/tests/blackbox$$')

## test-race     run the tests of the packages without cgo under the race detector, with invariants on
test-race:
	$(GO_TEST) -race -tags invariants -count=1 -vet=off -timeout 20m $(PURE)

ACCEL := bindings/python/src/forker/_accel.abi3.so
ACCEL_SOURCES := $(wildcard bindings/python/accel/*.c)
ACCEL_HEADERS := $(wildcard bindings/python/accel/*.h) include/forker.h

## python        build forker._accel, which makes the Python package faster; PYTHON=python3.12 for another Python
PYTHON ?= /usr/bin/python3
PYTHON_INCLUDE = $(shell $(PYTHON) -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
.PHONY: python
# A free-threaded Python has no limited API, which the extension is of.
PYTHON_IS_FREE = $(PYTHON) -c 'import sys; sys.exit("t" not in sys.abiflags)'
python:
	@if $(PYTHON_IS_FREE); then \
		echo '$(PYTHON) is free-threaded: there is no forker._accel for it, and the package does the same by ctypes'; \
	else \
		$(MAKE) --no-print-directory $(ACCEL); \
	fi
$(ACCEL): $(ACCEL_SOURCES) $(ACCEL_HEADERS)
	$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -fPIC -shared -DPy_LIMITED_API=0x030a0000 -Wall -Wextra -Wconversion -isystem $(PYTHON_INCLUDE) -Iinclude \
		-o $@ $(ACCEL_SOURCES)

## wheels        build the wheels of the Python package into build/dist; check-wheels installs them offline and serves
.PHONY: wheels check-wheels
wheels: lib python
	tools/make-wheels $(BUILD)/$(SONAME) $(ACCEL) $(BUILD)/dist
check-wheels: wheels
	tools/check-wheels $(BUILD)/dist

## test-python   run the tests of the Python binding, by ctypes alone and with forker._accel
TEST_PYTHON := PYTHONPATH=bindings/python/src FORKER_LIBRARY=$(BUILD)/$(SONAME)
test-python: lib python
	$(TEST_PYTHON) FORKER_ACCEL=0 $(PYTHON) -W error $(PYTHON_TESTS)
	$(PYTHON_IS_FREE) || $(TEST_PYTHON) FORKER_ACCEL=1 $(PYTHON) -W error $(PYTHON_TESTS)

## test-invariants  run the black-box tests with memory mangled when its time is over (six minutes)
.PHONY: test-invariants
test-invariants: deps
	@$(MAKE) --no-print-directory all asan BUILD=$(BUILD)/invariants GOBUILDFLAGS="$(GOBUILDFLAGS) -tags invariants"
	FORKER_BUILD=$(BUILD)/invariants $(GO_TEST) -count=1 -vet=off -timeout 30m ./tests/blackbox

## test-systemd  run the units of packaging/ under a systemd that is pid 1, of a virtual machine (SUITE=bookworm TESTFLAGS=)
.PHONY: test-systemd
test-systemd:
	@tools/install-deps vm
	@$(MAKE) --no-print-directory all
	tests/systemd/run $(BUILD) $(TESTFLAGS)

## test-languages  run a hello in each of the languages of docs/LANGUAGES.md; not part of test: they take 600 MB to install
.PHONY: test-languages
test-languages:
	@tools/install-deps languages
	@$(MAKE) --no-print-directory lib api
	$(GO_TEST) -count=1 -vet=off -timeout 10m -tags languages ./tests/languages

## test-clients  have other clients ask by HTTP/2: Node.js, Java, Python's httpx, Chromium, which uploads by a form too; not part of test: they take 600 MB to install
.PHONY: test-clients
test-clients:
	@tools/install-deps clients
	@$(MAKE) --no-print-directory all
	$(GO_TEST) -count=1 -vet=off -timeout 10m -tags clients -run "HTTP2Clients|Browser" ./tests/blackbox

## soak          run the long versions of the black-box tests (half an hour), and print what they count: ledgers of 60 s, 10 million requests
.PHONY: soak
soak: deps
	@$(MAKE) --no-print-directory all asan
	FORKER_SOAK=1 $(GO_TOOL) gotestsum --format standard-verbose -- -count=1 -vet=off -timeout 90m ./tests/blackbox

## suites        run the suites of others that are installed for it (half an hour): connectconformance, ghz, gRPC's interoperability tests, testssl.sh, those of frameworks of Python
.PHONY: suites
suites: all python
	@tools/install-deps suites
	@tools/suites $(BUILD)

## fuzz          run each Go fuzz target for FUZZTIME=30s
.PHONY: fuzz
fuzz: lib
	@tools/fuzz $(FUZZTIME)

# -------------------------------------------------------------------------------------------------------------- checks

C_FILES := $(wildcard include/*.h capi/*.c capi/*/*.[ch] examples_c/*.c examples_c/*.cpp examples_c/*/*.c examples_c/*/*.cpp bench/*.c bench/*/*.[ch] bench/*/*.cpp tools/*.c) \
	$(shell find tests -name '*.[ch]' -o -name '*.cpp')

## check         check format, lint, C warnings, header dialects, layers and generated files
.PHONY: check check-go check-c check-docs
check: check-go check-c check-docs
	@tools/check-layers
	@echo "make check: nothing to complain about"

## check-go      gofumpt, go vet, staticcheck, errcheck
check-go:
	@unformatted=$$($(GO_TOOL) gofumpt -l .); [ -z "$$unformatted" ] || { echo "not gofumpt's format:" $$unformatted; exit 1; }
	$(GO) vet ./... && $(GO) vet -tags invariants ./... && $(GO) vet -tags profiling ./capi && $(GO) vet -tags vm ./tests/systemd && $(GO) vet -tags languages ./tests/languages && $(GO) vet -tags clients ./tests/blackbox
	cd bench && $(GO) vet ./...
	cd tests/metrics && $(GO) vet ./...
	cd tests/grpc && $(GO) vet ./...
	$(GO_TOOL) staticcheck ./...
	$(GO_TOOL) errcheck -ignoretests ./...
	CGO_ENABLED=0 $(GO) build $(PURE)

## check-c       clang-format, clang's warnings, clang-tidy, the header in every dialect of C and C++
check-c: lib
	@tools/install-deps check
	clang-format --dry-run -Werror $(C_FILES)
	@tools/check-warnings
	@tools/check-header

## check-docs    what `make docs` writes is what is there, links lead somewhere
check-docs: $(BUILD)/options_page $(API)
	@tools/check-docs $^

## format        rewrite Go and C files in the format that check asks for
.PHONY: format
format:
	$(GO_TOOL) gofumpt -w .
	clang-format -i $(C_FILES)

# ----------------------------------------------------------------------------------------------------------- documents

$(BUILD)/options_page: tools/options_page.c include/forker.h $(LINKS)
	$(CC) -std=c11 -Wall -Wextra $(CFLAGS) -Iinclude -o $@ $< $(LINK_FORKER),'$$ORIGIN'

## docs          write docs/OPTIONS.md from the option table, the list of files into ARCHITECTURE.md, the index of RATIONALE.md, the ctypes of the Python package from forker.h
.PHONY: docs
docs: $(BUILD)/options_page $(API)
	$< >docs/OPTIONS.md
	$(API) python include/forker.h >$(BUILD)/header.py
	cp $(BUILD)/header.py bindings/python/src/forker/_header.py
	tools/list-files >$(BUILD)/architecture.md
	cp $(BUILD)/architecture.md ARCHITECTURE.md
	tools/list-questions >$(BUILD)/rationale.md
	cp $(BUILD)/rationale.md RATIONALE.md

$(API): go.mod $(filter-out %_test.go,$(wildcard bindings/api/*.go bindings/api/*/*.go))
	GOARCH= CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -o $@ ./bindings/api

## api           describe forker.h for bindings in other languages: build/api.json (docs/LANGUAGES.md)
.PHONY: api
api: $(BUILD)/api.json
$(BUILD)/api.json: include/forker.h $(API)
	$(API) json $< >$@

## man           make a page of man(1) of each entry of forker.h: man -l build/man3/forker_respond.3
.PHONY: man
man: $(API)
	rm -rf $(BUILD)/man3
	$(API) man include/forker.h $(BUILD)/man3

# ----------------------------------------------------------------------------------------------------------- benchmark

BENCH := $(BUILD)/bench
BENCH_C := $(CC) -std=gnu11 -O2 -Wall -Wextra

## bench         compare with the floor and other servers (BENCHFLAGS="--modes all --rounds 5 --servers libforker,nginx")
.PHONY: bench bench-programs
bench: bench-programs
	python3 bench/run.py --programs $(BENCH) $(BENCHFLAGS)

## profile       record anew what workers spend their time on, by which the compiler decides what to inline (capi/default.pgo)
.PHONY: profile
profile: bench-programs
	$(MAKE) --no-print-directory lib BUILD=$(BUILD)/profiling GOBUILDFLAGS="$(GOBUILDFLAGS) -tags profiling"
	python3 bench/record.py --programs $(BENCH) --library $(BUILD)/profiling capi/default.pgo

## bench-programs  build the servers and the load generator of the benchmark into build/bench/
bench-programs: lib
	@tools/install-deps bench
	@mkdir -p $(BENCH)
	$(BENCH_C) -o $(BENCH)/floor bench/floor.c
	$(BENCH_C) -o $(BENCH)/rate bench/load/rate.c
	$(BENCH_C) -o $(BENCH)/slow bench/load/slow.c
	$(BENCH_C) -Iinclude -o $(BENCH)/libforker bench/peers/libforker.c $(LINK_FORKER),'$$ORIGIN/..'
	$(BENCH_C) -o $(BENCH)/libmicrohttpd bench/peers/libmicrohttpd.c -lmicrohttpd
	$(BENCH_C) -o $(BENCH)/civetweb bench/peers/civetweb.c -lcivetweb
	$(BENCH_C) -o $(BENCH)/evhttp bench/peers/evhttp.c -levent
	$(BENCH_C) -o $(BENCH)/h2o bench/peers/h2o.c -lh2o-evloop -lssl -lcrypto
	$(CXX) -std=c++17 -O2 -Wall -Wextra -o $(BENCH)/cpp_httplib bench/peers/cpp_httplib.cpp -lcpp-httplib
	@mkdir -p $(BENCH)/generated
	protoc -Ibench/peers --cpp_out=$(BENCH)/generated --grpc_out=$(BENCH)/generated \
		--plugin=protoc-gen-grpc=$$(command -v grpc_cpp_plugin) greeter.proto
	$(CXX) -std=c++17 -O2 -w -I$(BENCH)/generated -o $(BENCH)/grpc_cpp bench/peers/grpc_cpp.cpp $(BENCH)/generated/greeter.pb.cc \
		$(BENCH)/generated/greeter.grpc.pb.cc $$(pkg-config --cflags --libs grpc++ protobuf)
	cd bench && $(GO) build -trimpath -o $(BENCH)/ ./peers/fasthttp ./peers/nethttp ./peers/grpcgo

# ------------------------------------------------------------------------------------------------------------- install

PKGCONFIGDIR := $(LIBDIR)/pkgconfig
CMAKEDIR := $(LIBDIR)/cmake/forker
FILL = sed -e 's|@VERSION@|$(VERSION)|g' -e 's|@SONAME@|$(SONAME)|g' -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
	-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' -e "s|@CMAKE_TO_INCLUDE@|$$(realpath -m --relative-to=$(CMAKEDIR) $(INCLUDEDIR))|g"

## install       install header, library, its description and pages of man, pkg-config and CMake files, licences (PREFIX=/usr/local LIBDIR= INCLUDEDIR= DATADIR= DOCDIR= MANDIR= DESTDIR=)
.PHONY: install
install: lib api man
	install -d $(DESTDIR)$(INCLUDEDIR)/forker $(DESTDIR)$(PKGCONFIGDIR) $(DESTDIR)$(CMAKEDIR) $(DESTDIR)$(DOCDIR)/LICENSES $(DESTDIR)$(DATADIR)/forker $(DESTDIR)$(MANDIR)/man3
	install -m 644 $(BUILD)/api.json $(DESTDIR)$(DATADIR)/forker/
	cp -P $(BUILD)/man3/*.3 $(DESTDIR)$(MANDIR)/man3/
	install -m 644 LICENSE $(DESTDIR)$(DOCDIR)/
	install -m 644 LICENSES/* $(DESTDIR)$(DOCDIR)/LICENSES/
	install -m 644 include/forker.h include/forker.hpp $(DESTDIR)$(INCLUDEDIR)/
	install -m 644 include/forker/*.hpp $(DESTDIR)$(INCLUDEDIR)/forker/
	install -m 755 $(LIB) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(LIB)) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(notdir $(LIB)) $(DESTDIR)$(LIBDIR)/libforker.so
	$(FILL) packaging/forker.pc.in >$(DESTDIR)$(PKGCONFIGDIR)/forker.pc
	$(FILL) packaging/forker-config.cmake.in >$(DESTDIR)$(CMAKEDIR)/forker-config.cmake
	$(FILL) packaging/forker-config-version.cmake.in >$(DESTDIR)$(CMAKEDIR)/forker-config-version.cmake

# -------------------------------------------------------------------------------------------------------- housekeeping

## deps          install what tests need and this machine lacks (tools/install-deps: apt, as root or with sudo)
.PHONY: deps
deps:
	@tools/install-deps test

## clean         remove build/
.PHONY: clean
clean:
	rm -rf $(BUILD)

## help          list the targets
.PHONY: help
help:
	@sed -n 's/^## /make /p' $(firstword $(MAKEFILE_LIST))
