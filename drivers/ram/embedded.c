/* SPDX-License-Identifier: ISC */
/* A disk that is part of the image: the bytes of a file, put there by the build. */
#include "drivers/ram/ram.h"

extern const char disk_image[], disk_image_end[];

int ram_create_embedded(struct blkdev **out)
{
	return ram_create(out, (void *)(uintptr_t)disk_image, (uint64_t)(disk_image_end - disk_image), 512, true);
}
