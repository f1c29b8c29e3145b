# sess: make, make demo, make check, make check-spark, make check-parallel, make asan,
# make valgrind, make fuzz, make bench, make bench-cluster, make install DESTDIR= PREFIX=, make clean
VERSION = 0.1.0
B      ?= build
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g
FUZZ_SECONDS ?= 10

# Debian packages.  make demo, check and what stands on check install what is
# missing of them; the rest of the targets take the machine as it is.
DEB_BUILD = gcc libc6-dev make pkg-config libjansson-dev libarchive-dev libisal-dev libzstd-dev libsqlite3-dev \
            liblzma-dev libbz2-dev liblz4-dev libpcre2-dev libxxhash-dev libmaxminddb-dev libyaml-dev nettle-dev libutf8proc-dev libsmartcols-dev uap-core
DEB_CHECK = libcmocka-dev bats jq zstd xz-utils bzip2 lz4 libarchive-tools python3 sqlite3 mandoc less parallel
DEB_FUZZ  = clang libclang-rt-14-dev
DEB_BENCH = zstd isal jq miller mawk sqlite3 python3-venv
DEB_SPARK = python3-venv procps $(if $(shell command -v java),,openjdk-17-jre-headless)
DEB_PARALLEL = parallel openssh-server openssh-client rsync iproute2 procps
DEB_CI    = $(DEB_FUZZ) valgrind libc6-dbg shellcheck zsh fish

# From PyPI, into the build folder; what runs on Java 17 and Python 3.11.
PYSPARK = pyspark==3.5.*

PKGS    = jansson libarchive libisal libzstd liblzma liblz4 sqlite3 libpcre2-8 libxxhash libmaxminddb yaml-0.1 nettle libutf8proc smartcols
# Asked when first used, once: a machine on which the packages are yet to be
# installed has no pkg-config.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
LIBS    = $(PKG_LIBS) -lbz2 -lpthread -lm
WARN    = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
FLAGS   = -std=c11 -D_GNU_SOURCE -DSESS_VERSION='"$(VERSION)"' -Iinclude -fPIC -pthread \
          $(WARN) -MMD -MP $(PKG_CFLAGS)
LINK    = $(CC) $(CFLAGS) $(LDFLAGS)
WRAP    = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

LIBOBJ := $(patsubst %.c,$(B)/%.o,$(wildcard lib/*.c lib/*/*.c))
CMDSRC := $(wildcard cmd/sess-*.c)
CMDS   := $(patsubst cmd/%.c,$(B)/%,$(CMDSRC))
SCRIPTS := $(patsubst cmd/%,$(B)/%,$(filter-out %.c %.h,$(wildcard cmd/sess-*)))
CLIOBJ := $(patsubst %.c,$(B)/%.o,$(filter-out $(CMDSRC),$(wildcard cmd/*.c)))
TESTS  := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
FUZZ   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY := $(FUZZ:%=$(B)/replay/%)
FUZZER := $(FUZZ:%=$(B)/fuzz/%)
SHARED := $(B)/libsess.so.0

# As many jobs as there are processors, unless somebody said how many.
JOBS    = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

all: $(B)/libsess.a $(CMDS) $(SCRIPTS)

$(B)/libsess.a: $(LIBOBJ)
	@rm -f $@
	$(AR) rcs $@ $^

# Only what the public headers declare leaves the library.
$(SHARED): $(LIBOBJ)
	@printf '{ global: sess_*; local: *; };\n' >$@.map
	$(LINK) -shared -Wl,-soname,$(@F) -Wl,--version-script=$@.map -o $@ $^ $(LIBS) $(LDLIBS)

$(CMDS): $(B)/%: $(B)/cmd/%.o $(CLIOBJ) $(B)/libsess.a
	$(LINK) -o $@ $^ $(LIBS) $(LDLIBS)

$(SCRIPTS): $(B)/%: cmd/% Makefile
	@mkdir -p $(@D)
	sed 's/@VERSION@/$(VERSION)/' $< >$@.new
	chmod 755 $@.new
	mv $@.new $@

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(TESTS): $(B)/tests/%: $(B)/tests/unit/%.o $(B)/tests/unit/alloc.o $(B)/libsess.a
	$(LINK) $(WRAP) -o $@ $^ $(LIBS) $(LDLIBS) -lcmocka

$(REPLAY): $(B)/replay/%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/driver.o $(B)/libsess.a
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LIBS) $(LDLIBS)

$(FUZZER): $(B)/fuzz/%: $(B)/tests/fuzz/fuzz_%.o $(B)/libsess.a
	@mkdir -p $(@D)
	$(LINK) -fsanitize=fuzzer -o $@ $^ $(LIBS) $(LDLIBS)

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d)

# -- packages

# $(call install-missing,packages): by apt, where there is one and anything is
# missing, as root or through sudo.
define install-missing
@command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || exit 0; missing=; \
for p in $(1); do \
	dpkg-query -W -f '$${Status}\n' $$p 2>/dev/null | grep -q ' ok installed$$' || missing="$$missing $$p"; \
done; \
[ -n "$$missing" ] || exit 0; \
echo "installing$$missing"; \
[ "$$(id -u)" -eq 0 ] && sudo= || sudo=sudo; \
$$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq update && \
$$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $$missing >/dev/null
endef

deps:
	$(call install-missing,$(DEB_BUILD))
deps-check:
	$(call install-missing,$(DEB_BUILD) $(DEB_CHECK))
deps-spark:
	$(call install-missing,$(DEB_BUILD) $(DEB_CHECK) $(DEB_SPARK))
deps-parallel:
	$(call install-missing,$(DEB_BUILD) $(DEB_CHECK) $(DEB_PARALLEL))
deps-fuzz:
	$(call install-missing,$(DEB_BUILD) $(DEB_FUZZ))
deps-bench:
	$(call install-missing,$(DEB_BUILD) $(DEB_BENCH))
deps-ci:
	$(call install-missing,$(DEB_BUILD) $(DEB_CHECK) $(DEB_CI))

# -- demo and tests: the packages first, then a make that finds them

demo: deps
	@$(MAKE) $(JOBS) --no-print-directory all
	@printf '\n$$ sess-find --user-name %s tests/data/demo | sess-path\n\n' '张伟'
	@PATH="$(abspath $(B)):$$PATH"; sess-find --user-name '张伟' tests/data/demo | sess-path

check: deps-check
	@$(MAKE) $(JOBS) --no-print-directory programs-and-tests
	@$(MAKE) --no-print-directory unit replay e2e

programs-and-tests: all $(TESTS) $(REPLAY)

unit: $(TESTS)
	set -e; for t in $(TESTS); do ./$$t; done

replay: $(REPLAY)
	set -e; for t in $(FUZZ); do \
		if [ -d tests/fuzz/corpus/$$t ]; then $(B)/replay/$$t tests/fuzz/corpus/$$t; fi; \
	done

e2e: all
	BUILD="$(abspath $(B))" bats $$(! command -v parallel >/dev/null || echo --jobs "$$(nproc)") tests/e2e

# On engines: a Spark with executors that are processes, hosts that are network
# namespaces.  These aren't part of check: they need Java and root.
check-spark: deps-spark
	@$(MAKE) $(JOBS) --no-print-directory all $(B)/gen $(B)/spark/installed
	BUILD="$(abspath $(B))" bats tests/engines/spark.bats

check-parallel: deps-parallel
	@$(MAKE) $(JOBS) --no-print-directory all $(B)/gen
	BUILD="$(abspath $(B))" bats tests/engines/parallel.bats

$(B)/gen: tests/bench/gen.c
	$(CC) $(CFLAGS) -D_GNU_SOURCE -o $@ $< -lm

$(B)/spark/installed: Makefile
	python3 -m venv $(B)/spark
	$(B)/spark/bin/python3 -m pip install -q --disable-pip-version-check '$(PYSPARK)'
	touch $@

asan:
	$(MAKE) check B=build/asan LDLIBS='$(LDLIBS)' \
	    CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all'

valgrind: deps-ci
	@$(MAKE) $(JOBS) --no-print-directory programs-and-tests
	printf '%s\n' $(TESTS) | xargs -P "$$(nproc)" -I T \
	    valgrind -q --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite ./T

# Each fuzzer for a while over its corpus; what it finds stays in the build
# folder, crashes too.
fuzz: deps-fuzz
	@$(MAKE) $(JOBS) --no-print-directory fuzz-run B=build/clang-fuzz CC=clang \
	    CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'

fuzz-run: $(FUZZER)
	set -e; for t in $(FUZZ); do \
		mkdir -p $(B)/found/$$t; echo "fuzz $$t"; \
		$(B)/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=0 \
		    -rss_limit_mb=4096 -artifact_prefix=$(B)/found/$$t- $(B)/found/$$t \
		    $$(ls -d tests/fuzz/corpus/$$t 2>/dev/null || :); \
	done

# BENCHFLAGS='--records 1000000 --pairs 3' STOREFLAGS='--large 0' for a quick look.
bench: deps-bench
	@$(MAKE) $(JOBS) --no-print-directory all
	tests/bench/run $(BENCHFLAGS) $(B)
	tests/bench/store $(STOREFLAGS) $(B)

# The steps of sess-cluster(7), and Spark.  CLUSTERFLAGS='--records 1000000' for a quick look.
bench-cluster: deps-spark
	@$(MAKE) $(JOBS) --no-print-directory all $(B)/gen $(B)/spark/installed
	tests/bench/cluster $(CLUSTERFLAGS) $(B)

# The completions are made from the programs' --help.
completions: all
	PATH="$(abspath $(B)):$$PATH" completions/generate completions

# -- install

SHARE   = $(DESTDIR)$(PREFIX)/share
NAMES   = $(notdir $(CMDS) $(SCRIPTS))

$(B)/sess.pc: Makefile
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$${prefix}/lib' 'includedir=$${prefix}/include' '' \
	    'Name: sess' 'Description: browser sessions out of log archives' 'Version: $(VERSION)' \
	    'Requires.private: $(PKGS)' 'Libs: -L$${libdir} -lsess' 'Libs.private: -lbz2 -lpthread -lm' \
	    'Cflags: -I$${includedir}' >$@

install: all $(SHARED) $(B)/sess.pc
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/sess
	install -m 755 $(CMDS) $(SCRIPTS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(B)/libsess.a $(SHARED) $(DESTDIR)$(PREFIX)/lib
	ln -sf $(notdir $(SHARED)) $(DESTDIR)$(PREFIX)/lib/libsess.so
	install -m 644 $(B)/sess.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 include/sess/*.h $(DESTDIR)$(PREFIX)/include/sess
	for n in 1 5 7; do \
		install -d $(SHARE)/man/man$$n && install -m 644 man/*.$$n $(SHARE)/man/man$$n || exit 1; \
	done
	install -d $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions \
	    $(SHARE)/fish/vendor_completions.d
	install -m 644 completions/sess.bash $(SHARE)/bash-completion/completions/sess
	install -m 644 completions/_sess $(SHARE)/zsh/site-functions
	install -m 644 completions/sess.fish $(SHARE)/fish/vendor_completions.d
	for n in $(NAMES); do \
		ln -sf sess $(SHARE)/bash-completion/completions/$$n && \
		ln -sf sess.fish $(SHARE)/fish/vendor_completions.d/$$n.fish || exit 1; \
	done

clean:
	rm -rf $(B)

.PHONY: all deps deps-check deps-spark deps-parallel deps-fuzz deps-bench deps-ci demo check \
        programs-and-tests unit replay e2e check-spark check-parallel asan valgrind fuzz fuzz-run bench bench-cluster \
        completions install clean
.SECONDARY:
