/* Pipe adapter: iksemel, the parser of jabberd 1.4 and of many clients; it resolves no namespaces: the adapter does.
   cc iksemel.c -liksemel */
#include <iksemel.h>
#include "pipe.h"

static int on_tag(void *lines, char *name, char **attributes, int type) {
	const char *names[256], *values[256];
	size_t count = 0;
	if (type == IKS_CLOSE) {
		lines_end(lines);
		return IKS_OK;
	}
	for (; attributes && attributes[2 * count] && count < 256; count++) {
		names[count] = attributes[2 * count];
		values[count] = attributes[2 * count + 1] ? attributes[2 * count + 1] : "";
	}
	lines_start_plain(lines, name, names, values, count);
	if (type == IKS_SINGLE) lines_end(lines);
	return IKS_OK;
}

static int on_text(void *lines, char *text, size_t length) {
	lines_text(lines, text, length);
	return IKS_OK;
}

static void read(const char *document, size_t length, Lines *lines) {
	iksparser *parser = iks_sax_new(lines, on_tag, on_text);
	int error = iks_parse(parser, document, length, 1);
	if (error) lines_error(lines, error == IKS_BADXML ? "bad XML" : error == IKS_NOMEM ? "no memory" : "hook");
	iks_parser_delete(parser);
}

int main(void) {
	return serve(read);
}
