/*
 * liblzo2 and liblz4 as seen from a test: each line of the input is a command, each line of the output its answer in JSON.
 *
 *   compress lzo|lz4 HEX            {"result":BYTES,"hex":"..."}
 *   decompress lzo|lz4 ROOM HEX     {"result":BYTES or a negative code,"hex":"..."}
 *
 * Built with -llzo2 -llz4. It ends with its input.
 */
#include <lz4.h>
#include <lzo/lzo1x.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 1 << 19, OUTPUT_MAX = 1 << 20 };

static unsigned char input[INPUT_MAX];
static unsigned char output[OUTPUT_MAX];
static char line[2 * INPUT_MAX + 64];
static unsigned char work[LZO1X_1_MEM_COMPRESS];

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static int read_hex(const char *text)
{
	int count = 0;
	while (digit(text[0]) >= 0 && digit(text[1]) >= 0 && count < INPUT_MAX) {
		input[count++] = (unsigned char)(digit(text[0]) << 4 | digit(text[1]));
		text += 2;
	}
	return count;
}

static void answer(long result)
{
	printf("{\"result\":%ld,\"hex\":\"", result);
	for (long at = 0; at < result; at++)
		printf("%02x", output[at]);
	puts("\"}");
	fflush(stdout);
}

static long compress(int lz4, int count)
{
	if (lz4)
		return LZ4_compress_default((char *)input, (char *)output, count, OUTPUT_MAX);
	lzo_uint bytes = OUTPUT_MAX;
	int code = lzo1x_1_compress(input, (lzo_uint)count, output, &bytes, work);
	return code == LZO_E_OK ? (long)bytes : code;
}

static long decompress(int lz4, int count, int room)
{
	if (lz4)
		return LZ4_decompress_safe((char *)input, (char *)output, count, room);
	lzo_uint bytes = (lzo_uint)room;
	int code = lzo1x_decompress_safe(input, (lzo_uint)count, output, &bytes, NULL);
	return code == LZO_E_OK ? (long)bytes : code;
}

int main(void)
{
	if (lzo_init() != LZO_E_OK)
		return 1;
	while (fgets(line, sizeof line, stdin) != NULL) {
		char name[8];
		int room, at = 0;
		if (sscanf(line, "compress %7s %n", name, &at) == 1 && at > 0)
			answer(compress(strcmp(name, "lz4") == 0, read_hex(line + at)));
		else if (sscanf(line, "decompress %7s %d %n", name, &room, &at) == 2 && at > 0 && room <= OUTPUT_MAX)
			answer(decompress(strcmp(name, "lz4") == 0, read_hex(line + at), room));
		else
			return 2;
	}
	return 0;
}
