/* SPDX-License-Identifier: ISC */
/* A disk that is part of the image: the bytes of a file, put there by the build. */
#include "arch/arch.h"
#include "drivers/ram/ram.h"

extern const char disk_image[], disk_image_end[];

int ram_create_embedded(struct blkdev **out)
{
	const char *start = ARCH_FAR(disk_image);

	return ram_create(out, (void *)(uintptr_t)start, (uint64_t)(ARCH_FAR(disk_image_end) - start), 512, true);
}
