/* SPDX-License-Identifier: ISC */
/* Text from values. One pass over the format; characters that do not fit are counted and not written,
 * as with C's snprintf. Digits are produced from the right, in a buffer for the longest number. */
#include <string.h>

#include "kernel/format.h"

struct sink {
	char *to;
	size_t size, length;
};

struct spec {
	bool left, zero;
	unsigned width;
	size_t precision; /* SIZE_MAX: none */
	int longness;     /* 0 int, 1 long, 2 long long or size_t */
};

static void put(struct sink *out, const char *text, size_t len)
{
	if (out->length < out->size)
		memcpy(out->to + out->length, text, MIN(len, out->size - out->length));
	out->length += len;
}

static void pad(struct sink *out, char c, size_t count)
{
	if (out->length < out->size)
		memset(out->to + out->length, c, MIN(count, out->size - out->length));
	out->length += count;
}

static void put_padded(struct sink *out, const struct spec *spec, const char *text, size_t len)
{
	size_t padding = spec->width > len ? spec->width - len : 0;

	/* The sign comes before the zeros. */
	if (spec->zero && len && *text == '-') {
		put(out, text++, 1);
		len--;
	}
	if (!spec->left)
		pad(out, spec->zero ? '0' : ' ', padding);
	put(out, text, len);
	if (spec->left)
		pad(out, ' ', padding);
}

static void put_number(struct sink *out, const struct spec *spec, unsigned long long value,
                       unsigned base, const char *prefix)
{
	char digits[24], *at = digits + sizeof(digits);

	do {
		*--at = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	for (size_t i = strlen(prefix); i--;)
		*--at = prefix[i];
	put_padded(out, spec, at, (size_t)(digits + sizeof(digits) - at));
}

static unsigned long long take_unsigned(const struct spec *spec, va_list *args)
{
	if (spec->longness == 0)
		return va_arg(*args, unsigned);
	return spec->longness == 1 ? va_arg(*args, unsigned long) : va_arg(*args, unsigned long long);
}

static long long take_signed(const struct spec *spec, va_list *args)
{
	if (spec->longness == 0)
		return va_arg(*args, int);
	return spec->longness == 1 ? va_arg(*args, long) : va_arg(*args, long long);
}

static unsigned parse_count(const char **at, va_list *args)
{
	unsigned n = 0;

	if (**at == '*') {
		int given = va_arg(*args, int);

		++*at;
		return given < 0 ? 0 : (unsigned)given;
	}
	while (**at >= '0' && **at <= '9')
		n = n * 10 + (unsigned)(*(*at)++ - '0');
	return n;
}

static struct spec parse_spec(const char **at, va_list *args)
{
	struct spec spec = { .precision = SIZE_MAX };

	for (;; ++*at) {
		if (**at == '-')
			spec.left = true;
		else if (**at == '0')
			spec.zero = true;
		else
			break;
	}
	spec.width = parse_count(at, args);
	if (**at == '.') {
		++*at;
		spec.precision = parse_count(at, args);
	}
	for (;; ++*at) {
		if (**at == 'l')
			spec.longness++;
		else if (**at == 'z')
			spec.longness = sizeof(size_t) == sizeof(long) ? 1 : 2;
		else if (**at != 'h')
			break;
	}
	spec.zero &= !spec.left;
	return spec;
}

static void put_text(struct sink *out, struct spec *spec, const char *text)
{
	size_t len = 0;

	spec->zero = false;
	if (!text)
		text = "(null)";
	while (len < spec->precision && text[len])
		len++;
	put_padded(out, spec, text, len);
}

static void put_conversion(struct sink *out, char conversion, struct spec *spec, va_list *args)
{
	long long value;
	char c;

	switch (conversion) {
	case 'd':
		value = take_signed(spec, args);
		put_number(out, spec, value < 0 ? -(unsigned long long)value : (unsigned long long)value, 10,
		           value < 0 ? "-" : "");
		break;
	case 'u':
		put_number(out, spec, take_unsigned(spec, args), 10, "");
		break;
	case 'x':
		put_number(out, spec, take_unsigned(spec, args), 16, "");
		break;
	case 'p':
		put_number(out, spec, (uintptr_t)va_arg(*args, void *), 16, "0x");
		break;
	case 's':
		put_text(out, spec, va_arg(*args, const char *));
		break;
	case 'c':
		c = (char)va_arg(*args, int);
		put_padded(out, spec, &c, 1);
		break;
	default:
		put(out, &conversion, 1);
	}
}

size_t format_v(char *to, size_t size, const char *format, va_list args)
{
	struct sink out = { .to = to, .size = size };
	va_list rest;

	va_copy(rest, args);
	while (*format) {
		const char *start = format;
		struct spec spec;

		while (*format && *format != '%')
			format++;
		put(&out, start, (size_t)(format - start));
		if (!*format)
			break;
		format++;
		spec = parse_spec(&format, &rest);
		if (!*format)
			break;
		put_conversion(&out, *format++, &spec, &rest);
	}
	va_end(rest);
	if (size)
		to[MIN(out.length, size - 1)] = '\0';
	return out.length;
}

size_t format(char *to, size_t size, const char *format, ...)
{
	va_list args;
	size_t length;

	va_start(args, format);
	length = format_v(to, size, format, args);
	va_end(args);
	return length;
}
