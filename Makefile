# Builds and installs the extension: make && make install. PG_CONFIG=… chooses the PostgreSQL, V=1 shows the commands,
# WERROR=1 makes a warning an error. It also builds outside the source tree: make -f /path/to/Makefile in an empty folder.

src := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
ifneq ($(src),.)
VPATH := $(src)
endif

# Stands in META.json; test/release holds the other places to it.
version := $(shell sed -nE '/^  "version"/s/.*: "([^"]+)".*/\1/p' $(src)/META.json)
manual = README.md CHANGELOG.md $(patsubst $(src)/%,%,$(wildcard $(src)/doc/*.md $(src)/doc/*/*.md))

MODULE_big = dynamodb_es
EXTENSION = dynamodb_es
DATA = $(notdir $(wildcard $(src)/dynamodb_es--*.sql))
OBJS = $(patsubst $(src)/%.c,%.o,$(sort $(wildcard $(src)/fdw/*/*.c $(src)/fdw/*/*/*.c)))

# setup, where there is one, goes first: the other tests may rely on it, and on nothing else.
tests = $(notdir $(basename $(wildcard $(src)/sql/*.sql)))
REGRESS = $(filter setup,$(tests)) $(sort $(filter-out setup,$(tests)))
REGRESS_OPTS = --no-locale --encoding=UTF8

# Whoever builds may have set these two, in the environment or on the command line: ours are added.
override PG_CPPFLAGS += -I$(src)/fdw -DDYNAMODB_ES_VERSION='"$(version)"'
override PG_CFLAGS += $(warning_flags)
# A PostgreSQL that was built with gcc hands its flags and attributes to clang as well.
clang_flags = -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes
warning_flags = -Wall -Wextra -Wshadow -Wno-unused-parameter -Wno-declaration-after-statement $(if $(WERROR),-Werror) \
	$(if $(findstring clang,$(shell $(CC) --version)),$(clang_flags))
# Functions that other files of ours call must not meet the server's symbols of the same name.
SHLIB_LINK = -Wl,--version-script=$(src)/fdw/exports.map -lcurl -lcrypto -lcjson -lz
EXTRA_CLEAN = $(OBJS:.o=.d)
ifneq ($(realpath $(src)),$(realpath .))
EXTRA_CLEAN += fdw
endif

# No bitcode for the JIT: nothing here is called often enough to gain, and it would need clang.
override with_llvm := no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq ($(wildcard $(PGXS)),)
$(error $(PG_CONFIG) finds no PostgreSQL server headers: install them (script/setup does on Debian) or set PG_CONFIG)
endif
include $(PGXS)

# Sources are looked for in the source tree; objects of a build in there are not those of a build elsewhere.
srcdir := $(src)
VPATH :=
vpath %.c $(src)
vpath %.control $(src)

ifndef V
MAKEFLAGS += -s
endif

# PGXS's own rule knows nothing of headers, nor of a folder that is yet to be made.
%.o: %.c
	echo "  CC $(patsubst $(src)/%,%,$<)"
	mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(OBJS): $(src)/Makefile
$(shlib): $(src)/fdw/exports.map
-include $(wildcard $(OBJS:.o=.d))

# installcheck needs a DynamoDB: the one at DYNAMODB_ENDPOINT, or a dynalite of its own.
pg_regress_installcheck = $(src)/test/installcheck '$(bindir)/psql' \
	$(top_builddir)/src/test/regress/pg_regress --inputdir=$(srcdir) --bindir='$(bindir)' $(EXTRA_REGRESS_OPTS)

# The manual keeps its folders, since its pages point to each other.
manual_dir = $(DESTDIR)$(docdir)/extension/dynamodb_es
install: install-manual
install-manual:
	cd $(srcdir) && for page in $(manual); do \
		$(MKDIR_P) "$(manual_dir)/$$(dirname $$page)" && $(INSTALL_DATA) $$page "$(manual_dir)/$$page" || exit 1; done
uninstall: uninstall-manual
uninstall-manual:
	rm -rf '$(manual_dir)'

# What PGXN takes.
dist:
	git -C $(srcdir) archive --format=zip --prefix=dynamodb_es-$(version)/ -o $(CURDIR)/dynamodb_es-$(version).zip HEAD

.PHONY: install-manual uninstall-manual dist
