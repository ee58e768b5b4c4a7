# SPDX-License-Identifier: ISC
# Configures, and dispatches to what builds (scripts/build.mk), runs, tests and checks. Everything
# that is made goes to $(O), nothing into the tree. "make help" says what there is.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

O ?= build
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))

# In a path, make or the shell may see more than letters: such a one is refused before it is expanded.
hash := \#
comma := ,
define newline


endef
special := " ' ` $$ & ; | < > ( ) * ? [ ] { } \ % : ~ = $(comma) $(hash)
plain = $(if $(filter-out 1,$(words $(2)))$(strip $(foreach c,$(special),$(findstring $(c),$(2)))),\
	$(error $(1)="$(subst $(newline), ,$(2))": a path that is empty, or holds a space or one of \
	$(special), cannot be used))

given := APP WWW_DIR
given += $(if $(filter new-app,$(MAKECMDGOALS)),NAME) $(if $(filter randconfig,$(MAKECMDGOALS)),SEED)
given := $(foreach name,$(given),$(if $(value $(name)),$(name)))
$(foreach name,CURDIR O $(given),$(call plain,$(name),$(value $(name))))
out := $(patsubst %/,%,$(or $(realpath $(O)),$(abspath $(O))))
$(if $(filter $(out)/%,$(CURDIR)/),$(error O=$(O) holds the tree: choose a folder of its own))
sources := .ci .git .github apps arch configs docs drivers fs init kernel net posix scripts tests
$(if $(filter $(sources:%=$(CURDIR)/%/%),$(out)/),$(error O=$(O) is for sources: choose a folder of its own))
# One folder has one name, however it is spelt: else each spelling would compile everything anew.
override O := $(patsubst $(CURDIR)/%,%,$(abspath $(O)))
goals := $(patsubst $(CURDIR)/%,%,$(or $(MAKECMDGOALS),all))
$(filter $(CURDIR)/%,$(MAKECMDGOALS)): $(CURDIR)/%: % ;

# One short line per step: $(call say,CC,main.c) command. V=1 shows the commands, -s nothing; SILENT
# tells the scripts, which have lines of their own.
export SILENT := $(findstring s,$(filter-out --%,$(firstword $(MAKEFLAGS))))
say = $(if $(filter-out 0,$(V)),,@$(if $(SILENT),,printf '%-8s%s\n' $(1) $(2) &&))

ifneq ($(APP),)
override APP := $(abspath $(APP))
$(if $(wildcard $(APP)/Makefile),,$(error APP=$(APP): there is no Makefile with the list of its objects))
# Another application than last time is a change of configuration.
new-app-dir := $(shell grep -qsxF 'CONFIG_APP_DIR := $(APP)' $(O)/config.mk || echo FORCE)
endif

export APP CC

# A folder that was new or empty when we began to build there is ours, and "clean" removes no other.
mark := $(O)/.made-by-virga
ifneq ($(filter-out clean help new-app setup setup-%,$(goals)),)
$(if $(shell mkdir -p $(O) 2>/dev/null && test -w $(O) && \
	{ test -n "$$(ls -A $(O))" || : >$(mark); } && echo done),,\
	$(error O=$(O) cannot be written: choose another folder with O=))
endif

# -- configuration --

## Configure (the result is $(O)/.config; without one, `make` takes defconfig_www_qemu)
##   defconfig_<app>_<target>     one of configs/
##   menuconfig oldconfig olddefconfig allyesconfig allnoconfig
##   randconfig                   SEED=n repeats one
##   savedefconfig                writes what differs from the defaults to $(O)/defconfig
##   configure                    NET=direct|socket|none FS=crunch|fat|none DHCP=true|false PORT=n TARGET=qemu|xen|unix
defconfigs := $(sort $(notdir $(wildcard configs/defconfig_*)))
config-goals := menuconfig oldconfig olddefconfig savedefconfig allyesconfig allnoconfig randconfig \
	configure $(defconfigs)
kconfig := scripts/python kconfiglib scripts/kconfig $(O)

.PHONY: $(config-goals)
menuconfig oldconfig olddefconfig allyesconfig allnoconfig configure:
	@$(kconfig) $@
randconfig:
	@$(kconfig) $@ $(SEED)
savedefconfig:
	$(call say,SAVE,$(O)/defconfig) $(kconfig) $@ $(O)/defconfig
$(defconfigs):
	@$(kconfig) defconfig configs/$@
defconfig_%:
	$(error there is no configs/$@, but: $(defconfigs))

$(O)/.config:
	@$(kconfig) defconfig configs/defconfig_www_qemu

# Included below, so make brings it up to date and starts again before anything is built.
$(O)/config.mk: $(O)/.config $(wildcard Kconfig */Kconfig */*/Kconfig) scripts/kconfig $(new-app-dir)
	@$(kconfig) sync
$(O)/config.h: $(O)/config.mk ;

# -- build and run --

## Build
##   all, build                   $(O)/image, with symbols $(O)/image.debug, its map $(O)/image.map
##   size                         bytes with and without --gc-sections, per folder, and a picture
##   clean                        removes $(O), if a build made it
##   new-app NAME=x               an application to start from, in apps/x
## Run
##   run                          qemu-run, unix-run or xen-run, as configured
##   gdb                          the same under gdb
##   before or after make: OPTIONS="log=warn …" (start options) HOST_PORT=8080 GUEST_PORT=80
##   NET_TAP=tap0 DISK=file[,ro] (else the one that was built) MACHINE=name ACCEL=kvm|tcg MEM=64M QEMU_EXTRA="…"
##   NO_COLOR=1 (no colours at a terminal, where a start knows the option color=true|false)
##   xen-run: MEM=4 (MiB) COLD=1 (Xen is booted, not resumed) XEN_LOG=file (what Xen and dom0 say)
image-goals := all build size run qemu-run unix-run xen-run gdb

# The tools to run an image are installed first; after that comes the configuration.
ifneq ($(filter run qemu-run unix-run xen-run,$(goals)),)
$(O)/.config: | setup-run
$(O)/config.mk: | setup-run
endif

ifneq ($(and $(filter $(config-goals),$(goals)),$(filter $(image-goals) $(O)/%,$(goals))),)
# "make defconfig_x run": first the one, then the other.
.PHONY: $(filter $(image-goals),$(goals))
$(filter $(image-goals) $(O)/%,$(goals)): $(filter $(config-goals),$(goals))
	@$(MAKE) --no-print-directory $@
else ifneq ($(filter $(image-goals) $(O)/%,$(goals)),)
include $(O)/config.mk
ifdef CONFIG_CPU
include scripts/build.mk
endif
endif

.PHONY: FORCE setup setup-run setup-test clean new-app help
FORCE:
setup:
	@scripts/setup
setup-run:
	@scripts/setup build $(if $(filter xen-run,$(goals)),xen) run
setup-test:
	@scripts/setup build run test
clean:
	$(if $(wildcard $(O)),$(if $(wildcard $(mark)),,\
		$(error O=$(O) held files before the first build: it is not removed)))
	$(call say,CLEAN,$(O)) rm -rf $(O)
new-app:
	@scripts/new-app '$(NAME)'

# -- tests --

## Test
##   test                         what CI runs: unit, system, every configuration built
##   test-all                     everything; CONFIGS="defconfig_x …" takes a share of it
##   check                        layers, style, Kconfig, budgets, reproducible images
##   bench                        figures and pictures, beside a peer; B="boot requests" takes parts, QUICK=1
##                                fewer rounds
##   fuzz                         SECONDS=n for each target
##   setup                        installs the Debian packages that all of this needs
.PHONY: test test-unit test-system test-all check bench fuzz
CONFIGS ?= $(defconfigs)
SECONDS ?= 60
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
# A file of tests stays with one process: its tests may share what they start.
pytest := O='$(abspath $(O))' scripts/python xdist -m pytest -p no:cacheprovider -n auto --maxprocesses=4 \
	--dist loadfile

test: test-unit test-system
test-unit: setup-test
	@$(MAKE) --no-print-directory $(jobs) -f tests/Makefile O=$(abspath $(O))/tests test
test-system: setup-test | test-unit
	@$(pytest) tests/system
# Tests that belong to no configuration go with the share of this one.
test-all: setup-test
	$(if $(filter defconfig_www_qemu,$(CONFIGS)),@$(MAKE) --no-print-directory $(jobs) -f tests/Makefile \
		O=$(abspath $(O))/tests test-all)
	$(if $(filter defconfig_www_qemu_armv7,$(CONFIGS)),@$(MAKE) --no-print-directory $(jobs) -f tests/Makefile \
		CPU=armv7 TIMEOUT=3600 O=$(abspath $(O))/tests-armv7 test)
	@CONFIGS='$(CONFIGS)' $(pytest) --all tests/system
check: setup-test
	@scripts/check $(abspath $(O))/check $(CONFIGS)
bench: setup
	@$(MAKE) --no-print-directory -f tests/bench/Makefile O=$(abspath $(O))/bench bench
fuzz: setup-test
	@$(MAKE) --no-print-directory -f tests/Makefile O=$(abspath $(O))/tests SECONDS=$(SECONDS) fuzz

## Everywhere: O=folder builds there, V=1 shows the commands, APP=folder takes an application
## outside the tree, WWW_DIR=folder takes the site from there, FAT_IMAGE=file is a disk of one's own,
## CC=clang compiles with it, VIRGA_CACHE=folder keeps musl there, YES=1 installs what is missing
## without asking.
help:
	@sed -n 's/^## \{0,1\}//p' Makefile
