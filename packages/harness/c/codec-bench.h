/*
 * The frame of the codecs in C that `swaplab bench --only codec` holds our own against. A codec defines PAGE, ROOM (bytes for a stream), ENTRIES (of its
 * dictionary), `compress` and `decompress`, and includes this file behind them.
 *
 * Usage: CODEC FILE BATCHES
 *   FILE     whole pages of 4096 bytes
 *   BATCHES  how many batches they are worked through in
 *
 * Writes `{"ready":1,"pages":N}`. For each line it reads, `compress` or `decompress`, it works through all pages and writes
 * `{"ns":[...],"bytes":N,"sum":N}`: nanoseconds of each batch, bytes that came out, and a checksum over them. Ends with its input.
 */

static double now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* FNV-1a, with 32 bits. */
static uint32_t add_to_sum(uint32_t sum, const uint8_t *bytes, uint32_t count) {
  for (uint32_t index = 0; index < count; index++) sum = (sum ^ bytes[index]) * 0x01000193u;
  return sum;
}

int main(int argc, char **argv) {
  char line[32];
  if (argc != 3) return 2;
  uint32_t batches = (uint32_t)strtoul(argv[2], 0, 10);
  FILE *file = fopen(argv[1], "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) return 3;
  uint32_t pages = (uint32_t)(ftell(file) / PAGE);
  rewind(file);
  uint8_t *in = malloc((size_t)pages * PAGE), *streams = malloc((size_t)pages * ROOM), *back = malloc(PAGE);
  uint32_t *sizes = calloc(pages, sizeof *sizes);
  uint16_t *dictionary = malloc(ENTRIES * sizeof *dictionary);
  if (pages == 0 || batches == 0 || pages % batches != 0 || !in || !streams || !back || !sizes || !dictionary) return 3;
  if (fread(in, PAGE, pages, file) != pages) return 3;
  fclose(file);
  for (uint32_t page = 0; page < pages; page++) {
    sizes[page] = compress(in + (size_t)page * PAGE, PAGE, streams + (size_t)page * ROOM, dictionary);
    if (decompress(streams + (size_t)page * ROOM, sizes[page], back, PAGE) != PAGE) return 4;
    if (memcmp(back, in + (size_t)page * PAGE, PAGE) != 0) return 4;
  }
  printf("{\"ready\":1,\"pages\":%u}\n", pages);
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    int packing = strncmp(line, "compress", 8) == 0;
    uint32_t bytes = 0, sum = 0x811c9dc5u;
    printf("{\"ns\":[");
    for (uint32_t batch = 0, page = 0; batch < batches; batch++) {
      double start = now_ns();
      for (uint32_t end = page + pages / batches; page < end; page++) {
        if (packing)
          sizes[page] = compress(in + (size_t)page * PAGE, PAGE, streams + (size_t)page * ROOM, dictionary);
        else
          bytes += (uint32_t)decompress(streams + (size_t)page * ROOM, sizes[page], back, PAGE);
      }
      printf("%s%.0f", batch > 0 ? "," : "", now_ns() - start);
    }
    for (uint32_t page = 0; packing && page < pages; page++) {
      sum = add_to_sum(sum, streams + (size_t)page * ROOM, sizes[page]);
      bytes += sizes[page];
    }
    printf("],\"bytes\":%u,\"sum\":%u}\n", bytes, sum);
    fflush(stdout);
  }
  return 0;
}
