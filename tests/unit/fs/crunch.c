/* SPDX-License-Identifier: ISC */
/* The crunched store: scripts/crunch is run on folders made here, and its output is read through
 * fs/crunch.c from memory of exactly its size. Runs in the source tree's root. */
#define _GNU_SOURCE /* memmem */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fs/crunch.h"
#include "tests/lib/memory.h"

#define KEYS 3000

static char base[] = "/tmp/crunch-XXXXXX";
static char said[65536]; /* by the last run of the script */

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(base));
}

static void tear_down(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", base);
	cr_expect(system(command) == 0);
}

TestSuite(crunch, .init = set_up, .fini = tear_down);

static const char *path_of(const char *name)
{
	static char paths[4][4200];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
	return path;
}

static void make_folder(const char *name)
{
	cr_assert(mkdir(path_of(name), 0755) == 0, "%s", name);
}

static void make_file(const char *name, const void *data, size_t len)
{
	FILE *file = fopen(path_of(name), "wb");

	cr_assert_not_null(file, "%s", name);
	cr_assert(fwrite(data, 1, len, file) == len);
	fclose(file);
}

static void make_text(const char *name, const char *text)
{
	make_file(name, text, strlen(text));
}

/* Runs the script; gives its exit status. */
static int crunch_with(const char *option, const char *folder, const char *output)
{
	char command[9000];
	FILE *pipe;
	size_t n;

	snprintf(command, sizeof(command), "scripts/crunch %s '%s' '%s' 2>&1", option, path_of(folder),
	         path_of(output));
	pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	n = fread(said, 1, sizeof(said) - 1, pipe);
	said[n] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

static int crunch(const char *folder, const char *output)
{
	return crunch_with("", folder, output);
}

static void *read_file(const char *name, size_t *len)
{
	FILE *file = fopen(path_of(name), "rb");
	struct stat status;
	void *data;

	cr_assert(file && fstat(fileno(file), &status) == 0, "%s", name);
	*len = (size_t)status.st_size;
	data = malloc(*len);
	cr_assert(fread(data, 1, *len, file) == *len);
	fclose(file);
	return data;
}

static struct kv *open_store(const char *name, void **data)
{
	struct kv *kv;
	size_t len;

	*data = read_file(name, &len);
	cr_assert(crunch_create(&kv, *data) == 0);
	return kv;
}

/* 0 or the error; entry is filled in. */
static intptr_t get(struct kv *kv, const char *key, struct kv_entry *entry)
{
	char *exact = malloc(strlen(key) + 1);
	struct kv_get op;

	memcpy(exact, key, strlen(key));
	kv_get(kv, &op, exact, strlen(key));
	free(exact);
	cr_assert(promise_is_settled(&op.promise));
	*entry = op.entry;
	return promise_result(&op.promise);
}

/* The same for a client that accepts gzip. */
static void get_gzip(struct kv *kv, const char *key, struct kv_entry *entry)
{
	struct kv_get op;

	kv_get_coded(kv, &op, key, strlen(key), KV_GZIP);
	cr_assert_eq(promise_result(&op.promise), 0, "%s", key);
	*entry = op.entry;
}

static bool has_line(const struct kv_entry *e, const char *line)
{
	return memmem(e->header, e->header_len, line, strlen(line));
}

static void expect_value(struct kv *kv, const char *key, const char *type, const char *value)
{
	struct kv_entry e;
	char header[512];

	cr_assert_eq(get(kv, key, &e), 0, "%s", key);
	cr_expect_eq(e.size, strlen(value), "%s", key);
	cr_expect(!memcmp(e.data, value, e.size), "%s", key);
	cr_expect_eq((uintptr_t)e.data % 16, 0, "%s", key);
	cr_expect_eq(strlen(e.etag), 18);
	snprintf(header, sizeof(header), "Content-Type: %s\r\nAccept-Ranges: bytes\r\nContent-Length: %zu\r\n",
	         type, strlen(value));
	cr_expect_eq(e.validators, strlen(header));
	snprintf(header + strlen(header), 200, "ETag: %s\r\nCache-Control: ", e.etag);
	cr_expect(!memcmp(e.header, header, strlen(header)), "%s: %.*s", key, e.header_len, e.header);
	cr_expect(!memcmp(e.header + e.header_len - 2, "\r\n\r\n", 4), "an empty line follows the header");
}

static bool has_type(const struct kv_entry *e, const char *type)
{
	char line[64];

	snprintf(line, sizeof(line), "Content-Type: %s\r\n", type);
	return !strncmp(e->header, line, strlen(line));
}

Test(crunch, serves_a_folder)
{
	static const char utf16[] = "\xff\xfeh\0i";
	struct kv_entry e;
	struct kv *kv;
	void *data;

	make_folder("site");
	make_folder("site/a b");
	make_folder("site/a b/empty folder");
	make_folder("site/.git");
	make_text("site/.git/secret", "x");
	make_text("site/.hidden", "x");
	make_text("site/index.html", "<p>hi");
	make_text("site/STYLE.CSS", "p {}");
	make_text("site/a b/caf\xc3\xa9 & \"q\" 'r' $x `y` \\n.svg", "<svg/>");
	make_text("site/noext", "bytes");
	make_text("site/empty.txt", "");
	make_file("site/old.html", utf16, sizeof(utf16) - 1);
	make_text("site/app.0a1b2c3d.js", "1");
	cr_assert(symlink("../index.html", path_of("site/a b/link.html")) == 0);
	cr_assert(symlink("../site/a b", path_of("site/folder link")) == 0);
	cr_assert_eq(crunch("site", "out.S"), 0, "%s", said);
	cr_expect(!strncmp(said, "CRUNCH  10 files, ", 18), "%s", said);
	kv = open_store("out.bin", &data);
	expect_value(kv, "index.html", "text/html; charset=utf-8", "<p>hi");
	expect_value(kv, "STYLE.CSS", "text/css; charset=utf-8", "p {}");
	expect_value(kv, "a b/caf\xc3\xa9 & \"q\" 'r' $x `y` \\n.svg", "image/svg+xml; charset=utf-8", "<svg/>");
	expect_value(kv, "noext", "application/octet-stream", "bytes");
	expect_value(kv, "empty.txt", "text/plain; charset=utf-8", "");
	expect_value(kv, "a b/link.html", "text/html; charset=utf-8", "<p>hi");
	expect_value(kv, "folder link/link.html", "text/html; charset=utf-8", "<p>hi");
	cr_assert_eq(get(kv, "old.html", &e), 0);
	cr_expect(has_type(&e, "text/html"), "not UTF-8: the page has to say");
	cr_expect_eq(get(kv, "", &e), -EISDIR);
	cr_expect_eq(get(kv, "a b", &e), -EISDIR);
	cr_expect_eq(get(kv, "a b/empty folder", &e), -EISDIR);
	cr_expect_eq(get(kv, "a b/", &e), -ENOENT);
	cr_expect_eq(get(kv, ".hidden", &e), -ENOENT);
	cr_expect_eq(get(kv, ".git/secret", &e), -ENOENT);
	cr_expect_eq(get(kv, "index.htm", &e), -ENOENT);
	cr_expect_eq(get(kv, "index.html2", &e), -ENOENT);
	cr_expect_eq(get(kv, "INDEX.HTML", &e), -ENOENT);
	crunch_destroy(kv);
	free(data);
}

Test(crunch, tells_names_that_change_with_their_content)
{
	static const struct {
		const char *key, *cache;
	} cases[] = {
		{ "app.0a1b2c3d.js", "max-age=31536000, immutable" },
		{ "x.deadbeef.js", "no-cache" },      /* a word, for want of a digit */
		{ "news-20240131.html", "no-cache" }, /* a date, for want of a letter */
	};
	char path[64], line[80];
	struct kv_entry e;
	struct kv *kv;
	void *data;

	make_folder("site");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), "site/%s", cases[i].key);
		make_text(path, "x");
	}
	cr_assert_eq(crunch("site", "out.S"), 0, "%s", said);
	kv = open_store("out.bin", &data);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cr_assert_eq(get(kv, cases[i].key, &e), 0);
		snprintf(line, sizeof(line), "\r\nCache-Control: %s\r\n", cases[i].cache);
		cr_expect(!memcmp(e.header + e.header_len - strlen(line), line, strlen(line)), "%s", cases[i].key);
	}
	crunch_destroy(kv);
	free(data);
}

Test(crunch, leaves_out_hidden_names_but_for_well_known_ones)
{
	struct kv_entry e;
	struct kv *kv;
	void *data;

	make_folder("site");
	make_folder("site/.well-known");
	make_text("site/.well-known/security.txt", "x");
	make_text("site/.well-known/.hidden", "x");
	make_folder("site/sub");
	make_folder("site/sub/.well-known");
	make_text("site/sub/.well-known/x", "x");
	cr_assert_eq(crunch("site", "out.S"), 0, "%s", said);
	kv = open_store("out.bin", &data);
	expect_value(kv, ".well-known/security.txt", "text/plain; charset=utf-8", "x");
	cr_expect_eq(get(kv, ".well-known/.hidden", &e), -ENOENT);
	cr_expect_eq(get(kv, "sub/.well-known/x", &e), -ENOENT, "at the root only (RFC 8615)");
	crunch_destroy(kv);
	free(data);
}

Test(crunch, stores_equal_content_once)
{
	struct kv_entry e, f, g;
	struct kv *kv;
	void *data;

	make_folder("site");
	make_text("site/a.txt", "same");
	make_text("site/b.html", "same");
	make_text("site/c.txt", "other");
	cr_assert_eq(crunch("site", "out.S"), 0, "%s", said);
	kv = open_store("out.bin", &data);
	cr_assert(!get(kv, "a.txt", &e) && !get(kv, "b.html", &f) && !get(kv, "c.txt", &g));
	cr_expect(e.data == f.data && e.data != g.data);
	cr_expect_str_eq(e.etag, f.etag);
	cr_expect_str_neq(e.etag, g.etag);
	cr_expect(has_type(&e, "text/plain; charset=utf-8") && has_type(&f, "text/html; charset=utf-8"));
	cr_expect_eq(e.data, e.header + e.header_len + 2, "the first has its body right behind its header");
	crunch_destroy(kv);
	free(data);
}

Test(crunch, serves_an_empty_folder)
{
	struct kv_entry e;
	struct kv *kv;
	void *data;

	make_folder("site");
	cr_assert_eq(crunch("site", "out.S"), 0, "%s", said);
	cr_expect(!strncmp(said, "CRUNCH  0 files, 0 bytes", 24), "%s", said);
	kv = open_store("out.bin", &data);
	cr_expect_eq(get(kv, "index.html", &e), -ENOENT);
	cr_expect_eq(get(kv, "", &e), -EISDIR);
	crunch_destroy(kv);
	free(data);
}

/* Every key of a large store is found, in one place of its own; keys nearly alike are not. */
Test(crunch, finds_all_keys_and_nothing_else)
{
	struct kv *kv;
	void *data;

	make_folder("site");
	for (int i = 0; i < KEYS; i++) {
		char name[32], text[16];

		snprintf(name, sizeof(name), "site/%d.txt", i * 7919);
		snprintf(text, sizeof(text), "%d", i);
		make_text(name, text);
	}
	cr_assert_eq(crunch("site", "out.S"), 0, "%s", said);
	kv = open_store("out.bin", &data);
	for (int i = 0; i < KEYS * 7919; i += i % 7919 ? 7918 : 1) {
		struct kv_entry e;
		char key[32], text[16];

		snprintf(key, sizeof(key), "%d.txt", i);
		if (i % 7919) {
			cr_assert_eq(get(kv, key, &e), -ENOENT, "%s", key);
			continue;
		}
		cr_assert_eq(get(kv, key, &e), 0, "%s", key);
		snprintf(text, sizeof(text), "%d", i / 7919);
		cr_assert(e.size == strlen(text) && !memcmp(e.data, text, e.size), "%s", key);
	}
	crunch_destroy(kv);
	free(data);
}

static void expect_same_files(const char *a, const char *b)
{
	size_t a_len, b_len;
	void *x = read_file(a, &a_len), *y = read_file(b, &b_len);

	cr_expect(a_len == b_len && !memcmp(x, y, a_len), "%s and %s differ", a, b);
	free(x);
	free(y);
}

Test(crunch, depends_on_names_and_contents_only)
{
	static const char *const names[] = { "a.txt", "b.txt", "sub/c.html", "z" };

	for (int other = 0; other < 2; other++) {
		const char *top = other ? "another place" : "site", *out = other ? "out2" : "out";
		char name[64];

		make_folder(top);
		snprintf(name, sizeof(name), "%s/sub", top);
		make_folder(name);
		make_folder(out);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			size_t n = other ? ARRAY_SIZE(names) - 1 - i : i; /* the file system's order */

			snprintf(name, sizeof(name), "%s/%s", top, names[n]);
			make_text(name, names[n]);
			cr_assert(chmod(path_of(name), other ? 0600 : 0644) == 0);
		}
		snprintf(name, sizeof(name), "%s/content.S", out);
		cr_assert_eq(crunch(top, name), 0, "%s", said);
	}
	expect_same_files("out/content.S", "out2/content.S");
	expect_same_files("out/content.bin", "out2/content.bin");
}

Test(crunch, writes_only_what_is_new)
{
	struct stat first, second;

	make_folder("site");
	make_text("site/a", "1");
	cr_assert_eq(crunch("site", "out.S"), 0);
	cr_assert(stat(path_of("out.S"), &first) == 0);
	cr_assert_eq(crunch("site", "out.S"), 0);
	cr_assert(stat(path_of("out.S"), &second) == 0);
	cr_expect(first.st_ino == second.st_ino && !said[0], "%s", said);
	make_text("site/a", "2");
	cr_assert_eq(crunch("site", "out.S"), 0);
	cr_assert(stat(path_of("out.S"), &second) == 0);
	cr_expect_neq(first.st_ino, second.st_ino, "the assembler's file has to follow the content");
	make_text("site/b", "2");
	cr_assert_eq(crunch("site", "out.S"), 0);
	cr_expect(strstr(said, "2 files"));
	cr_assert(unlink(path_of("site/b")) == 0);
	cr_assert_eq(crunch("site", "out.S"), 0);
	cr_expect(strstr(said, "1 files"));
}

static void create_and_destroy(void *arg)
{
	struct kv *kv;
	int error = crunch_create(&kv, arg);

	cr_assert_eq(error, test_alloc_failed() ? -ENOMEM : 0);
	if (!error)
		crunch_destroy(kv);
}

Test(crunch, without_memory)
{
	struct crunch_data nothing = { 0 };

	cr_assert_eq(test_alloc_fail_each(create_and_destroy, &nothing), 1);
}

static void expect_refusal(const char *reason)
{
	cr_expect_eq(crunch("site", "out.S"), 1);
	cr_expect(strstr(said, reason), "\"%s\" is missing in:\n%s", reason, said);
	cr_expect(access(path_of("out.S"), F_OK) != 0 && access(path_of("out.bin"), F_OK) != 0);
}

Test(crunch, refuses_what_cannot_be_served)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char name[2400] = "";

	make_folder("site");
	make_text("site/good", "x");
	cr_assert(symlink("nowhere", path_of("site/dangling")) == 0);
	cr_assert(symlink(".", path_of("site/circle")) == 0);
	cr_assert(symlink("self", path_of("site/self")) == 0);
	cr_assert(mkfifo(path_of("site/pipe"), 0644) == 0);
	strcpy(address.sun_path, path_of("site/socket"));
	cr_assert(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	make_text("site/latin-\xe9", "x");
	make_text("site/two\nlines", "x");
	make_text("site/del\x7f", "x");
	make_text("site/next\xc2\x85line", "x");
	make_text("site/caf\xc3\xa9", "x");
	make_text("site/cafe\xcc\x81", "x");
	make_folder("site/deep");
	strcpy(name, "site/deep");
	for (int i = 0; i < 10; i++) {
		strcat(name, "/");
		memset(name + strlen(name), 'd', 210);
		make_folder(name);
	}
	expect_refusal("crunch: dangling: a dangling link\n");
	expect_refusal("crunch: circle: a link to a folder that it lies in\n");
	expect_refusal("crunch: self: ");
	expect_refusal("crunch: pipe: neither a file nor a folder\n");
	expect_refusal("crunch: socket: neither a file nor a folder\n");
	expect_refusal("crunch: latin-\\xe9: the name is not UTF-8\n");
	expect_refusal("crunch: two\\nlines: the name holds a control character\n");
	expect_refusal("crunch: del\\x7f: the name holds a control character\n");
	expect_refusal("crunch: next\\x85line: the name holds a control character\n");
	expect_refusal("the name clashes with cafe\xcc\x81");
	expect_refusal("dd: the path is longer than 2000 bytes in a URL\n");
	cr_expect(!strstr(said, "good:"));
	close(fd);
}

/* Each folder links to the next one twice: 2 to the 30th paths to one file. */
Test(crunch, refuses_more_names_than_there_is_room_for)
{
	char name[64], target[64];

	make_folder("site");
	for (int i = 0; i < 31; i++) {
		snprintf(name, sizeof(name), "site/%d", i);
		make_folder(name);
		snprintf(target, sizeof(target), "../%d", i + 1);
		for (int twice = 0; i < 30 && twice < 2; twice++) {
			snprintf(name, sizeof(name), "site/%d/%c", i, 'a' + twice);
			cr_assert(symlink(target, path_of(name)) == 0);
		}
	}
	expect_refusal(": more than 100000 files and folders with this one\n");
}

/* As deep as a path of 2000 bytes can be. */
Test(crunch, serves_deep_folders)
{
	char name[4096] = "site", key[2100] = "";
	struct kv_entry e;
	struct kv *kv;
	void *data;

	make_folder(name);
	for (int i = 0; i < 999; i++) {
		strcat(name, "/d");
		strcat(key, "d/");
		make_folder(name);
	}
	strcat(name, "/f");
	strcat(key, "f");
	make_text(name, "deep");
	cr_assert_eq(crunch("site", "out.S"), 0, "%s", said);
	kv = open_store("out.bin", &data);
	cr_assert_eq(get(kv, key, &e), 0);
	cr_expect(e.size == 4 && !memcmp(e.data, "deep", 4));
	crunch_destroy(kv);
	free(data);
}

Test(crunch, refuses_files_that_it_cannot_read)
{
	make_folder("site");
	cr_assert(symlink("/proc/self/mem", path_of("site/a")) == 0); /* even root reads nothing there */
	expect_refusal("crunch: a: input/output error\n");
}

Test(crunch, says_what_is_wrong_with_its_arguments)
{
	make_text("file", "x");
	cr_expect_eq(crunch("none", "out.S"), 1);
	cr_expect(strstr(said, "none: no such file or directory"), "%s", said);
	cr_expect_eq(crunch("file", "out.S"), 1);
	cr_expect(strstr(said, "file: not a folder"), "%s", said);
	cr_expect_eq(crunch("file", "out.c"), 1);
	cr_expect(strstr(said, "usage: crunch [--gzip] FOLDER OUTPUT.S"), "%s", said);
}

/* -- compressed variants -- */

/* Asserts that gunzip turns e into value. */
static void expect_gunzips_to(const struct kv_entry *e, const char *value, size_t len)
{
	char command[200], *unzipped;
	size_t n;

	make_file("variant.gz", e->data, e->size);
	snprintf(command, sizeof(command), "gunzip -c %s >%s", path_of("variant.gz"), path_of("variant"));
	cr_assert_eq(system(command), 0);
	unzipped = read_file("variant", &n);
	cr_expect(n == len && !memcmp(unzipped, value, len), "%zu bytes", n);
	free(unzipped);
}

Test(crunch, has_compressed_variants)
{
	static char text[3000], noise[3000];
	struct kv_entry plain, e;
	struct kv *kv;
	void *data;

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(rand() >> 8);
	make_folder("site");
	make_file("site/a.html", text, sizeof(text));
	make_file("site/again.html", text, sizeof(text));
	make_file("site/noise.html", noise, sizeof(noise));
	make_file("site/picture.png", text, sizeof(text));
	make_text("site/short.txt", "aaaaaaaaaaaaaaaaaaaaa");
	make_text("site/empty.txt", "");
	cr_assert_eq(crunch_with("--gzip", "site", "out.S"), 0, "%s", said);
	cr_expect(strstr(said, "2 of them compressed as well"), "%s", said);
	kv = open_store("out.bin", &data);
	cr_assert_eq(get(kv, "a.html", &plain), 0);
	cr_expect(plain.coding == 0 && plain.size == sizeof(text) &&
	          has_line(&plain, "Vary: Accept-Encoding\r\n"));
	cr_expect_not(has_line(&plain, "Content-Encoding"));
	get_gzip(kv, "a.html", &e);
	cr_expect(e.coding == KV_GZIP && has_line(&e, "Content-Encoding: gzip\r\n") &&
	          has_line(&e, "Vary: Accept-Encoding\r\n"));
	cr_expect(has_type(&e, "text/html; charset=utf-8") && strcmp(e.etag, plain.etag));
	cr_expect(memmem(e.header + e.validators, e.header_len - e.validators, "Vary", 4), "304 has it, too");
	cr_expect(!memcmp((const char *)e.data + 4, "\0\0\0\0", 4), "no time (RFC 1952 §2.3.1)");
	expect_gunzips_to(&e, text, sizeof(text));
	plain = e;
	get_gzip(kv, "again.html", &e);
	cr_expect_eq(e.data, plain.data, "equal content is there once, compressed as well");
	for (size_t i = 0; i < 4; i++) {
		static const char *const keys[] = { "noise.html", "picture.png", "short.txt", "empty.txt" };

		get_gzip(kv, keys[i], &e);
		cr_expect(!e.coding && !has_line(&e, "Vary") && !has_line(&e, "Content-Encoding"), "%s", keys[i]);
	}
	crunch_destroy(kv);
	free(data);
}

Test(crunch, makes_the_same_variants_anywhere_and_any_time)
{
	static char text[3000];
	size_t len, again_len;
	void *data, *again;

	make_folder("site");
	make_file("site/a.html", text, sizeof(text));
	cr_assert_eq(crunch_with("--gzip", "site", "out.S"), 0, "%s", said);
	make_folder("copy");
	make_file("copy/a.html", text, sizeof(text));
	sleep(1);
	cr_assert_eq(crunch_with("--gzip", "copy", "again.S"), 0, "%s", said);
	data = read_file("out.bin", &len);
	again = read_file("again.bin", &again_len);
	cr_expect(len == again_len && !memcmp(data, again, len));
	free(data);
	free(again);
}

/* -- _headers -- */

Test(crunch, adds_header_lines_by_pattern)
{
	struct kv_entry e;
	struct kv *kv;
	void *data;

	make_folder("site");
	make_folder("site/docs");
	make_text("site/index.html", "x");
	make_text("site/docs/index.html", "x");
	make_text("site/docs/a.css", "x");
	make_text("site/odd.x", "x");
	make_text("site/_headers",
	          "# all of it\n/*\n  X-Frame-Options: DENY\n\tX-A: 1\n\n/docs/\n  X-A: 2\n/docs/*.css\n"
	          "  cache-control: max-age=60\r\n/odd.x\n  Content-Type: text/odd\n  X-A:\n");
	cr_assert_eq(crunch("site", "out.S"), 0, "%s", said);
	kv = open_store("out.bin", &data);
	cr_expect_eq(get(kv, "_headers", &e), -ENOENT);
	cr_assert_eq(get(kv, "index.html", &e), 0);
	cr_expect(has_line(&e, "\r\nX-Frame-Options: DENY\r\n") && has_line(&e, "\r\nX-A: 1\r\n"));
	cr_expect(has_line(&e, "\r\nCache-Control: no-cache\r\n"));
	cr_assert_eq(get(kv, "docs/index.html", &e), 0);
	cr_expect(has_line(&e, "\r\nX-A: 2\r\n") && !has_line(&e, "X-A: 1"),
	          "the later one of a name, for the folder's page");
	cr_assert_eq(get(kv, "docs/a.css", &e), 0);
	cr_expect(has_line(&e, "\r\ncache-control: max-age=60\r\n") && !has_line(&e, "no-cache"));
	cr_expect(has_line(&e, "\r\nX-A: 1\r\n"));
	cr_assert_eq(get(kv, "odd.x", &e), 0);
	cr_expect(has_type(&e, "text/odd") && has_line(&e, "\r\nX-A: \r\n"));
	crunch_destroy(kv);
	free(data);
}

Test(crunch, refuses_header_lines_that_cannot_be)
{
	static const struct {
		const char *text, *complaint;
	} cases[] = {
		{ "  X: y\n", "line 1: a header line before the first path" },
		{ "x\n", "line 1: a path begins with /" },
		{ "/*\n  X y\n", "line 2: no header line" },
		{ "/*\n  X y: z\n", "line 2: no header line" },
		{ "/*\n  : z\n", "line 2: no header line" },
		{ "/*\n  X: \001\n", "line 2: a value that is not printable" },
		{ "/*\n  X: \303\274\n", "line 2: a value that is not printable" },
		{ "/*\n\n  content-length: 5\n", "line 3: content-length is the server's to say" },
		{ "/*\n  Transfer-Encoding: chunked\n", "line 2: Transfer-Encoding is the server's to say" },
	};
	static char large[6000] = "/*\n X: ";

	make_folder("site");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_text("site/_headers", cases[i].text);
		cr_expect_eq(crunch("site", "out.S"), 1, "%s", cases[i].text);
		cr_expect(strstr(said, "crunch: _headers: ") && strstr(said, cases[i].complaint), "%s", said);
	}
	memset(large + 7, 'y', 5000);
	make_text("site/_headers", large);
	cr_expect_eq(crunch("site", "out.S"), 1);
	cr_expect(strstr(said, "line 2: more than 4096 bytes"), "%s", said);
}

Test(crunch, refuses_a_folder_in_the_place_of_a_page)
{
	make_folder("site");
	make_folder("site/docs");
	make_folder("site/docs/index.html");
	make_text("site/docs/index.html/x", "x");
	cr_expect_eq(crunch("site", "out.S"), 1);
	cr_expect(strstr(said, "docs/index.html: a folder where the page of the folder around it is looked for"),
	          "%s", said);
}
