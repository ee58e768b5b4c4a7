/* SPDX-License-Identifier: ISC */
/* Runs a fuzz target on every file of a corpus folder, without a fuzzer, so that past findings stay
 * tested. Inputs lie in exactly sized blocks, so that reads beyond the end are caught. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET)) {
		perror(path);
		exit(1);
	}
	data = malloc((size_t)size + !size);
	if (!data || fread(data, 1, (size_t)size, f) != (size_t)size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int count, replayed = 0;

	if (argc != 2 || (count = scandir(argv[1], &entries, NULL, alphasort)) < 0) {
		fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			replayed += replay(path);
	}
	printf("replayed %d inputs\n", replayed);
	return 0;
}
