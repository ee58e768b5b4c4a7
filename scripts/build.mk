# SPDX-License-Identifier: ISC
# The build proper: flags, the walk over the folders' lists, rules, the link. All folders are read
# into this one make, so every dependency is seen at once.

app-dir := $(CONFIG_APP_DIR)
$(if $(CONFIG_APP_EXTERNAL),$(call plain,APP,$(app-dir)))

# -- the CPU's compiler: for a CPU that is not the host's, CC=gcc and CC=clang mean the cross-compilers --

clang := $(findstring clang,$(CC))
include arch/$(CONFIG_CPU)/toolchain.mk
cross := $(if $(filter $(firstword $(subst -, ,$(triple))),$(patsubst armv%,arm,$(shell uname -m))),,$(triple)-)
cc := $(strip $(CC:gcc%=$(cross)gcc%) $(if $(cross),$(clang:clang=--target=$(triple))))

ifneq ($(filter run qemu-run unix-run xen-run,$(goals)),)
groups := build $(if $(CONFIG_TARGET_UNIX),unix,run) $(if $(CONFIG_TARGET_XEN),xen)
$(if $(shell YES='$(YES)' CI='$(CI)' scripts/setup $(groups) $(CONFIG_CPU) >&2 && echo done),,\
	$(error $(CONFIG_CPU) needs packages that are not installed))
else ifneq ($(cross),)
$(if $(shell command -v $(cross)objcopy),,\
	$(error there is no compiler for $(CONFIG_CPU): scripts/setup build $(CONFIG_CPU) installs one))
endif

# -- musl: built once per compiler, CPU and flavour, into a cache outside the tree --

musl-for := $(if $(CONFIG_TARGET_UNIX),unix,kernel) $(musl-cpu) $(cpu-flags) \
	$(if $(CONFIG_TARGET_UNIX),,$(musl-kernel-flags))
musl := $(or $(shell CC='$(cc)' scripts/musl --where $(musl-for)),$(error no C library))
$(call plain,VIRGA_CACHE,$(musl))
libc := $(musl)/lib/libc.a

$(libc):
	@CC='$(cc)' scripts/musl $(musl-for)

# -- flags --

# No -Wtype-limits: a comparison that an option's value makes always true is no mistake.
warnings := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wundef -Wshadow -Wvla -Wno-type-limits

# The image's bytes do not depend on where the tree, the build folder and musl lie.
prefix-maps := $(foreach map,$(CURDIR)=. $(addsuffix =build,$(sort $(O) $(abspath $(O)))) $(musl)=musl \
	$(if $(app-dir),$(app-dir)=app),-ffile-prefix-map=$(map))
# gcc's -Os still pays bytes for speed here: without these passes www is 0.8 kB less.
small := -Os $(if $(clang),,-fno-jump-tables -fipa-pta -fno-move-loop-invariants -fno-caller-saves \
	-fno-tree-scev-cprop $(small-flags))
optimize := $(if $(CONFIG_OPTIMIZE_SPEED),-O2,$(if $(CONFIG_OPTIMIZE_NONE),-O0,$(small)))

lto := $(if $(CONFIG_LTO),-flto$(if $(clang),,=1 -flto-partition=one))
lto-linker := $(if $(CONFIG_LTO),$(if $(clang),-fuse-ld=lld $(lld-flags)))

CPPFLAGS := -nostdinc -isystem $(musl)/include -isystem $(shell $(cc) -print-file-name=include) \
	-I. -I$(O) -include $(O)/config.h
ifdef CONFIG_TARGET_XEN
# Only libxen-dev's public headers, and none of the host's headers beside them.
XEN_HEADERS ?= /usr/include/xen
$(if $(wildcard $(XEN_HEADERS)/xen.h),,$(error Xen's headers are missing: scripts/setup xen installs them))
$(shell mkdir -p $(O)/xen && ln -sfn $(abspath $(XEN_HEADERS)) $(O)/xen/xen)
CPPFLAGS += -isystem $(O)/xen
endif
# DWARF 4: with DWARF 5, addr2line before binutils 2.42 does not find the functions of one file.
CFLAGS := -std=gnu11 -gdwarf-4 $(cpu-flags) $(optimize) $(lto) $(warnings) \
	-ffunction-sections -fdata-sections -fno-common -fno-pic -fno-strict-aliasing \
	-fno-asynchronous-unwind-tables \
	$(or $(frame-flags),-fno-unwind-tables -fno-omit-frame-pointer) \
	-fstack-protector-strong $(canary-flags) $(if $(CONFIG_TARGET_UNIX),,$(device-flags)) $(prefix-maps)
LDFLAGS := -static -nostdlib -Wl,--build-id=none -Wl,-z,noexecstack

# -- the disk of the files: a given one, or one made of the site's folder (fs/Makefile) --

ifdef CONFIG_FS_FAT
given-disk := $(or $(FAT_IMAGE),$(CONFIG_FAT_IMAGE))
disk := $(or $(given-disk),$(O)/disk.img)
$(call plain,FAT_IMAGE,$(disk))
$(if $(given-disk),$(if $(shell test -s $(disk) && echo there),,\
	$(error FAT_IMAGE=$(disk): there is no such file, or nothing in it)))
else
$(if $(FAT_IMAGE),\
	$(error FAT_IMAGE=$(FAT_IMAGE): this image has no files on a FAT disk; FS=fat make configure gives it some))
endif

# -- the walk: folder $(1)'s list, then its subfolders'. d is the folder, for rules of its own. --

define visit
obj-y :=
d := $(1)
include $(1)Makefile
objects += $$(addprefix $(1),$$(filter %.o,$$(obj-y)))
$$(foreach sub,$$(filter %/,$$(obj-y)),$$(eval $$(call visit,$(1)$$(sub))))
endef

objects :=
folders := arch/ init/ kernel/ drivers/ net/ fs/ posix/ apps/ $(app-dir:=/)
$(foreach folder,$(folders),$(eval $(call visit,$(folder))))

# Sorted: the image does not depend on the order of the lists. Objects of sources outside the tree go to app/.
objects := $(addprefix $(O)/,$(sort $(patsubst $(app-dir)/%,app/%,$(objects))))

# -- rules --

# Keeps a text in a file, written only when the text changes: new flags recompile all, a new list links again.
define keep
$(O)/.$(1): FORCE
	@mkdir -p $$(@D); echo '$(2)' | cmp -s - $$@ || echo '$(2)' >$$@
endef
$(eval $(call keep,flags,$(cc) $(CPPFLAGS) $(CFLAGS)))
$(eval $(call keep,objects,$(LDFLAGS) $(near-flags) $(objects)))

exact-depends = scripts/fixdep $@.d $(O)/deps $(O)/config.h
compile = mkdir -p $(@D) && $(cc) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d \
	$(if $(CONFIG_LTO),-frandom-seed=$(patsubst $(O)/%,%,$@)) -c -o $@ $< && $(exact-depends)

$(objects): $(O)/.flags | $(O)/config.h $(libc)
$(O)/%.o: %.c
	$(call say,CC,$<) $(compile)
$(O)/%.o: %.S
	$(call say,AS,$<) $(compile)
$(O)/%.o: $(O)/%.c
	$(call say,CC,$*.c) $(compile)
$(O)/%.o: $(O)/%.S
	$(call say,AS,$*.S) $(compile)
$(O)/app/%.o: $(app-dir)/%.c
	$(call say,CC,$<) $(compile)
$(O)/app/%.o: $(app-dir)/%.S
	$(call say,AS,$<) $(compile)
$(O)/%.lds: %.lds $(O)/.flags
	$(call say,CPP,$<) mkdir -p $(@D) && $(cc) $(CPPFLAGS) -E -P -x assembler-with-cpp \
		-MMD -MP -MF $@.d -MT $@ -o $@ $< && $(exact-depends)

-include $(objects:=.d)

# -- the image: a machine's has a linker script, a process has musl's start-up files --

ifdef CONFIG_TARGET_UNIX
first := $(musl)/lib/crt1.o $(musl)/lib/crti.o
last := $(musl)/lib/crtn.o
else
script := $(addprefix $(O)/,$(script-y))
format := $(if $(filter binary,$(image-format)),-O binary)
-include $(script:=.d)
endif

# Links with the CPU's flags for small images and, if that fails because the image is too large, without them.
link = $(call link-with,$(1) $(near-flags)) $(if $(near-flags),2>$(O)/.near || $(call link-with,$(1)))
link-with = $(cc) $(CFLAGS) $(LDFLAGS) $(1) -Wl,-Map=$(basename $@).map $(script:%=-Wl$(comma)-T,%) -o $@ \
	$(first) $(if $(filter -fno-lto,$(1)),$(apart),$(objects)) \
	-Wl,--start-group $(libc) $(shell $(cc) -print-libgcc-file-name) -Wl,--end-group $(last)

$(O)/image.debug: $(objects) $(script) $(O)/.objects $(libc)
	$(call say,LINK,$@) $(call link,-Wl$(comma)--gc-sections $(lto-linker))
$(O)/image: $(O)/image.debug
	$(call say,STRIP,$@) $(cross)objcopy $(format) --strip-all $(strip-flags) $< $@

# For measuring: the same objects, but with LTO each compiled by itself, linked without and with --gc-sections.
apart := $(if $(lto),$(objects:$(O)/%=$(O)/apart/%),$(objects))
$(O)/apart/%.o: $(O)/%.o
	$(call say,LTO,$<) mkdir -p $(@D) && $(cc) $(CFLAGS) -nostdlib -r -flinker-output=nolto-rel -o $@ $<
$(O)/whole.debug: $(O)/image.debug $(apart)
	$(call say,LINK,$@) $(call link,-fno-lto)
$(O)/sections.debug: $(O)/image.debug $(apart)
	$(call say,LINK,$@) $(call link,-fno-lto -Wl$(comma)--gc-sections)

# -- goals --

.PHONY: all build size run qemu-run unix-run xen-run gdb
xl-file := $(if $(CONFIG_TARGET_XEN),$(O)/image.xl)
all build: $(O)/image $(disk) $(xl-file)
size: $(O)/image $(if $(lto-linker),,$(O)/whole.debug $(if $(lto),$(O)/sections.debug))
	@scripts/python json scripts/size $(O)

outer-disk := $(if $(CONFIG_DISK_EMBEDDED),,$(disk))
$(eval $(call keep,disk,$(outer-disk)))
$(O)/image.xl: $(O)/image $(O)/.config $(disk) $(O)/.disk \
	scripts/xl-config scripts/xen/xl.py scripts/machines.py scripts/runner.py scripts/limits.py docs/limits.md
	$(call say,XL,$@) scripts/python json scripts/xl-config $(O)/image $(outer-disk) >$@

runner := $(if $(CONFIG_TARGET_UNIX),unix,$(if $(CONFIG_TARGET_XEN),xen,qemu))
run: $(runner)-run
# An image without FAT_WRITE gets its disk read-only; DISK= names another disk.
users-disk := $(DISK)
export DISK := $(or $(DISK),$(addsuffix $(if $(CONFIG_FAT_WRITE),,$(comma)ro),$(outer-disk)))
# Missing requirements of a start are reported before compiling.
ifneq ($(filter run $(runner)-run gdb,$(goals)),)
.PHONY: ready
ready: export DISK := $(users-disk)
ready:
	@scripts/python json scripts/run-$(runner) --check $(O)/image
$(objects) $(script) $(libc): | ready
endif
$(runner)-run: $(O)/image $(disk) $(xl-file)
	@scripts/python json scripts/run-$(runner) $(O)/image
gdb: $(O)/image $(disk)
	@scripts/python json scripts/run-$(runner) --gdb $(O)/image
$(filter-out $(runner)-run,qemu-run unix-run xen-run):
	@echo '$@: $(O) is configured for $(runner); another configuration: make defconfig_<name>' >&2; exit 1
