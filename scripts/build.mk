# SPDX-License-Identifier: ISC
# The build proper: flags, the walk over the folders' lists, the rules, the link.

unquote = $(subst ",,$(1))
arch := $(if $(CONFIG_TARGET_UNIX),unix,x86_64)
flavour := $(if $(CONFIG_TARGET_UNIX),unix,kernel)

# -- musl: built once per compiler and flavour into a cache outside the tree --

musl := $(shell CC='$(CC)' scripts/musl --where $(flavour))

$(musl)/lib/libc.a:
	@CC='$(CC)' scripts/musl $(flavour)

# -- flags --

warnings := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wundef -Wshadow -Wvla
optimize := $(if $(CONFIG_OPTIMIZE_SPEED),-O2,$(if $(CONFIG_OPTIMIZE_NONE),-O0,-Os))
lto := $(if $(CONFIG_LTO),-flto=1 -flto-partition=one -ffat-lto-objects)

# The same bytes wherever the tree and the build folder lie.
prefix-maps := -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(abspath $(O))=build \
	-ffile-prefix-map=$(O)=build -ffile-prefix-map=$(musl)=musl $(if $(APP-DIR),-ffile-prefix-map=$(APP-DIR)=app)

CPPFLAGS := -nostdinc -isystem $(musl)/include -isystem $(shell $(CC) -print-file-name=include) \
	-I. -I$(O) -include $(O)/config.h
CFLAGS := -std=gnu11 $(warnings) $(optimize) $(lto) -g -ffunction-sections -fdata-sections \
	-fstack-protector-strong -fno-pic -fno-common -fno-asynchronous-unwind-tables -fno-unwind-tables \
	-fno-omit-frame-pointer -fno-strict-aliasing $(prefix-maps)
LDFLAGS := -static -no-pie -nostdlib -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noexecstack

# -- the walk: reads folder $(1)'s list, then its subfolders'. d is the folder, for rules of its own. --

APP-DIR := $(call unquote,$(CONFIG_APP_DIR))

define visit
obj-y :=
d := $(1)
include $(1)Makefile
objects += $$(addprefix $(1),$$(filter %.o,$$(obj-y)))
$$(foreach sub,$$(filter %/,$$(obj-y)),$$(eval $$(call visit,$(1)$$(sub))))
endef

objects :=
folders := arch/ init/ kernel/ drivers/ net/ fs/ $(if $(CONFIG_POSIX),posix/) apps/ $(if $(APP-DIR),$(APP-DIR)/)
$(foreach folder,$(folders),$(eval $(call visit,$(folder))))

# Objects of an application outside the tree go to $(O)/app/.
objects := $(addprefix $(O)/,$(sort $(patsubst $(APP-DIR)/%,app/%,$(objects))))

# -- rules --

# Changed flags recompile everything, a changed list links again.
$(O)/.flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(CPPFLAGS) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS)' >$@
$(O)/.objects: FORCE
	@echo '$(objects) $(LDFLAGS)' | cmp -s - $@ || echo '$(objects) $(LDFLAGS)' >$@

compile = mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -c -o $@ $< && \
	scripts/fixdep $@.d $(O)/deps $(O)/config.h

$(objects): $(O)/.flags | $(O)/config.h $(musl)/lib/libc.a
$(O)/%.o: %.c
	$(call say,CC,$<) $(compile)
$(O)/%.o: %.S
	$(call say,AS,$<) $(compile)
$(O)/%.o: $(O)/%.c
	$(call say,CC,$<) $(compile)
$(O)/%.o: $(O)/%.S
	$(call say,AS,$<) $(compile)
$(O)/app/%.o: $(APP-DIR)/%.c
	$(call say,CC,$<) $(compile)
$(O)/app/%.o: $(APP-DIR)/%.S
	$(call say,AS,$<) $(compile)

-include $(objects:=.d)

# -- the image --

ifdef CONFIG_TARGET_UNIX
startup := $(musl)/lib/crt1.o $(musl)/lib/crti.o
finish := $(musl)/lib/crtn.o
else
script := $(O)/arch/$(arch)/image.lds
LDFLAGS += -Wl,-T,$(script)
endif

$(O)/%.lds: %.lds $(O)/.flags
	$(call say,CPP,$<) mkdir -p $(@D) && $(CC) $(CPPFLAGS) -E -P -x assembler-with-cpp \
		-MMD -MP -MF $@.d -MT $@ -o $@ $< && scripts/fixdep $@.d $(O)/deps $(O)/config.h
-include $(if $(script),$(script).d)

link = $(CC) $(CFLAGS) $(LDFLAGS) $(1) -o $@ $(startup) $(objects) -Wl,--start-group $(musl)/lib/libc.a \
	$(shell $(CC) -print-libgcc-file-name) -Wl,--end-group $(finish)

$(O)/image.debug: $(objects) $(script) $(O)/.objects $(musl)/lib/libc.a
	$(call say,LINK,$@) $(call link,-Wl$(comma)-Map=$(O)/image.map)
$(O)/image: $(O)/image.debug
	$(call say,STRIP,$@) $(OBJCOPY) --strip-all $< $@
comma := ,

.PHONY: all build
all build: $(O)/image
