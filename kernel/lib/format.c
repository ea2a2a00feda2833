// SPDX-License-Identifier: MIT
/*
 * Formatted output. Text goes out in runs (a literal stretch, a string, the
 * digits of a number, padding), each bounded once and copied by words.
 */
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

struct output {
	char *buf;
	size_t room;	/* characters that fit, terminator apart */
	size_t len;	/* characters produced, fitting or not */
};

enum {
	FLAG_LEFT = 1 << 0,
	FLAG_ZERO = 1 << 1,
	FLAG_ALTERNATE = 1 << 2,
	FLAG_PLUS = 1 << 3,
	FLAG_UPPER = 1 << 4,
};

/* Widths of an integer argument. */
enum length { LENGTH_CHAR, LENGTH_SHORT, LENGTH_INT, LENGTH_LONG };

struct spec {
	unsigned flags;
	size_t width;
	size_t precision;	/* NO_PRECISION: none given */
	enum length length;
};

#define NO_PRECISION	SIZE_MAX

/* A va_list may be an array type, whose address a parameter loses. */
struct arguments {
	va_list list;
};

/* How many of `n` characters still fit. */
static size_t output_fit(const struct output *o, size_t n)
{
	return o->len >= o->room ? 0 : min(n, o->room - o->len);
}

static void put_text(struct output *o, const char *text, size_t n)
{
	size_t fit = output_fit(o, n);

	if (fit)
		memcpy(o->buf + o->len, text, fit);
	o->len += n;
}

static void put_fill(struct output *o, char c, size_t n)
{
	size_t fit = output_fit(o, n);

	if (fit)
		memset(o->buf + o->len, c, fit);
	o->len += n;
}

static void put_padded(struct output *o, const struct spec *s, const char *text, size_t n)
{
	size_t pad = s->width > n ? s->width - n : 0;

	if (pad && !(s->flags & FLAG_LEFT))
		put_fill(o, ' ', pad);
	put_text(o, text, n);
	if (pad && (s->flags & FLAG_LEFT))
		put_fill(o, ' ', pad);
}

static void put_string(struct output *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	put_padded(o, s, text, strnlen(text, s->precision));
}

/* Writes the digits of `v` so that they end before `end`; none for 0. */
static char *digits_decimal(char *end, uint64_t v)
{
	for (; v; v /= 10)
		*--end = (char)('0' + v % 10);
	return end;
}

static char *digits_hex(char *end, uint64_t v, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	for (; v; v >>= 4)
		*--end = digits[v & 15];
	return end;
}

/* Prefix, zeros, digits, within the width. */
static void put_number_padded(struct output *o, const struct spec *s, const char *prefix,
			      size_t prefix_len, const char *digits, size_t n)
{
	size_t zeros = 0, pad, len;

	if (s->precision != NO_PRECISION)
		zeros = s->precision > n ? s->precision - n : 0;
	else if (!n)
		zeros = 1;
	len = prefix_len + zeros + n;
	pad = s->width > len ? s->width - len : 0;
	if (pad && s->precision == NO_PRECISION &&
	    (s->flags & (FLAG_ZERO | FLAG_LEFT)) == FLAG_ZERO) {
		zeros += pad;
		pad = 0;
	}

	if (pad && !(s->flags & FLAG_LEFT))
		put_fill(o, ' ', pad);
	if (prefix_len)
		put_text(o, prefix, prefix_len);
	if (zeros)
		put_fill(o, '0', zeros);
	put_text(o, digits, n);
	if (pad && (s->flags & FLAG_LEFT))
		put_fill(o, ' ', pad);
}

/*
 * `prefix` is a sign, 0x or nothing; `start` has no digit for 0, and room
 * before it for the prefix and one digit.
 */
static void put_number(struct output *o, const struct spec *s, const char *prefix,
		       char *start, const char *end)
{
	size_t prefix_len = !prefix[0] ? 0 : !prefix[1] ? 1 : 2;

	if (s->width || s->precision != NO_PRECISION) {
		put_number_padded(o, s, prefix, prefix_len, start, (size_t)(end - start));
		return;
	}
	if (start == end)
		*--start = '0';
	while (prefix_len)
		*--start = prefix[--prefix_len];
	put_text(o, start, (size_t)(end - start));
}

static void put_decimal(struct output *o, const struct spec *s, uint64_t v, const char *sign)
{
	char digits[1 + 20];	/* the sign, and UINT64_MAX */
	char *end = digits + sizeof(digits);

	put_number(o, s, sign, digits_decimal(end, v), end);
}

static void put_hex(struct output *o, const struct spec *s, uint64_t v)
{
	bool upper = s->flags & FLAG_UPPER;
	const char *prefix = "";
	char digits[2 + 16];
	char *end = digits + sizeof(digits);

	if ((s->flags & FLAG_ALTERNATE) && v)
		prefix = upper ? "0X" : "0x";
	put_number(o, s, prefix, digits_hex(end, v, upper), end);
}

static int64_t take_signed(struct arguments *args, enum length length)
{
	switch (length) {
	case LENGTH_CHAR: return (signed char)va_arg(args->list, int);
	case LENGTH_SHORT: return (short)va_arg(args->list, int);
	case LENGTH_INT: return va_arg(args->list, int);
	default: return va_arg(args->list, long);
	}
}

static uint64_t take_unsigned(struct arguments *args, enum length length)
{
	switch (length) {
	case LENGTH_CHAR: return (unsigned char)va_arg(args->list, unsigned);
	case LENGTH_SHORT: return (unsigned short)va_arg(args->list, unsigned);
	case LENGTH_INT: return va_arg(args->list, unsigned);
	default: return va_arg(args->list, unsigned long);
	}
}

static const char *parse_flags(const char *p, struct spec *s)
{
	for (;; p++) {
		switch (*p) {
		case '-': s->flags |= FLAG_LEFT; break;
		case '0': s->flags |= FLAG_ZERO; break;
		case '#': s->flags |= FLAG_ALTERNATE; break;
		case '+': s->flags |= FLAG_PLUS; break;
		default: return p;
		}
	}
}

/* A width or precision: digits or `*`; at most INT_MAX, whatever is asked. */
static const char *parse_count(const char *p, struct arguments *args, int *count)
{
	*count = 0;
	if (*p == '*') {
		*count = va_arg(args->list, int);
		return p + 1;
	}
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(*count, 10, count) ||
		    __builtin_add_overflow(*count, *p - '0', count))
			*count = __INT_MAX__;
	return p;
}

static const char *parse_length(const char *p, struct spec *s)
{
	switch (*p) {
	case 'h':
		s->length = p[1] == 'h' ? LENGTH_CHAR : LENGTH_SHORT;
		return p[1] == 'h' ? p + 2 : p + 1;
	case 'l':
		s->length = LENGTH_LONG;
		return p[1] == 'l' ? p + 2 : p + 1;
	case 'z':
	case 't':
	case 'j':
		s->length = LENGTH_LONG;
		return p + 1;
	default:
		return p;
	}
}

/* Reads what lies between `%` and the conversion; returns the latter's place. */
static const char *parse_spec(const char *p, struct spec *s, struct arguments *args)
{
	int count;

	*s = (struct spec){ .precision = NO_PRECISION, .length = LENGTH_INT };
	if (*p >= 'a')	/* no flag, count or precision, as nearly always */
		return parse_length(p, s);
	p = parse_flags(p, s);
	p = parse_count(p, args, &count);
	if (count < 0)
		s->flags |= FLAG_LEFT;
	s->width = count < 0 ? -(size_t)count : (size_t)count;
	if (*p == '.') {
		p = parse_count(p + 1, args, &count);
		if (count >= 0)
			s->precision = (size_t)count;
	}
	return parse_length(p, s);
}

/* Prints one argument; false if the conversion is unknown. */
static bool put_argument(struct output *o, struct spec *s, char conversion,
			 struct arguments *args)
{
	int64_t v;
	char c;

	switch (conversion) {
	case 'd':
	case 'i':
		v = take_signed(args, s->length);
		put_decimal(o, s, v < 0 ? -(uint64_t)v : (uint64_t)v,
			    v < 0 ? "-" : s->flags & FLAG_PLUS ? "+" : "");
		return true;
	case 'u':
		put_decimal(o, s, take_unsigned(args, s->length), "");
		return true;
	case 'X':
		s->flags |= FLAG_UPPER;
		put_hex(o, s, take_unsigned(args, s->length));
		return true;
	case 'x':
		put_hex(o, s, take_unsigned(args, s->length));
		return true;
	case 'p':
		s->flags |= FLAG_ALTERNATE;
		put_hex(o, s, (uintptr_t)va_arg(args->list, void *));
		return true;
	case 's':
		put_string(o, s, va_arg(args->list, const char *));
		return true;
	case 'c':
		c = (char)va_arg(args->list, int);
		put_padded(o, s, &c, 1);
		return true;
	case '%':
		put_text(o, "%", 1);
		return true;
	default:
		return false;
	}
}

/* The next `%` or the end; nearly every character lies above both. */
static const char *literal_end(const char *p)
{
	while ((unsigned char)*p > '%' || (*p != '\0' && *p != '%'))
		p++;
	return p;
}

int format_va(char *buf, size_t size, const char *fmt, va_list list)
{
	struct output o = { buf, size ? size - 1 : 0, 0 };
	struct arguments args;
	const char *p = fmt;
	struct spec spec;

	va_copy(args.list, list);
	for (;;) {
		const char *run = p;

		p = literal_end(p);
		if (p != run)
			put_text(&o, run, (size_t)(p - run));
		if (!*p)
			break;
		run = p;
		p = parse_spec(p + 1, &spec, &args);
		if (put_argument(&o, &spec, *p, &args)) {
			p++;
			continue;
		}
		p += *p != '\0';
		put_text(&o, run, (size_t)(p - run));
	}
	va_end(args.list);

	if (size)
		buf[min(o.len, o.room)] = '\0';
	return (int)min(o.len, (size_t)__INT_MAX__);
}

int format(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = format_va(buf, size, fmt, args);
	va_end(args);
	return len;
}
