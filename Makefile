# SPDX-License-Identifier: ISC
# Builds one image for one configuration: everything goes to $(O), nothing into the tree.
# "make help" says what there is. Folders hold lists (obj-$(CONFIG_X) += file.o subfolder/); the
# walk below reads them all into this one make, so every dependency is seen at once.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

O ?= build
V ?= 0
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
AR := $(CC)-ar
NM := nm
OBJCOPY := objcopy

ifneq ($(words $(CURDIR))$(words $(O)),11)
$(error virga cannot be built in a folder whose path has a space: "$(CURDIR)", O="$(O)")
endif
ifneq ($(filter-out 0 1,$(words $(APP))$(words $(WWW_DIR))),$(filter 10 01 00 11,$(words $(APP))$(words $(WWW_DIR))))
$(error a path with a space cannot be used: APP="$(APP)" WWW_DIR="$(WWW_DIR)")
endif

# Quiet output: one short line per step; V=1 shows the commands.
say = $(if $(filter-out 0,$(V)),,@printf '%-8s%s\n' $(1) $(2) &&)

# -- configuration --

export APP
kconfig := scripts/python kconfiglib scripts/kconfig $(O)
config-goals := menuconfig oldconfig olddefconfig savedefconfig allyesconfig allnoconfig randconfig configure
defconfigs := $(sort $(notdir $(wildcard configs/defconfig_*)))
# Goals that need no configuration.
plain-goals := $(config-goals) $(defconfigs) defconfig_% help clean setup check new-app fuzz test test-all bench

.PHONY: $(config-goals) $(defconfigs)
menuconfig oldconfig olddefconfig allyesconfig allnoconfig configure:
	@$(kconfig) $@
randconfig:
	@$(kconfig) $@ $(SEED)
savedefconfig:
	@$(kconfig) $@ $(O)/defconfig && echo 'WROTE   $(O)/defconfig'
$(defconfigs):
	@$(kconfig) defconfig configs/$@
defconfig_%:
	@echo 'there is no configs/$@; there are: $(defconfigs)' >&2; exit 1

$(O)/.config:
	@$(kconfig) defconfig configs/defconfig_www_qemu

# config.mk is included, so make brings it up to date and starts again before anything is built.
kconfig-files := $(wildcard Kconfig */Kconfig */*/Kconfig)
$(O)/config.mk: $(O)/.config $(kconfig-files) scripts/kconfig $(if $(APP),FORCE)
	@$(kconfig) sync
$(O)/config.h: $(O)/config.mk ;

goals := $(or $(MAKECMDGOALS),all)
ifneq ($(and $(filter $(config-goals) defconfig_%,$(goals)),$(filter-out $(config-goals) defconfig_%,$(goals))),)
# "make defconfig_x all": first the one, then the other.
.PHONY: $(filter-out $(config-goals) defconfig_%,$(goals))
$(filter-out $(config-goals) defconfig_%,$(goals)): $(filter $(config-goals) defconfig_%,$(goals))
	@$(MAKE) --no-print-directory $@
else ifneq ($(filter-out $(plain-goals),$(goals)),)
include $(O)/config.mk
include scripts/build.mk
endif

# -- everything else --

.PHONY: FORCE help clean setup
FORCE:
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)
clean:
	$(call say,CLEAN,$(O)) rm -rf $(filter-out /,$(O))
