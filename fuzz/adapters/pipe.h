/* The pipe protocol and canonical lines for readers in C and C++. A reader calls lines_start, lines_text and lines_end, or
   lines_error; main is `return serve(read);`. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	char *bytes;
	size_t length, capacity;
} Buffer;

static void put(Buffer *b, const char *bytes, size_t length) {
	if (b->length + length + 1 > b->capacity) {
		b->capacity = (b->length + length + 1) * 2;
		b->bytes = (char *)realloc(b->bytes, b->capacity);
		if (!b->bytes) abort();
	}
	if (length) memcpy(b->bytes + b->length, bytes, length);
	b->length += length;
	b->bytes[b->length] = 0;
}

static void puts_to(Buffer *b, const char *text) {
	put(b, text, strlen(text));
}

/* The length of the character of UTF-8 that begins here, 0 if none does. */
static size_t character(const unsigned char *p, size_t left) {
	size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;
	if (n > left) return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80) return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f)) return 0;
	return n;
}

static void escape(Buffer *b, const char *text, size_t length, char end) {
	for (size_t at = 0; at < length;) {
		const unsigned char *p = (const unsigned char *)text + at;
		size_t n = character(p, length - at);
		char number[12];
		if (n == 0) puts_to(b, "\xef\xbf\xbd");
		else if (*p == '\n') puts_to(b, "\\n");
		else if (*p == '\r') puts_to(b, "\\r");
		else if (*p == '\t') puts_to(b, "\\t");
		else if (*p == (unsigned char)end || *p == '\\') { puts_to(b, "\\"); put(b, text + at, 1); }
		else if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) {
			snprintf(number, sizeof number, "\\u{%x}", n == 2 ? p[1] : *p);
			puts_to(b, number);
		} else put(b, text + at, n);
		at += n ? n : 1;
	}
}

typedef struct {
	const char *ns, *name, *value;
} Attribute;

typedef struct {
	Buffer lines, text;
	/* The end lines of the open elements, one after the other, and where each begins. */
	Buffer ends;
	size_t *open, depth, room;
	/* For readers that resolve no namespaces: prefix, name and depth of each declaration in scope. */
	struct { char *prefix, *ns; size_t depth; } *scope;
	size_t declared, scope_room;
	const char *error;
} Lines;

static void end_text(Lines *l) {
	if (l->text.length == 0) return;
	puts_to(&l->lines, "text \"");
	escape(&l->lines, l->text.bytes, l->text.length, '"');
	puts_to(&l->lines, "\"\n");
	l->text.length = 0;
}

static void qualified(Buffer *b, const char *ns, const char *name) {
	puts_to(b, "{");
	escape(b, ns, strlen(ns), '}');
	puts_to(b, "}");
	escape(b, name, strlen(name), ' ');
}

static int by_name(const void *a, const void *b) {
	const Attribute *x = (const Attribute *)a, *y = (const Attribute *)b;
	int order = strcmp(x->ns, y->ns);
	return order ? order : strcmp(x->name, y->name);
}

static void lines_start(Lines *l, const char *ns, const char *name, Attribute *all, size_t count) {
	end_text(l);
	/* Some read fragments; a document has one root. */
	if (!l->depth && l->lines.length) l->error = "not one root";
	puts_to(&l->lines, "start ");
	qualified(&l->lines, ns, name);
	if (count) qsort(all, count, sizeof *all, by_name);
	for (size_t i = 0; i < count; i++) {
		puts_to(&l->lines, " ");
		if (*all[i].ns) qualified(&l->lines, all[i].ns, all[i].name);
		else escape(&l->lines, all[i].name, strlen(all[i].name), ' ');
		puts_to(&l->lines, "=\"");
		escape(&l->lines, all[i].value, strlen(all[i].value), '"');
		puts_to(&l->lines, "\"");
	}
	puts_to(&l->lines, "\n");
	if (l->depth == l->room) {
		l->room = l->room * 2 + 16;
		l->open = (size_t *)realloc(l->open, l->room * sizeof *l->open);
	}
	l->open[l->depth++] = l->ends.length;
	qualified(&l->ends, ns, name);
}

/* Text inside the root. */
static void lines_text(Lines *l, const char *text, size_t length) {
	if (l->depth) put(&l->text, text, length);
}

static void lines_end(Lines *l) {
	if (l->depth == 0) return;
	end_text(l);
	size_t at = l->open[--l->depth];
	puts_to(&l->lines, "end ");
	put(&l->lines, l->ends.bytes + at, l->ends.length - at);
	puts_to(&l->lines, "\n");
	l->ends.length = at;
	while (l->declared && l->scope[l->declared - 1].depth > l->depth) {
		l->declared--;
		free(l->scope[l->declared].prefix);
		free(l->scope[l->declared].ns);
	}
}

/* The document is refused, for these words that do not quote it. */
static inline void lines_error(Lines *l, const char *words) {
	if (!l->error) l->error = words;
}

static const char *resolve(Lines *l, const char *name, int is_attribute, const char **local) {
	const char *colon = strchr(name, ':');
	size_t length = colon ? (size_t)(colon - name) : 0;
	*local = colon ? colon + 1 : name;
	if (!colon && is_attribute) return "";
	if (length == 3 && memcmp(name, "xml", 3) == 0) return "http://www.w3.org/XML/1998/namespace";
	for (size_t i = l->declared; i-- > 0;)
		if (strlen(l->scope[i].prefix) == length && memcmp(l->scope[i].prefix, name, length) == 0) return l->scope[i].ns;
	return "";
}

/* As lines_start for readers that resolve no namespaces: names, and values, as they stand there. */
static inline void lines_start_plain(Lines *l, const char *name, const char **names, const char **values, size_t count) {
	Attribute *all = (Attribute *)malloc((count + 1) * sizeof *all);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		int is_default = strcmp(names[i], "xmlns") == 0;
		if (!is_default && strncmp(names[i], "xmlns:", 6) != 0) continue;
		if (l->declared == l->scope_room) {
			l->scope_room = l->scope_room * 2 + 16;
			*(void **)&l->scope = realloc(l->scope, l->scope_room * sizeof *l->scope);
		}
		l->scope[l->declared].prefix = strdup(is_default ? "" : names[i] + 6);
		l->scope[l->declared].ns = strdup(values[i]);
		l->scope[l->declared++].depth = l->depth + 1;
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], "xmlns") == 0 || strncmp(names[i], "xmlns:", 6) == 0) continue;
		all[kept].ns = resolve(l, names[i], 1, &all[kept].name);
		all[kept++].value = values[i];
	}
	const char *local, *ns = resolve(l, name, 0, &local);
	lines_start(l, ns, local, all, kept);
	free(all);
}

/* Answers every document of standard input. */
static int serve(void (*read)(const char *document, size_t length, Lines *lines)) {
	uint32_t length;
	while (fread(&length, 4, 1, stdin) == 1) {
		Lines l;
		memset(&l, 0, sizeof l);
		char *document = (char *)calloc(length + 1, 1);
		if (!document || fread(document, 1, length, stdin) != length) return 0;
		read(document, length, &l);
		if (!l.error && (l.depth || !l.lines.length)) l.error = "no document";
		if (l.error) {
			l.lines.length = 0;
			puts_to(&l.lines, "error: ");
			puts_to(&l.lines, l.error);
		}
		uint32_t size = l.lines.length;
		fwrite(&size, 4, 1, stdout);
		fwrite(l.lines.bytes, 1, size, stdout);
		fflush(stdout);
		while (l.depth) lines_end(&l);
		free(l.lines.bytes); free(l.text.bytes); free(l.ends.bytes); free(l.open); free(l.scope); free(document);
	}
	return 0;
}
